"""A watch: what happens while it lasts, taken up again where it ended, and refused from where nothing is known any more."""

import os

from kubernetes import client, config, watch

config.load_kube_config()
namespace = os.environ["NAMESPACE"]
core = client.CoreV1Api()
LIMIT = 60  # seconds, which end a watch that misses something


def create(name):
    metadata = client.V1ObjectMeta(name=name, labels={"watched": "yes"})
    core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=metadata, data={"turn": "1"}))


def stream(**options):
    return watch.Watch().stream(
        core.list_namespaced_config_map, namespace, label_selector="watched=yes", timeout_seconds=LIMIT, **options
    )


start = core.list_namespaced_config_map(namespace).metadata.resource_version
create("first")
for event in stream(resource_version=start):
    print(event["type"], event["object"].metadata.name, event["object"].data)
    if event["type"] == "ADDED":
        core.patch_namespaced_config_map("first", namespace, {"data": {"turn": "2"}})
    elif event["type"] == "MODIFIED":
        core.delete_namespaced_config_map("first", namespace)
    else:
        end = event["object"].metadata.resource_version
        break
create("second")
for event in stream(resource_version=end):
    print("again from there:", [f"{event['type']} {event['object'].metadata.name}"])
    break
core.delete_namespaced_config_map("second", namespace)

# From whatever is there on: the end of that is marked, and what follows comes after it.
seen = []
for event in stream(resource_version="0", allow_watch_bookmarks=True):
    seen.append(event["type"])
    if event["type"] == "ADDED":
        core.delete_namespaced_config_map(event["object"].metadata.name, namespace)
    if event["type"] == "DELETED":
        break
    if event["type"] == "BOOKMARK":
        create("third")
print("with bookmarks:", seen)
