//! May they: who may do what. One trait, and the authorizer of a cluster without roles of its own.

use api::meta::Resource;
use api::requester::{MASTERS, Requester};
use api::status::Status;
use api::view::View;
use serde_json::Value;

use crate::identity::AUTHENTICATED;
use crate::route::{Page, Verb};

/// Namespace of the nodes' heartbeats.
const LEASES_NAMESPACE: &str = "kube-node-lease";

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Who.
    pub requester: &'a Requester,
    /// Verb.
    pub verb: Verb,
    /// API group; empty for core.
    pub group: &'a str,
    /// Plural.
    pub resource: &'a str,
    /// Subresource; empty for the object itself.
    pub subresource: &'a str,
    /// Namespace; empty for cluster-scoped resources and for lists over all namespaces.
    pub namespace: &'a str,
    /// Name; empty for collections and creations.
    pub name: &'a str,
    /// `fieldSelector` of the request.
    pub fields: &'a str,
}

/// Decides whether an attempt is allowed.
pub trait Authorizer: Send + Sync + std::fmt::Debug {
    /// Whether the attempt is allowed in the state of the view.
    fn allows(&self, attempt: &Attempt<'_>, view: &View) -> bool;
}

/// `system:masters` may all; a node may what concerns it and its pods; everybody else nothing.
#[derive(Clone, Copy, Debug)]
pub struct Builtin;

impl Authorizer for Builtin {
    fn allows(&self, attempt: &Attempt<'_>, view: &View) -> bool {
        if attempt.requester.in_group(MASTERS) {
            return true;
        }
        attempt.requester.node().is_some_and(|node| node_may(node, attempt, view))
    }
}

/// 403 in the words of Kubernetes.
pub(crate) fn refuse(attempt: &Attempt<'_>) -> Status {
    let place = if attempt.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", attempt.namespace)
    };
    let what = if attempt.subresource.is_empty() {
        attempt.resource.to_owned()
    } else {
        format!("{}/{}", attempt.resource, attempt.subresource)
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{what}\" in API group \"{}\" {place}",
        attempt.requester.user,
        attempt.verb.name(),
        attempt.group
    );
    Status::forbidden(&Resource::new(attempt.group, attempt.resource), attempt.name, &why)
}

/// Whether the requester may ask for what is no object: discovery, OpenAPI, health and version are for everybody who is known,
/// figures for administrators.
pub(crate) fn may_visit(requester: &Requester, page: &Page) -> bool {
    requester.in_group(MASTERS) || (*page != Page::Metrics && requester.in_group(AUTHENTICATED))
}

/// 403 for a path that is no object.
pub(crate) fn refuse_path(requester: &Requester, path: &str) -> Status {
    let why = format!("forbidden: User \"{}\" cannot get path \"{path}\"", requester.user);
    Status::new(403, "Forbidden", why)
}

/// The rules of Kubernetes' node authorizer and node restriction: a stolen node key opens that node's pods only.
fn node_may(node: &str, attempt: &Attempt<'_>, view: &View) -> bool {
    let read = matches!(attempt.verb, Verb::Get | Verb::List | Verb::Watch);
    let write = matches!(attempt.verb, Verb::Update | Verb::Patch);
    match (attempt.group, attempt.resource, attempt.subresource) {
        ("", "nodes", "") if attempt.verb == Verb::Create => true,
        ("", "nodes", "") => read || (attempt.name == node && write),
        ("", "nodes", "status") => attempt.name == node && (write || attempt.verb == Verb::Get),
        ("coordination.k8s.io", "leases", "") => {
            attempt.namespace == LEASES_NAMESPACE
                && (attempt.verb == Verb::Create || (attempt.name == node && (read || write)))
        }
        ("", "pods", "") => match attempt.verb {
            Verb::List | Verb::Watch => selects(attempt.fields, "spec.nodeName", node),
            Verb::Get | Verb::Delete => bound_here(node, attempt, view),
            // Mirrors of its static pods; admission sees to it that it makes nothing else.
            Verb::Create => true,
            Verb::Update | Verb::Patch | Verb::DeleteCollection => false,
        },
        ("", "pods", "status") => (write || attempt.verb == Verb::Get) && bound_here(node, attempt, view),
        ("", "secrets" | "configmaps" | "serviceaccounts", "") => read && referenced(node, attempt, view),
        ("", "services", "")
        | ("discovery.k8s.io", "endpointslices", "")
        | ("networking.k8s.io", "servicecidrs", "")
        | ("node.k8s.io", "runtimeclasses", "") => read,
        ("", "namespaces", "") => read,
        ("" | "events.k8s.io", "events", "") => attempt.verb == Verb::Create || write,
        _ => false,
    }
}

