"""The dynamic client: everything by what discovery says."""

import os

from kubernetes import config, dynamic
from kubernetes.client import api_client
from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

namespace = os.environ["NAMESPACE"]
client = dynamic.DynamicClient(api_client.ApiClient(configuration=config.load_kube_config()))
maps = client.resources.get(api_version="v1", kind="ConfigMap")
print("found", maps.kind, maps.api_version, maps.name, maps.namespaced)


def settings(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}


print("created", maps.create(settings(key="old"), namespace=namespace).metadata.name)
print("read", maps.get(name="settings", namespace=namespace).data.to_dict())
merge = {"data": {"key": "new"}}
patched = maps.patch(merge, name="settings", namespace=namespace, content_type="application/merge-patch+json")
print("patched by merge", patched.data.to_dict())
labels = {"metadata": {"labels": {"app": "web"}}}
print("patched strategically", maps.patch(labels, name="settings", namespace=namespace).metadata.labels.to_dict())
print("replaced", maps.replace(settings(key="last"), namespace=namespace).data.to_dict())
named = {"namespace": namespace, "field_selector": "metadata.name=settings"}
print("listed", [item.metadata.name for item in maps.get(**named).items])
seen = next(maps.watch(**named, timeout=60))
print("watched", [f"{seen['type']} {seen['object'].metadata.name}"])
try:
    maps.get(name="absent", namespace=namespace)
except NotFoundError as error:
    print("missing:", type(error).__name__, error.status)
maps.delete(name="settings", namespace=namespace)
print("deleted")
try:
    client.resources.get(api_version="example.invalid/v1", kind="Nothing")
except ResourceNotFoundError as error:
    print("unknown:", type(error).__name__)
