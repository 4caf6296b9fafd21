"""Types of metrics.k8s.io/v1beta1, as facts in the form of the published definitions.

No registry package publishes them: they are served by an add-on, so that no dump of a cluster's own API has them. These are the
facts of its Go types (k8s.io/metrics, (C) The Kubernetes Authors, Apache-2.0), with their help texts.
"""

HOME = "io.k8s.metrics.pkg.apis.metrics.v1beta1"
META = "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1"
DURATION = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration"

USAGE = {
    "description": "The memory usage is the memory working set.",
    "type": "object",
    "additionalProperties": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"},
}
INTERVAL = {
    "timestamp": {
        "$ref": f"{META}.Time",
        "description": "The following fields define time interval from which metrics were collected from the interval "
        "[Timestamp-Window, Timestamp].",
    },
    "window": {"$ref": f"{META}.Duration"},
}


def listed(item, description=""):
    return {"type": "array", "items": {"$ref": f"#/$defs/{HOME}.{item}"}, "description": description}


def kind(name, description, metadata, fields, like):
    """A type with an envelope, whose texts are those of every other kind."""
    envelope = {field: {**like[field], "enum": [value]} for field, value in (("apiVersion", "v1"), ("kind", name))}
    return {
        "description": description,
        "type": "object",
        "properties": {**envelope, "metadata": metadata, **fields},
        "required": [field for field in fields],
        "x-kubernetes-group-version-kind": [{"group": "metrics.k8s.io", "kind": name, "version": "v1beta1"}],
    }


def types(definitions):
    """The types by name. The texts of what every kind has come from the definitions of another kind."""
    like = definitions["io.k8s.api.core.v1.ComponentStatus"]["properties"]
    like_list = definitions["io.k8s.api.core.v1.ComponentStatusList"]["properties"]
    containers = {
        **listed("ContainerMetrics", "Metrics for all containers are collected within the same time window."),
        "x-kubernetes-list-type": "atomic",
    }
    found = {
        "ContainerMetrics": {
            "description": "ContainerMetrics sets resource usage metrics of a container.",
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": "Container name corresponding to the one from pod.spec.containers.",
                },
                "usage": USAGE,
            },
            "required": ["name", "usage"],
        }
    }
    for of, own in (("Node", {"usage": USAGE}), ("Pod", {"containers": containers})):
        name, about = f"{of}Metrics", of.lower()
        text = f"{name} sets resource usage metrics of a {about}."
        found[name] = kind(name, text, like["metadata"], INTERVAL | own, like)
        items = {"items": listed(name, f"List of {about} metrics.")}
        found[f"{name}List"] = kind(f"{name}List", f"{name}List is a list of {name}.", like_list["metadata"], items, like)
    duration = {
        "description": "Duration is a wrapper around time.Duration which supports correct marshaling to YAML and JSON. In "
        "particular, it marshals into strings, which can be used as map keys in json."
    }
    return {DURATION: duration} | {f"{HOME}.{name}": schema for name, schema in found.items()}
