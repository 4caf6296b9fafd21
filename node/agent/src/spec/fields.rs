//! The downward API: a pod's own fields and resources, as values of its environment and files of its volumes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, ObjectFieldSelector, Pod, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::amount;
use crate::policy;
use crate::spec::{ConfigError, NodeFacts};

/// What a reference resolves against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The node.
    pub node: &'a NodeFacts,
    /// Addresses of the pod, known once its sandbox is.
    pub addresses: &'a [IpAddr],
}

/// Value of a field, as `fieldRef.fieldPath` names it.
///
/// # Errors
/// When the path is none that the downward API offers.
pub(crate) fn field(context: &Context<'_>, selector: &ObjectFieldSelector) -> Result<String, ConfigError> {
    let pod = context.pod;
    let path = selector.field_path.as_str();
    if let Some((map, key)) = subscript(path) {
        let map = match map {
            "metadata.labels" => &pod.metadata.labels,
            "metadata.annotations" => &pod.metadata.annotations,
            _ => return Err(unknown(path)),
        };
        return Ok(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default());
    }
    let spec = pod.spec.as_ref();
    Ok(match path {
        "metadata.name" => policy::name(pod).to_owned(),
        "metadata.namespace" => policy::namespace(pod).to_owned(),
        "metadata.uid" => policy::uid(pod).to_owned(),
        "metadata.labels" => lines(pod.metadata.labels.as_ref()),
        "metadata.annotations" => lines(pod.metadata.annotations.as_ref()),
        "spec.nodeName" => context.node.name.clone(),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default(),
        "status.hostIP" => joined(context.node.addresses.get(..1).unwrap_or_default()),
        "status.hostIPs" => joined(&context.node.addresses),
        "status.podIP" => joined(context.addresses.get(..1).unwrap_or_default()),
        "status.podIPs" => joined(context.addresses),
        _ => return Err(unknown(path)),
    })
}

/// Value of a resource, as `resourceFieldRef` names it: in units of its divisor, rounded up. A limit that is not set is
/// what the node offers.
///
/// # Errors
/// When the container or the resource does not exist.
pub(crate) fn resource(
    context: &Context<'_>,
    own: Option<&Container>,
    selector: &ResourceFieldSelector,
) -> Result<String, ConfigError> {
    let wrong = |why: &str| ConfigError::Reference {
        field: format!("resourceFieldRef {}", selector.resource),
        why: why.to_owned(),
    };
    let named = selector.container_name.as_deref().filter(|name| !name.is_empty());
    let spec = context.pod.spec.as_ref();
    let container = match named {
        Some(name) => spec.and_then(|spec| Some(policy::find(spec, name)?.1)),
        None => own.map(Cow::Borrowed),
    };
    let container = container.ok_or_else(|| wrong("containerName names no container of this pod"))?;
    let (side, name) = selector.resource.split_once('.').ok_or_else(|| wrong("expected limits.… or requests.…"))?;
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let amount = match side {
        "limits" => {
            limits.and_then(|limits| limits.get(name)).and_then(amount::milli).or_else(|| offered(context, name))
        }
        "requests" => requests.and_then(|requests| requests.get(name)).and_then(amount::milli).or(Some(0)),
        _ => return Err(wrong("expected limits.… or requests.…")),
    };
    let amount = amount.ok_or_else(|| wrong("this resource is unknown"))?;
    let one = Quantity("1".to_owned());
    let divisor = selector.divisor.as_ref().filter(|divisor| amount::milli(divisor) != Some(0)).unwrap_or(&one);
    let divisor =
        amount::milli(divisor).filter(|&divisor| divisor > 0).ok_or_else(|| wrong("divisor is no positive amount"))?;
    Ok((amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)).to_string())
}

/// What the node offers of a resource, in thousandths.
fn offered(context: &Context<'_>, name: &str) -> Option<i128> {
    let allocatable = &context.node.allocatable;
    match name {
        "cpu" => Some(i128::from(allocatable.cpu_milli)),
        "memory" => Some(i128::from(allocatable.memory) * 1000),
        "ephemeral-storage" => Some(i128::from(allocatable.ephemeral_storage) * 1000),
        _ if name.starts_with("hugepages-") => Some(0),
        _ => None,
    }
}

/// `metadata.labels['key']` as map and key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    Some((map, key))
}

/// A map as lines of `key="value"`, as the downward API writes labels and annotations into files.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let line = |(key, value): (&String, &String)| format!("{key}={}", quoted(value));
    map.map(|map| map.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

/// A value in quotes, with control characters escaped as Go escapes them.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn unknown(path: &str) -> ConfigError {
    ConfigError::Reference { field: format!("fieldRef {path}"), why: "the downward API has no such field".to_owned() }
}
