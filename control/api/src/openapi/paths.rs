//! `paths`: the verbs of a kind at its collection, at one object and at its subresources.

use serde_json::{Map, Value, json};

use super::parameters::{
    DELETE_PARAMETERS, LIST_PARAMETERS, LOG_PARAMETERS, PATCH_PARAMETERS, PRETTY, Parameter, WRITE_PARAMETERS, in_path,
};
use super::schemas::{name, subresource};
use super::{gvk, reference, root};
use crate::kind::{Kind, Scope, Subresource};
use crate::schema::Schema;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// Media types of a patch; custom resources have no strategic one.
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Adds every path of the kind.
pub(super) fn add(kind: &Kind, paths: &mut Map<String, Value>) {
    let base = format!("/{}", root(&kind.group, &kind.version));
    let object = Endpoint::of(kind, "");
    let list = Endpoint { body: format!("{}List", object.body), ..object.clone() };
    let (prefix, mut parameters) = match kind.scope {
        Scope::Cluster => (base.clone(), vec![]),
        Scope::Namespaced => {
            (format!("{base}/namespaces/{{namespace}}"), vec![in_path("namespace", "namespace of the object")])
        }
    };
    let collection = format!("{prefix}/{}", kind.plural);
    let mut verbs = Map::new();
    verbs.insert("get".into(), list.read("list", LIST_PARAMETERS));
    if !kind.flags.computed {
        verbs.insert("post".into(), object.write("post", "create", 201));
        verbs.insert("delete".into(), list.delete("deletecollection"));
    }
    verbs.insert("parameters".into(), parameters.clone().into());
    paths.insert(collection.clone(), verbs.into());
    if kind.scope == Scope::Namespaced {
        let everywhere = Endpoint { suffix: "ForAllNamespaces", ..list };
        paths.insert(format!("{base}/{}", kind.plural), json!({"get": everywhere.read("list", LIST_PARAMETERS)}));
    }
    parameters.push(in_path("name", &format!("name of the {}", kind.kind)));
    let one = format!("{collection}/{{name}}");
    let mut verbs = Map::from_iter([("get".to_owned(), object.read("read", &[PRETTY]))]);
    if !kind.flags.computed {
        verbs = object.read_and_change();
        verbs.insert("delete".into(), object.delete("delete"));
    }
    verbs.insert("parameters".into(), parameters.clone().into());
    paths.insert(one.clone(), verbs.into());
    for subresource in kind.subresources {
        let (path, mut verbs) = of_subresource(kind, *subresource);
        verbs.insert("parameters".into(), parameters.clone().into());
        paths.insert(format!("{one}/{path}"), verbs.into());
    }
}

fn of_subresource(kind: &Kind, of: Subresource) -> (&'static str, Map<String, Value>) {
    let verb = |name: &str, operation: Value| Map::from_iter([(name.to_owned(), operation)]);
    match of {
        Subresource::Status => ("status", Endpoint::of(kind, "Status").read_and_change()),
        Subresource::Scale => ("scale", Endpoint::of(kind, "Scale").with(of).read_and_change()),
        Subresource::Binding => {
            ("binding", verb("post", Endpoint::of(kind, "Binding").with(of).write("post", "create", 201)))
        }
        Subresource::Eviction => {
            ("eviction", verb("post", Endpoint::of(kind, "Eviction").with(of).write("post", "create", 201)))
        }
        Subresource::EphemeralContainers => {
            ("ephemeralcontainers", Endpoint::of(kind, "Ephemeralcontainers").read_and_change())
        }
        Subresource::Resize => ("resize", Endpoint::of(kind, "Resize").read_and_change()),
        Subresource::Approval => ("approval", Endpoint::of(kind, "Approval").read_and_change()),
        Subresource::Finalize => ("finalize", verb("put", Endpoint::of(kind, "Finalize").write("put", "replace", 200))),
        Subresource::Log => ("log", verb("get", Endpoint::of(kind, "Log").read_text("text/plain", LOG_PARAMETERS))),
        Subresource::Proxy => ("proxy", verb("get", Endpoint::of(kind, "Proxy").read_text("*/*", &[]))),
    }
}

/// What the operations of one path have in common.
#[derive(Clone)]
struct Endpoint<'a> {
    kind: &'a Kind,
    /// Suffix of operation ids: the subresource, or where a list is of every namespace.
    suffix: &'static str,
    /// Name of the body's schema.
    body: String,
    /// Group, version and kind of the body.
    gvk: Value,
}