/// Whether a field selector pins a field to a value.
fn selects(fields: &str, field: &str, value: &str) -> bool {
    fields.split(',').any(|term| {
        let term = term.trim();
        term.split_once("==").or_else(|| term.split_once('=')) == Some((field, value))
    })
}

fn bound_here(node: &str, attempt: &Attempt<'_>, view: &View) -> bool {
    let pod = view.find("", "pods", attempt.namespace, attempt.name);
    pod.and_then(|pod| pod.header.facts.pod()).and_then(|facts| facts.node.as_deref()) == Some(node)
}

/// Whether a pod on the node refers to the object; a list or watch must pin the name by a field selector.
fn referenced(node: &str, attempt: &Attempt<'_>, view: &View) -> bool {
    let pinned = attempt.fields.split(',').find_map(|term| term.trim().strip_prefix("metadata.name="));
    let name = if attempt.name.is_empty() { pinned.unwrap_or_default() } else { attempt.name };
    if name.is_empty() {
        return false;
    }
    view.on_node(node).filter(|pod| pod.key.namespace() == attempt.namespace).any(|pod| {
        let Ok(pod) = pod.body.decode::<Value>() else { return false };
        refers(&pod["spec"], attempt.resource, name)
    })
}

/// Whether a pod's spec names any object of the resource.
pub(crate) fn refers_to_any(spec: &Value, resource: &str) -> bool {
    refers_as(spec, resource, &|name| name.as_str().is_some_and(|name| !name.is_empty()))
}

/// Whether a pod's spec names the object anywhere: every reference to a Secret or ConfigMap stands in a field of a known name.
fn refers(spec: &Value, resource: &str, name: &str) -> bool {
    refers_as(spec, resource, &|found| found == name)
}

fn refers_as(value: &Value, resource: &str, wanted: &dyn Fn(&Value) -> bool) -> bool {
    let direct: &[&str] = match resource {
        "secrets" => &["secretName"],
        "serviceaccounts" => &["serviceAccountName"],
        _ => &[],
    };
    let nested: &[&str] = match resource {
        "secrets" => &["secretRef", "secretKeyRef", "secret", "imagePullSecrets", "nodePublishSecretRef"],
        "configmaps" => &["configMap", "configMapRef", "configMapKeyRef"],
        _ => &[],
    };
    let named = |value: &Value| match value {
        Value::Array(items) => items.iter().any(|item| wanted(&item["name"])),
        other => wanted(&other["name"]),
    };
    match value {
        Value::Object(fields) => fields.iter().any(|(field, value)| {
            (direct.contains(&field.as_str()) && wanted(value))
                || (nested.contains(&field.as_str()) && named(value))
                || refers_as(value, resource, wanted)
        }),
        Value::Array(items) => items.iter().any(|item| refers_as(item, resource, wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_found_wherever_a_pod_may_hold_them() {
        let spec = json!({
            "serviceAccountName": "sa",
            "imagePullSecrets": [{"name": "pull"}],
            "containers": [{"name": "only-a-container", "envFrom": [{"configMapRef": {"name": "env"}}],
                "env": [{"valueFrom": {"secretKeyRef": {"name": "key"}}}]}],
            "volumes": [{"secret": {"secretName": "vol"}}, {"projected": {"sources": [{"secret": {"name": "proj"}}]}}],
        });
        for name in ["pull", "key", "vol", "proj"] {
            assert!(refers(&spec, "secrets", name), "{name}");
        }
        assert!(refers(&spec, "configmaps", "env"));
        assert!(refers(&spec, "serviceaccounts", "sa"));
        assert!(!refers(&spec, "secrets", "only-a-container"));
        assert!(!refers(&spec, "configmaps", "key"));
    }

    #[test]
    fn a_node_lists_its_own_pods_only() {
        let node = Requester::new("system:node:n1", &["system:nodes"]);
        let list = |fields| Attempt {
            requester: &node,
            verb: Verb::List,
            group: "",
            resource: "pods",
            subresource: "",
            namespace: "",
            name: "",
            fields,
        };
        assert!(Builtin.allows(&list("spec.nodeName=n1"), &View::new()));
        assert!(!Builtin.allows(&list("spec.nodeName=n2"), &View::new()));
        assert!(!Builtin.allows(&list(""), &View::new()));
    }

    #[test]
    fn a_refusal_has_the_words_of_kubernetes() {
        let bob = Requester::new("bob", &[AUTHENTICATED]);
        let attempt = Attempt {
            requester: &bob,
            verb: Verb::List,
            group: "",
            resource: "pods",
            subresource: "",
            namespace: "default",
            name: "",
            fields: "",
        };
        assert!(!Builtin.allows(&attempt, &View::new()));
        assert_eq!(
            refuse(&attempt).message,
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
        );
    }
}
