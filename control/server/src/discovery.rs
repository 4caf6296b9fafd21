//! Discovery: what is served, in the old form (a document a group) and the aggregated one.
//!
//! Both forms are written from the same [`resources`], so they cannot disagree.

mod aggregated;
mod legacy;

use api::kind::{Flags, Kind, Scope, Subresource};
use api::kinds;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub(crate) use aggregated::{answer as aggregated, wanted as wants_aggregated};
pub(crate) use legacy::{core_versions, group, group_list, resources as resource_list};

use crate::route::spelled;

/// Groups in the order in which clients prefer them: that of their priorities in kube-apiserver. Groups that Kubernetes does
/// not know follow by name.
const ORDER: &[&str] = &[
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "extensions",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "resource.k8s.io",
    "metrics.k8s.io",
];

/// Verbs of a kind, as discovery orders them.
const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Verbs of a kind whose collection cannot be deleted at once.
const VERBS_ONE_BY_ONE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
/// Verbs of a kind that the server tells of and does not store.
const VERBS_OF_COMPUTED: &[&str] = &["get", "list"];
/// How much of a hash tells storage versions apart, in bytes; as kube-apiserver.
const HASH_BYTES: usize = 8;

/// What a resource or a part of one takes and gives.
struct Answers {
    /// Group and version, where they are not those of the document.
    of: Option<(&'static str, &'static str)>,
    kind: &'static str,
    verbs: &'static [&'static str],
}

/// A part of a resource, such as `status`.
struct Part {
    name: &'static str,
    answers: Answers,
}

/// A resource as both forms tell of it.
struct Resource {
    name: &'static str,
    singular: &'static str,
    scope: Scope,
    answers: Answers,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    /// Tells clients whether two versions are stored as one; none for what is not stored.
    storage_hash: Option<String>,
    parts: Vec<Part>,
}

/// Groups other than core with their versions. The order of versions is that of the table of kinds: the preferred one first.
fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for kind in kinds::all().iter().filter(|kind| !kind.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == &*kind.group) {
            Some((_, versions)) if versions.contains(&&*kind.version) => {}
            Some((_, versions)) => versions.push(&kind.version),
            None => groups.push((&kind.group, vec![&kind.version])),
        }
    }
    let place = |group: &str| ORDER.iter().position(|one| *one == group).unwrap_or(ORDER.len());
    groups.sort_by_key(|(group, _)| (place(group), *group));
    groups
}

/// The resources of a group and version, in order of name; none when it is not served.
fn resources(group: &str, version: &str) -> Vec<Resource> {
    let kinds = kinds::all().iter().filter(|kind| *kind.group == *group && *kind.version == *version);
    let mut resources: Vec<Resource> = kinds.map(resource).collect();
    if (group, version) == ("", "v1") {
        resources.push(bindings());
    }
    resources.sort_by_key(|one| one.name);
    resources
}

fn resource(kind: &'static Kind) -> Resource {
    let mut parts: Vec<Part> = kind.subresources.iter().map(|one| part(kind, *one)).collect();
    parts.sort_by_key(|part| part.name);
    let verbs = match kind.flags {
        Flags { computed: true, .. } => VERBS_OF_COMPUTED,
        Flags { deleted_one_by_one: true, .. } => VERBS_ONE_BY_ONE,
        _ => VERBS,
    };
    Resource {
        name: &kind.plural,
        singular: &kind.singular,
        scope: kind.scope,
        answers: Answers { of: None, kind: &kind.kind, verbs },
        short: kind.short,
        categories: kind.categories,
        storage_hash: (!kind.flags.computed).then(|| storage_hash(kind)),
        parts,
    }
}

/// `bindings`, which are made and never kept.
fn bindings() -> Resource {
    Resource {
        name: "bindings",
        singular: "binding",
        scope: Scope::Namespaced,
        answers: Answers { of: None, kind: "Binding", verbs: &["create"] },
        short: &[],
        categories: &[],
        storage_hash: None,
        parts: Vec::new(),
    }
}

fn part(kind: &'static Kind, part: Subresource) -> Part {
    const READ_AND_CHANGE: &[&str] = &["get", "patch", "update"];
    let own = |verbs| Answers { of: None, kind: &kind.kind, verbs };
    let other = |group, version, kind, verbs| Answers { of: Some((group, version)), kind, verbs };
    let answers = match part {
        Subresource::Status | Subresource::EphemeralContainers | Subresource::Resize | Subresource::Approval => {
            own(READ_AND_CHANGE)
        }
        Subresource::Scale => other("autoscaling", "v1", "Scale", READ_AND_CHANGE),
        Subresource::Binding => Answers { of: None, kind: "Binding", verbs: &["create"] },
        Subresource::Log => own(&["get"]),
        // Kubernetes names what travels here; it has no group, and takes any method. Ours is read only.
        Subresource::Proxy => Answers { of: None, kind: "NodeProxyOptions", verbs: &["get"] },
        Subresource::Finalize => own(&["update"]),
        Subresource::Eviction => other("policy", "v1", "Eviction", &["create"]),
    };
    Part { name: spelled(part), answers }
}

/// The first bytes of a hash of what the store holds.
fn storage_hash(kind: &Kind) -> String {
    let stored = kinds::stored(&kind.stored_resource().group, &kind.stored_resource().plural).unwrap_or(kind);
    let hash = Sha256::digest(format!("{}/{}/{}", stored.group, stored.version, stored.kind));
    STANDARD.encode(&hash[..HASH_BYTES])
}

/// Every path of the server, for `/` and for paths that are not served.
pub(crate) fn paths() -> Vec<String> {
    let own = [
        "/api",
        "/api/v1",
        "/apis",
        "/apis/",
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/",
        "/readyz",
        "/version",
    ];
    let mut paths: Vec<String> = own.map(str::to_owned).into();
    for (group, versions) in groups() {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.sort();
    paths
}

#[cfg(test)]
mod tests;
