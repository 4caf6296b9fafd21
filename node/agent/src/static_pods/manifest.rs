//! From the text of a manifest to a static pod of this node, as the kubelet makes one of it.

use api::decode::{self, MediaType};
use api::kinds;
use k8s_openapi::api::core::v1::Pod;
use seam::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Where a pod comes from: `file`, `http`; the API's have none or `api`.
const SOURCE: &str = "kubernetes.io/config.source";
/// When it was read.
const SEEN: &str = "kubernetes.io/config.seen";
/// What it is: the uid that the node runs it under.
pub(super) const HASH: &str = "kubernetes.io/config.hash";
/// On a mirror pod: the hash of what it mirrors.
pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
/// Digits of a hash, as many as a kubelet's has.
const HASH_DIGITS: usize = 32;

/// Where manifests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The folder.
    File,
    /// The address.
    Http,
}

/// Why a manifest is no pod.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManifestError {
    /// It cannot be read.
    #[error("{0}")]
    Text(String),
    /// The API would refuse it.
    #[error("the API would refuse pod {name:?}: {why}")]
    Invalid {
        /// Name in the manifest.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Whether a pod is one that the node runs without being asked by the API.
pub(crate) fn is_static(pod: &Pod) -> bool {
    annotation(pod, SOURCE).is_some_and(|source| source != "api") && !is_mirror(pod)
}

/// Whether a pod of the API only reflects a static one.
pub(crate) fn is_mirror(pod: &Pod) -> bool {
    annotation(pod, MIRROR).is_some()
}

pub(super) fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The pods of a manifest: one pod or, over HTTP, a list of them.
///
/// # Errors
/// For the first that is none.
pub(super) fn pods(
    text: &[u8],
    origin: Origin,
    place: &str,
    node: &str,
    seen: Timestamp,
) -> Result<Vec<Pod>, ManifestError> {
    let unreadable = |error: &dyn std::fmt::Display| ManifestError::Text(error.to_string());
    let read: Value = serde_yaml_ng::from_slice(text).map_err(|error| unreadable(&error))?;
    let items = match read["items"].as_array() {
        Some(items) if origin == Origin::Http => items.clone(),
        _ => vec![read],
    };
    items.into_iter().map(|item| pod(item, origin, place, node, seen)).collect()
}

fn pod(mut item: Value, origin: Origin, place: &str, node: &str, seen: Timestamp) -> Result<Pod, ManifestError> {
    // The members of a list need not say what they are.
    for (field, value) in [("apiVersion", "v1"), ("kind", "Pod")] {
        if item[field].is_null() {
            item[field] = value.into();
        }
    }
    let text = item.to_string();
    let kind = kinds::stored("", "pods").ok_or_else(|| ManifestError::Text("pods are no kind here".to_owned()))?;
    let decoded = decode::decode(text.as_bytes(), MediaType::Json, kind);
    let mut object = decoded.map_err(|status| ManifestError::Text(status.message.to_string()))?.object;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
    let hash = hash(&object, place, node);
    let source = if origin == Origin::File { "file" } else { "http" };
    let metadata = &mut object["metadata"];
    metadata["name"] = format!("{name}-{}", node.to_lowercase()).into();
    metadata["namespace"] = namespace.into();
    metadata["uid"] = hash.clone().into();
    metadata["creationTimestamp"] = crate::status::seconds(seen).0.to_string().into();
    metadata["annotations"][SOURCE] = source.into();
    metadata["annotations"][HASH] = hash.into();
    metadata["annotations"][SEEN] = seen.to_string().into();
    let spec = &mut object["spec"];
    spec["nodeName"] = node.into();
    tolerate_all(spec);
    kind.strategy.default(&mut object);
    kind.strategy.prepare_create(&mut object);
    let mut wrong = kind.strategy.validate(&object);
    wrong.extend(kind.strategy.validate_create(&object));
    if !wrong.is_empty() {
        let why = wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(ManifestError::Invalid { name, why });
    }
    serde_json::from_value(object).map_err(|error| ManifestError::Text(error.to_string()))
}

/// The same manifest at the same place on the same node has the same hash, so that an agent that restarts finds its pods.
fn hash(object: &Value, place: &str, node: &str) -> String {
    let mut hash = Sha256::new();
    for part in [object.to_string().as_str(), node, place] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(HASH_DIGITS);
    digits
}

/// What the node itself wants is not driven away by taints.
fn tolerate_all(spec: &mut Value) {
    let all = json!({ "operator": "Exists", "effect": "NoExecute" });
    match spec["tolerations"].as_array_mut() {
        Some(tolerations) => tolerations.push(all),
        None => spec["tolerations"] = json!([all]),
    }
}
