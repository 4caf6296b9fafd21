"""Patches of every type, apply, and what stands in files."""

import json
import os

from kubernetes import client, config, utils

config.load_kube_config()
namespace = os.environ["NAMESPACE"]
api = client.ApiClient()
apps, core = client.AppsV1Api(api), client.CoreV1Api(api)

utils.create_from_yaml(api, "objects.yaml", namespace=namespace)
print("created from a file:", sorted(item.metadata.name for item in core.list_namespaced_config_map(namespace, label_selector="from=file").items))
try:
    utils.create_from_yaml(api, "objects.yaml", namespace=namespace)
except utils.FailToCreateError as error:
    print("refused:", [(json.loads(one.body)["reason"], one.status) for one in error.api_exceptions])


def containers(patch, content_type):
    """The containers of the deployment after a patch of that type."""
    request = api.param_serialize(
        method="PATCH",
        resource_path="/apis/apps/v1/namespaces/{namespace}/deployments/idle",
        path_params={"namespace": namespace},
        query_params=[("fieldManager", "me"), ("force", "true")] if "apply" in content_type else [],
        header_params={"Content-Type": content_type, "Accept": "application/json"},
        body=patch,
        auth_settings=["BearerToken"],
    )
    answer = api.call_api(*request)
    answer.read()
    if answer.status >= 300:
        raise client.ApiException(http_resp=answer)
    return [container["name"] for container in json.loads(answer.data)["spec"]["template"]["spec"]["containers"]]


def template(*names):
    listed = [{"name": name, "image": "nowhere.invalid/a:1"} for name in names]
    return {"spec": {"template": {"spec": {"containers": listed}}}}


print("strategic:", containers(template("second"), "application/strategic-merge-patch+json"))
print("merge:", containers(template("third"), "application/merge-patch+json"))
operation = {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "fourth", "image": "nowhere.invalid/a:1"}}
print("json:", containers([operation], "application/json-patch+json"))
head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "idle"}}
print("apply:", containers(head | template("fifth"), "application/apply-patch+yaml"))
removed = {"spec": {"template": {"spec": {"containers": [{"name": "fifth", "$patch": "delete"}]}}}}
print("strategic removal:", containers(removed, "application/strategic-merge-patch+json"))
for wrong, content_type in [({"spec": {"replicas": "x"}}, "application/merge-patch+json"), ([{"op": "nothing"}], "application/json-patch+json")]:
    try:
        containers(wrong, content_type)
    except client.ApiException as error:
        print("refused:", error.status, json.loads(error.body)["reason"])
status = apps.patch_namespaced_deployment_status("idle", namespace, {"status": {"conditions": [{"type": "Mine", "status": "True"}]}}).status
print("status:", any(condition.type == "Mine" for condition in status.conditions))
apps.delete_namespaced_deployment("idle", namespace)
deleted = core.delete_collection_namespaced_config_map(namespace, label_selector="from=file")
print("deleted all:", deleted.status or deleted.kind)
