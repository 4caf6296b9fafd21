//! `components.schemas`: the types that a group-version's kinds reach, from the table.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{defaults, gvk, reference};
use crate::kind::{Kind, Subresource};
use crate::schema::{Body, Descriptions, Field, ListType, Scalar, Schema, Shape, Type};

/// Types that requests and answers of any kind need.
const ALWAYS: &[&str] = &[
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
];

/// The type of a subresource's body, when it is not the kind's own.
pub(super) fn subresource(subresource: Subresource) -> Option<&'static str> {
    match subresource {
        Subresource::Scale => Some("io.k8s.api.autoscaling.v1.Scale"),
        Subresource::Binding => Some("io.k8s.api.core.v1.Binding"),
        Subresource::Eviction => Some("io.k8s.api.policy.v1.Eviction"),
        Subresource::Status
        | Subresource::Log
        | Subresource::Finalize
        | Subresource::EphemeralContainers
        | Subresource::Resize
        | Subresource::Approval
        | Subresource::Proxy => None,
    }
}

/// The name of the kind's schema in its document.
pub(super) fn name(kind: &Kind) -> String {
    if Schema::of(kind.schema).is_some() {
        return kind.schema.to_owned();
    }
    let group: Vec<_> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

/// The schemas that the kinds reach, by name; each is made when it is asked for.
pub(super) fn reachable<'a>(
    kinds: &'a [&Kind],
    descriptions: &'a Descriptions,
) -> impl Iterator<Item = (String, Value)> + use<'a> {
    let roots = kinds.iter().flat_map(|kind| {
        let others = kind.subresources.iter().filter_map(|one| subresource(*one));
        [name(kind), format!("{}List", name(kind))].into_iter().chain(others.map(str::to_owned))
    });
    let roots = roots.chain(ALWAYS.iter().map(|name| (*name).to_owned()));
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<Type> = roots.filter_map(|name| Schema::of(&name)).collect();
    while let Some(of) = waiting.pop() {
        if seen.insert(of) {
            waiting.extend(of.fields().iter().filter_map(|field| named(&field.shape)));
        }
    }
    let known = seen.into_iter().map(move |of| (of.name().to_owned(), schema(of, descriptions)));
    let custom = kinds.iter().filter(|kind| Schema::of(kind.schema).is_none()).flat_map(|kind| custom(kind));
    known.chain(custom)
}

fn named(shape: &Shape) -> Option<Type> {
    match shape {
        Shape::Scalar(_) => None,
        Shape::List(inner) | Shape::Map(inner) => named(inner),
        Shape::Type(of) => Some(*of),
    }
}

/// A kind that the table does not know, and its list: objects whose fields are kept.
fn custom(kind: &Kind) -> [(String, Value); 2] {
    let name = name(kind);
    let object = |kind_name: &str, properties: Value| {
        json!({
            "type": "object",
            "properties": properties,
            "x-kubernetes-preserve-unknown-fields": true,
            "x-kubernetes-group-version-kind": [gvk(&kind.group, &kind.version, kind_name)],
        })
    };
    let items = json!({"items": {"type": "array", "items": reference(&name)}});
    let list = object(&format!("{}List", kind.kind), items);
    [(name.clone(), object(&kind.kind, json!({}))), (format!("{name}List"), list)]
}

fn schema(of: Type, descriptions: &Descriptions) -> Value {
    let mut schema = Map::new();
    describe(&mut schema, descriptions.of_type(of));
    match of.body() {
        Body::Scalar(scalar) => schema.extend(scalar_schema(scalar)),
        Body::Struct(fields) => {
            schema.insert("type".into(), "object".into());
            let properties =
                descriptions.of_fields(of).map(|(field, text)| (field.name.to_owned(), property(of, field, text)));
            let properties: Map<_, _> = properties.collect();
            if !properties.is_empty() {
                schema.insert("properties".into(), properties.into());
            }
            let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
            if !required.is_empty() {
                schema.insert("required".into(), required.into());
            }
        }
    }
    let kinds: Vec<_> = of.kinds().iter().map(|one| gvk(one.group, one.version, one.kind)).collect();
    extend(&mut schema, "group-version-kind", Some(kinds.into()).filter(|_| !of.kinds().is_empty()));
    extend(&mut schema, "map-type", of.map_type().map(|map| map.word().into()));
    Value::Object(schema)
}

fn property(of: Type, field: &Field, text: String) -> Value {
    let mut schema = shape(&field.shape);
    tell_values(&mut schema, &field.values);
    describe(&mut schema, text);
    if let Some(value) = defaults::of_field(of, field) {
        schema.insert("default".into(), value);
    }
    let keys = match &field.list {
        Some(ListType::Map(keys)) => Some(keys.to_vec().into()),
        _ => None,
    };
    extend(&mut schema, "list-type", field.list.as_ref().map(|list| list.word().into()));
    extend(&mut schema, "list-map-keys", keys);
    extend(&mut schema, "map-type", field.map.map(|map| map.word().into()));
    extend(&mut schema, "patch-strategy", field.strategy.words().map(Value::from));
    extend(&mut schema, "patch-merge-key", field.merge_key.map(Value::from));
    Value::Object(schema)
}

/// The values that a text may have stand beside its type; those of a list or map in the schema of what it holds.
fn tell_values(schema: &mut Map<String, Value>, values: &[&'static str]) {
    if values.is_empty() {
        return;
    }
    let holder = if schema.contains_key("items") { "items" } else { "additionalProperties" };
    let schema = match schema.get_mut(holder) {
        Some(Value::Object(held)) => held,
        _ => schema,
    };
    schema.insert("enum".into(), values.into());
}

fn extend(schema: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        schema.insert(format!("x-kubernetes-{name}"), value);
    }
}

/// A reference stands in `allOf`, since what stands beside a bare `$ref` (a description) is void.
fn shape(shape: &Shape) -> Map<String, Value> {
    match shape {
        Shape::Scalar(scalar) => scalar_schema(*scalar),
        Shape::List(item) => fields(json!({"type": "array", "items": item_of(item)})),
        Shape::Map(item) => fields(json!({"type": "object", "additionalProperties": item_of(item)})),
        Shape::Type(named) => fields(json!({"allOf": [reference(named.name())]})),
    }
}

/// What a list or map holds, of which none can be absent.
fn item_of(item: &Shape) -> Map<String, Value> {
    let mut schema = shape(item);
    if let Some(value) = defaults::of_item(item) {
        schema.insert("default".into(), value);
    }
    schema
}

fn scalar_schema(scalar: Scalar) -> Map<String, Value> {
    fields(match scalar {
        Scalar::String => json!({"type": "string"}),
        Scalar::Bytes => json!({"type": "string", "format": "byte"}),
        Scalar::Boolean => json!({"type": "boolean"}),
        Scalar::Int32 => json!({"type": "integer", "format": "int32"}),
        Scalar::Int64 => json!({"type": "integer", "format": "int64"}),
        Scalar::Double => json!({"type": "number", "format": "double"}),
        Scalar::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        Scalar::IntOrString => json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}),
        Scalar::Time | Scalar::MicroTime => json!({"type": "string", "format": "date-time"}),
        Scalar::Object => json!({"type": "object"}),
        Scalar::Any => json!({}),
    })
}

/// The fields of a schema that was written as JSON.
fn fields(schema: Value) -> Map<String, Value> {
    match schema {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn describe(schema: &mut Map<String, Value>, text: String) {
    if !text.is_empty() {
        schema.insert("description".into(), text.into());
    }
}
