"""Types of versions that the newest published definitions have dropped, and that older clients still send.

They come from an older release of the same package. Only what the kinds below reach is taken, and only what the newest
definitions do not have: where both know a type, the newest one is right.

A version grows for as long as its protos are published, so that nothing is lost by reading an object in it and writing it
back. What it has won since that older release is told by its messages, and what that looks like by the version that followed.
"""

# Kinds that are served as forms of a newer version, and lists of them.
KINDS = {
    "admissionregistration.v1beta1": ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    "autoscaling.v2beta1": ["HorizontalPodAutoscaler"],
    "autoscaling.v2beta2": ["HorizontalPodAutoscaler"],
    "batch.v1beta1": ["CronJob"],
    "coordination.v1beta1": ["Lease"],
    "discovery.v1beta1": ["EndpointSlice"],
    "events.v1beta1": ["Event"],
    "extensions.v1beta1": ["Ingress"],
    "networking.v1beta1": ["Ingress", "IngressClass"],
    "node.v1beta1": ["RuntimeClass"],
    "policy.v1beta1": ["PodDisruptionBudget"],
    "rbac.v1beta1": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    "scheduling.v1beta1": ["PriorityClass"],
    "storage.v1beta1": ["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"],
}
# Kinds without a list.
SINGLE = ["io.k8s.api.policy.v1beta1.Eviction"]

# The package whose Go types hold the same fields in the same way, where go.txt says nothing of the older one.
SUCCESSORS = {
    "autoscaling.v2beta1": "autoscaling.v2",
    "autoscaling.v2beta2": "autoscaling.v2",
    "extensions.v1beta1": "networking.v1",
}

OLD, NEW = "#/definitions/", "#/$defs/"


def successor(name):
    """The full name that a type has in the version that followed."""
    home, _, short = name.removeprefix("io.k8s.api.").rpartition(".")
    return f"io.k8s.api.{SUCCESSORS.get(home, home.removesuffix('beta1'))}.{short}"


def references(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(OLD)
        for inner in schema.values():
            yield from references(inner)


def renamed(schema):
    """The same schema with its references as the newest definitions write them."""
    if isinstance(schema, list):
        return [renamed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    at_ref = lambda key, value: key == "$ref" and isinstance(value, str)
    return {key: value.replace(OLD, NEW) if at_ref(key, value) else renamed(value) for key, value in schema.items()}


def missing(older, newest):
    """The types that the kinds above need and the newest definitions lack, by name."""
    kinds = [f"io.k8s.api.{home}.{kind}{end}" for home, names in KINDS.items() for kind in names for end in ("", "List")]
    waiting, found = [*kinds, *SINGLE], {}
    while waiting:
        name = waiting.pop()
        if name not in newest and name not in found:
            found[name] = renamed(older[name])
            # Nobody patches a list of objects, and one was published with a key that its items do not have.
            for key in [key for key in found[name].get("properties", {}).get("items", {}) if key.startswith("x-")]:
                del found[name]["properties"]["items"][key]
            waiting.extend(references(older[name]))
    return found


def grow(dropped, newest, has_message_field):
    """Adds the fields that dropped types have won since: those that their messages and their successors have."""
    for name, schema in dropped.items():
        own = schema.setdefault("properties", {})
        for field, shape in newest.get(successor(name), {}).get("properties", {}).items():
            if field not in own and has_message_field(name, field, shape):
                own[field] = shape
