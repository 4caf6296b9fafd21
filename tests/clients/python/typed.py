"""The typed client: create, read, list, patch, replace and delete, and what it says when it is refused."""

import json
import os
import time

from kubernetes import client, config

config.load_kube_config()
namespace = os.environ["NAMESPACE"]
core, apps = client.CoreV1Api(), client.AppsV1Api()


def settings(name="settings", **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"app": "web"}), data=data)


def refused(attempt, *arguments):
    """Says with what an attempt was refused."""
    try:
        attempt(*arguments)
        print("not refused")
    except client.ApiException as error:
        status = json.loads(error.body)
        print("refused", error.status, error.reason, f"{status['reason']}: {status['message']}")


version = client.VersionApi().get_code()
print("version", version.major, version.minor)
made = core.create_namespaced_config_map(namespace, settings(key="old"))
print("created", made.metadata.name, made.data, "in", made.metadata.namespace)
print("read", core.read_namespaced_config_map("settings", namespace).data)
listed = [
    [item.metadata.name for item in core.list_namespaced_config_map(namespace, label_selector=label).items]
    for label in ("app=web", "app=other")
]
print("listed", listed[0], "by label,", listed[1], "by another")
print("patched", core.patch_namespaced_config_map("settings", namespace, {"data": {"more": "1"}}).data)
fresh = core.read_namespaced_config_map("settings", namespace)
stale = fresh.metadata.resource_version
fresh.data = {"key": "new"}
print("replaced", core.replace_namespaced_config_map("settings", namespace, fresh).data)
fresh.metadata.resource_version = stale
refused(core.replace_namespaced_config_map, "settings", namespace, fresh)
refused(core.read_namespaced_config_map, "absent", namespace)
refused(core.create_namespaced_config_map, namespace, settings())
refused(core.create_namespaced_config_map, namespace, settings("Not_A_Name"))
gone = core.delete_namespaced_config_map("settings", namespace)
print("deleted", gone["status"], gone["details"]["name"])

labels = {"app": "idle"}
container = client.V1Container(name="main", image="nowhere.invalid/idle:1")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
)
spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
idle = apps.create_namespaced_deployment(
    namespace, client.V1Deployment(metadata=client.V1ObjectMeta(name="idle"), spec=spec)
)
ready = idle.status.ready_replicas or 0
print(f"deployment {idle.metadata.name} with {ready} of {idle.spec.replicas} replicas, generation", idle.metadata.generation)
scale = apps.patch_namespaced_deployment_scale("idle", namespace, {"spec": {"replicas": 3}})
print("scaled to", scale.spec.replicas, "by the subresource")
operations = [{"op": "replace", "path": "/spec/replicas", "value": 0}]
print("patched by a list of operations:", apps.patch_namespaced_deployment("idle", namespace, operations).spec.replicas)
apps.delete_namespaced_deployment("idle", namespace, propagation_policy="Foreground")
while apps.list_namespaced_deployment(namespace).items:
    time.sleep(0.1)
print("deployment gone, in the foreground")
