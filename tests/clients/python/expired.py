"""A history too short for what happened meanwhile: refused with 410, then read anew; the typed client and the dynamic one."""

import json
import os

from kubernetes import client, config, dynamic, watch
from kubernetes.client import api_client
from kubernetes.client.rest import ApiException

config.load_kube_config()
namespace = os.environ["NAMESPACE"]
core = client.CoreV1Api()
LIMIT = 60  # seconds, which end a watch that misses something
MORE_THAN_IS_KEPT = int(os.environ["EVENTS"])


def create(name):
    core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name)))


def much():
    """More events than the server remembers."""
    for turn in range(MORE_THAN_IS_KEPT):
        core.patch_namespaced_config_map("busy", namespace, {"data": {"turn": str(turn)}})


def told(what, error):
    print(f"{what}: {error.status} {(error.reason or '').split(':')[0]}")


for name in ["busy", "a", "b"]:
    create(name)
first = core.list_namespaced_config_map(namespace, limit=1)
start = first.metadata.resource_version
much()

maps = core.list_namespaced_config_map
try:
    for event in watch.Watch().stream(maps, namespace, resource_version=start):
        print("unexpected", event["type"])
except ApiException as error:
    told("typed watch", error)

# The next page is of a moment that is forgotten; the refusal says how to go on with what there is now.
try:
    maps(namespace, limit=1, _continue=first.metadata._continue)
except ApiException as error:
    told("typed page", error)
    token = json.loads(error.body)["metadata"]["continue"]
    print("goes on with:", [item.metadata.name for item in maps(namespace, _continue=token).items])
try:
    maps(namespace, resource_version=start, resource_version_match="Exact")
except ApiException as error:
    told("typed list of that moment", error)

# Read anew, and watched from there: as every controller does.
again = maps(namespace).metadata.resource_version
create("typed")
for event in watch.Watch().stream(maps, namespace, resource_version=again, timeout_seconds=LIMIT):
    print("typed again:", event["type"], event["object"].metadata.name)
    break

resource = dynamic.DynamicClient(api_client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
try:
    for event in resource.watch(namespace=namespace, resource_version=start, timeout=LIMIT):
        print("unexpected", event["type"])
except ApiException as error:
    told("dynamic watch", error)
again = resource.get(namespace=namespace).metadata.resourceVersion
create("dynamic")
for event in resource.watch(namespace=namespace, resource_version=again, timeout=LIMIT):
    print("dynamic again:", event["type"], event["object"].metadata.name)
    break
