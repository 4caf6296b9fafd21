//! Discovery: what is served, in the old form (a document a group) and the aggregated one.

use std::collections::BTreeMap;

use api::kind::{Kind, Scope, Subresource};
use api::kinds;
use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::fail::Reply;
use crate::route::spelled;

/// Verbs of every kind, as discovery orders them.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Media type of the aggregated form.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Groups other than core with their versions, in the order of the table of kinds.
fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for kind in kinds::all().iter().filter(|kind| !kind.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == &*kind.group) {
            Some((_, versions)) if versions.contains(&&*kind.version) => {}
            Some((_, versions)) => versions.push(&kind.version),
            None => groups.push((&kind.group, vec![&kind.version])),
        }
    }
    groups
}

/// `/api`.
pub(crate) fn core_versions(server_address: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}],
    })
}

fn group_value(name: &str, versions: &[&str]) -> Value {
    let entry = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(entry).collect();
    let preferred = versions.first().cloned();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

/// `/apis`.
pub(crate) fn group_list() -> Value {
    let groups: Vec<Value> = groups().iter().map(|(name, versions)| group_value(name, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(crate) fn group(name: &str) -> Option<Value> {
    let (name, versions) = groups().into_iter().find(|(group, _)| *group == name)?;
    let mut value = group_value(name, &versions);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Some(value)
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub(crate) fn resources(group: &str, version: &str) -> Option<Value> {
    let mut entries: Vec<Value> = Vec::new();
    for kind in of(group, version) {
        let mut entry = json!({
            "name": &*kind.plural, "singularName": &*kind.singular, "namespaced": kind.scope == Scope::Namespaced,
            "kind": &*kind.kind, "verbs": VERBS,
        });
        if !kind.short.is_empty() {
            entry["shortNames"] = json!(kind.short);
        }
        if !kind.categories.is_empty() {
            entry["categories"] = json!(kind.categories);
        }
        entries.push(entry);
        for part in kind.subresources {
            let (of_group, of_version, of_kind, verbs) = part_facts(kind, *part);
            let mut entry = json!({
                "name": format!("{}/{}", kind.plural, spelled(*part)), "singularName": "",
                "namespaced": kind.scope == Scope::Namespaced, "kind": of_kind, "verbs": verbs,
            });
            if (of_group, of_version) != (group, version) {
                entry["group"] = of_group.into();
                entry["version"] = of_version.into();
            }
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return None;
    }
    if (group, version) == ("", "v1") {
        entries.push(json!({
            "name": "bindings", "singularName": "binding", "namespaced": true, "kind": "Binding", "verbs": ["create"],
        }));
    }
    entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries,
    }))
}

fn of<'a>(group: &'a str, version: &'a str) -> impl Iterator<Item = &'static Kind> + use<'a> {
    kinds::all().iter().filter(move |kind| &*kind.group == group && &*kind.version == version)
}

/// Group, version, kind and verbs of what a subresource takes and gives.
fn part_facts(
    kind: &'static Kind,
    part: Subresource,
) -> (&'static str, &'static str, &'static str, &'static [&'static str]) {
    match part {
        Subresource::Status | Subresource::Approval => {
            (&kind.group, &kind.version, &kind.kind, &["get", "patch", "update"])
        }
        Subresource::Scale => ("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
        Subresource::Binding => ("", "v1", "Binding", &["create"]),
        Subresource::Log => ("", "v1", "Pod", &["get"]),
        Subresource::Finalize => ("", "v1", "Namespace", &["update"]),
        Subresource::Eviction => ("policy", "v1", "Eviction", &["create"]),
        Subresource::EphemeralContainers | Subresource::Resize => ("", "v1", "Pod", &["get", "patch", "update"]),
    }
}

/// Whether the client asks for the aggregated form. Clients that know only an older one get the legacy form instead.
pub(crate) fn wants_aggregated(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |choice| {
            let parts: Vec<&str> = choice.split(';').map(str::trim).collect();
            ["as=APIGroupDiscoveryList", "v=v2", "g=apidiscovery.k8s.io"].iter().all(|part| parts.contains(part))
        },
    )
}

/// The aggregated form of the core group or of all others.
pub(crate) fn aggregated(core: bool, headers: &HeaderMap) -> Reply {
    let groups: Vec<(&str, Vec<&str>)> = if core { vec![("", vec!["v1"])] } else { groups() };
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(
                    |version| json!({"version": version, "freshness": "Current", "resources": entries(group, version)}),
                )
                .collect();
            let meta = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    tagged(list.to_string(), AGGREGATED, headers)
}

fn entries(group: &str, version: &str) -> Vec<Value> {
    let scope = |kind: &Kind| if kind.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" };
    let response =
        |(group, version, kind): (&str, &str, &str)| json!({"group": group, "version": version, "kind": kind});
    let mut sorted: BTreeMap<&str, Value> = BTreeMap::new();
    for kind in of(group, version) {
        let mut entry = json!({
            "resource": &*kind.plural, "responseKind": response((&kind.group, &kind.version, &kind.kind)),
            "scope": scope(kind), "singularResource": &*kind.singular, "verbs": VERBS,
        });
        if !kind.short.is_empty() {
            entry["shortNames"] = json!(kind.short);
        }
        if !kind.categories.is_empty() {
            entry["categories"] = json!(kind.categories);
        }
        let parts: Vec<Value> = kind
            .subresources
            .iter()
            .map(|part| {
                let (group, version, of_kind, verbs) = part_facts(kind, *part);
                json!({"subresource": spelled(*part), "responseKind": response((group, version, of_kind)), "verbs": verbs})
            })
            .collect();
        if !parts.is_empty() {
            entry["subresources"] = parts.into();
        }
        sorted.insert(&kind.plural, entry);
    }
    if (group, version) == ("", "v1") {
        sorted.insert(
            "bindings",
            json!({
                "resource": "bindings", "responseKind": response(("", "v1", "Binding")), "scope": "Namespaced",
                "singularResource": "binding", "verbs": ["create"],
            }),
        );
    }
    sorted.into_values().collect()
}

/// A document with its hash as `ETag`; 304 when the client has it already.
pub(crate) fn tagged(text: String, content_type: &'static str, headers: &HeaderMap) -> Reply {
    let tag = format!("\"{}\"", hex::encode_upper(Sha512::digest(text.as_bytes())));
    let known =
        headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(&tag));
    let mut reply = Response::new(if known { Body::empty() } else { Body::from(text) });
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = reply.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    out.insert(VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    reply
}

/// Every path of the server, for `/` and for paths that are not served.
pub(crate) fn paths() -> Vec<String> {
    let mut paths: Vec<String> =
        ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned)
            .into();
    for (group, versions) in groups() {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_tell_of_the_same_resources() {
        for (group, versions) in groups().into_iter().chain([("", vec!["v1"])]) {
            for version in versions {
                let legacy = resources(group, version).unwrap();
                let legacy: Vec<&str> =
                    legacy["resources"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
                let mut new = Vec::new();
                for entry in entries(group, version) {
                    let name = entry["resource"].as_str().unwrap().to_owned();
                    for part in entry["subresources"].as_array().into_iter().flatten() {
                        new.push(format!("{name}/{}", part["subresource"].as_str().unwrap()));
                    }
                    new.push(name);
                }
                new.sort();
                assert_eq!(legacy, new);
            }
        }
    }

    #[test]
    fn a_client_of_the_older_aggregated_form_gets_the_legacy_one() {
        let accepts = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, text.parse().unwrap());
            wants_aggregated(&headers)
        };
        assert!(accepts("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"));
        assert!(!accepts("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"));
    }
}