impl<'a> Endpoint<'a> {
    fn of(kind: &'a Kind, suffix: &'static str) -> Self {
        Self { kind, suffix, body: name(kind), gvk: gvk(&kind.group, &kind.version, &kind.kind) }
    }

    /// The same, with a body of the subresource's own type.
    fn with(self, of: Subresource) -> Self {
        let Some(own) = subresource(of).and_then(Schema::of) else { return self };
        let gvk = own.kinds().first().map_or(Value::Null, |one| gvk(one.group, one.version, one.kind));
        Self { body: own.name().to_owned(), gvk, ..self }
    }

    fn read_and_change(&self) -> Map<String, Value> {
        let mut verbs = Map::new();
        verbs.insert("get".into(), self.read("read", &[PRETTY]));
        verbs.insert("put".into(), self.write("put", "replace", 200));
        verbs.insert("patch".into(), self.patch());
        verbs
    }

    fn read(&self, verb: &str, parameters: &[Parameter]) -> Value {
        let action = if verb == "list" { "list" } else { "get" };
        self.operation(verb, action, parameters, &[(200, &self.body)])
    }

    /// Reads what is no object.
    fn read_text(&self, media: &str, parameters: &[Parameter]) -> Value {
        let mut operation = self.read("read", parameters);
        operation["responses"]["200"]["content"] =
            Map::from_iter([(media.to_owned(), json!({"schema": {"type": "string"}}))]).into();
        operation
    }

    fn write(&self, action: &str, verb: &str, code: u16) -> Value {
        let mut operation =
            self.operation(verb, action, WRITE_PARAMETERS, &[(200, &self.body), (code.max(201), &self.body)]);
        operation["requestBody"] = json!({"content": {"*/*": {"schema": reference(&self.body)}}, "required": true});
        operation
    }

    fn patch(&self) -> Value {
        let mut operation = self.operation("patch", "patch", PATCH_PARAMETERS, &[(200, &self.body), (201, &self.body)]);
        let strategic = Schema::of(self.kind.schema).is_some();
        let media = PATCHES.iter().filter(|media| strategic || !media.contains("strategic"));
        let schema = json!({"schema": reference(&format!("{META}.Patch"))});
        let content: Map<_, _> = media.map(|media| ((*media).to_owned(), schema.clone())).collect();
        operation["requestBody"] = json!({"content": content, "required": true});
        operation
    }

    fn delete(&self, action: &str) -> Value {
        let status = format!("{META}.Status");
        let collection = action == "deletecollection";
        let verb = if collection { "deleteCollection" } else { "delete" };
        let parameters = [DELETE_PARAMETERS, if collection { LIST_PARAMETERS } else { &[PRETTY] }].concat();
        let mut operation = self.operation(verb, action, &parameters, &[(200, &status), (202, &status)]);
        operation["requestBody"] = json!({"content": {"*/*": {"schema": reference(&format!("{META}.DeleteOptions"))}}});
        operation
    }

    fn operation(&self, verb: &str, action: &str, parameters: &[Parameter], answers: &[(u16, &str)]) -> Value {
        let Kind { group, version, kind, scope, .. } = self.kind;
        let domain = camel(group.strip_suffix(".k8s.io").unwrap_or(group));
        let domain = if domain.is_empty() { "Core" } else { &domain };
        let scoped = if *scope == Scope::Namespaced && self.suffix != "ForAllNamespaces" { "Namespaced" } else { "" };
        let responses = answers.iter().map(|(code, schema)| {
            let content = json!({"application/json": {"schema": reference(schema)}});
            (code.to_string(), json!({"description": "done", "content": content}))
        });
        json!({
            "description": format!("{verb} {kind} {}", self.suffix).trim_end(),
            "operationId": format!("{verb}{domain}{}{scoped}{kind}{}", camel(version), self.suffix),
            "tags": [format!("{}_{version}", domain.to_lowercase())],
            "parameters": parameters.iter().map(Parameter::in_query).collect::<Vec<_>>(),
            "responses": responses.chain([("401".to_owned(), json!({"description": "Unauthorized"}))]).collect::<Map<_, _>>(),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": self.gvk,
        })
    }
}

/// `flowcontrol.apiserver` as `FlowcontrolApiserver`.
fn camel(dotted: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    dotted.split('.').map(capital).collect()
}
