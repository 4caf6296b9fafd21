//! The aggregated form (KEP-3352): everything in one document, which clients keep until its tag changes.

use std::sync::OnceLock;

use api::kind::Scope;
use api::status::Status;
use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};

use super::{Answers, Part, Resource, groups, resources};
use crate::document::Document;
use crate::fail::{self, Reply};

/// Its media type.
const MEDIA_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// What a client says to ask for it.
const PARAMETERS: [&str; 3] = ["as=APIGroupDiscoveryList", "v=v2", "g=apidiscovery.k8s.io"];

/// Whether this form is the first among those that the client takes. Clients that know only an older one get the old form.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    let choices =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for choice in choices {
        let mut parts = choice.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<&str> = parts.collect();
        if PARAMETERS.iter().all(|one| parameters.contains(one)) {
            return true;
        }
        let plain = matches!(media, "application/json" | "application/*" | "*/*");
        if plain && !parameters.iter().any(|one| one.starts_with("as=")) {
            return false;
        }
    }
    false
}

/// The core group, or all others; made when first asked for.
pub(crate) fn answer(core: bool, headers: &HeaderMap) -> Reply {
    static CORE: OnceLock<Result<Document, Status>> = OnceLock::new();
    static OTHERS: OnceLock<Result<Document, Status>> = OnceLock::new();
    let place = if core { &CORE } else { &OTHERS };
    let made = place.get_or_init(|| Document::of(text(core).as_bytes())).as_ref();
    let reply = made.map_err(Clone::clone).and_then(|document| document.answer(MEDIA_TYPE, "Accept", headers));
    reply.unwrap_or_else(|status| fail::reply(&status))
}

fn text(core: bool) -> String {
    let groups = if core { vec![("", vec!["v1"])] } else { groups() };
    let items: Vec<Value> = groups.iter().map(|(group, versions)| item(group, versions)).collect();
    let kind = "APIGroupDiscoveryList";
    json!({"kind": kind, "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}).to_string()
}

fn item(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| {
        let resources: Vec<Value> = resources(group, version).iter().map(resource).collect();
        json!({"version": version, "freshness": "Current", "resources": resources})
    };
    let meta = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    json!({"metadata": meta, "versions": versions.iter().map(version).collect::<Vec<_>>()})
}

fn resource(of: &Resource) -> Value {
    let mut entry = json!({
        "resource": of.name, "responseKind": response(&of.answers), "scope": of.scope_name(), "singularResource": of.singular,
        "verbs": of.answers.verbs,
    });
    if !of.short.is_empty() {
        entry["shortNames"] = json!(of.short);
    }
    if !of.categories.is_empty() {
        entry["categories"] = json!(of.categories);
    }
    if !of.parts.is_empty() {
        entry["subresources"] = of.parts.iter().map(part).collect();
    }
    entry
}

fn part(part: &Part) -> Value {
    json!({"subresource": part.name, "responseKind": response(&part.answers), "verbs": part.answers.verbs})
}

/// Group and version are empty where they are those of the document.
fn response(answers: &Answers) -> Value {
    let (group, version) = answers.of.unwrap_or_default();
    json!({"group": group, "version": version, "kind": answers.kind})
}

impl Resource {
    fn scope_name(&self) -> &'static str {
        match self.scope {
            Scope::Namespaced => "Namespaced",
            Scope::Cluster => "Cluster",
        }
    }
}
