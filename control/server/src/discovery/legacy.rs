//! The old form: a list of groups, and a document for each group and version.

use api::kind::Scope;
use serde_json::{Value, json};

use super::{Answers, Resource, groups, resources as of};

/// `/api`.
pub(crate) fn core_versions(server_address: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}],
    })
}

/// `/apis`.
pub(crate) fn group_list() -> Value {
    let groups: Vec<Value> = groups().iter().map(|(name, versions)| entry(name, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(crate) fn group(name: &str) -> Option<Value> {
    let (name, versions) = groups().into_iter().find(|(group, _)| *group == name)?;
    let mut value = entry(name, &versions);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Some(value)
}

fn entry(name: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let preferred = versions.first().cloned();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub(crate) fn resources(group: &str, version: &str) -> Option<Value> {
    let resources = of(group, version);
    if resources.is_empty() {
        return None;
    }
    let mut entries: Vec<Value> = resources.iter().flat_map(entries).collect();
    entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": entries});
    if !group.is_empty() {
        // Clients of 2015 expected none of the core group, so that it still has none.
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// A resource and its parts.
fn entries(of: &Resource) -> Vec<Value> {
    let mut whole = answering(of, of.name, of.singular, &of.answers);
    if !of.short.is_empty() {
        whole["shortNames"] = json!(of.short);
    }
    if !of.categories.is_empty() {
        whole["categories"] = json!(of.categories);
    }
    if let Some(hash) = &of.storage_hash {
        whole["storageVersionHash"] = hash.as_str().into();
    }
    let parts = of.parts.iter().map(|part| answering(of, &format!("{}/{}", of.name, part.name), "", &part.answers));
    std::iter::once(whole).chain(parts).collect()
}

fn answering(of: &Resource, name: &str, singular: &str, answers: &Answers) -> Value {
    let mut entry = json!({
        "name": name, "singularName": singular, "namespaced": of.scope == Scope::Namespaced, "kind": answers.kind,
        "verbs": answers.verbs,
    });
    if let Some((group, version)) = answers.of {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}
