//! Parts of v3 documents in the form of v2, which has no bodies apart from parameters, no media types of answers, and no choice
//! between types.

use serde_json::{Map, Value, json};

/// The form of references in v3, and in v2.
const REFERENCE: &str = "#/components/schemas/";
const DEFINITION: &str = "#/definitions/";

/// The verbs of a path and what they share.
pub(super) fn path_item(item: Value) -> Value {
    let part = |(name, value): (String, Value)| match value {
        Value::Array(parameters) if name == "parameters" => (name, parameters.into_iter().map(parameter).collect()),
        Value::Object(fields) => (name, operation(fields)),
        other => (name, other),
    };
    object(item).into_iter().map(part).collect()
}

fn operation(mut fields: Map<String, Value>) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    let mut consumes = vec!["*/*".to_owned()];
    if let Some(body) = fields.remove("requestBody") {
        let content = object(body["content"].clone());
        parameters.push(json!({
            "name": "body", "in": "body", "required": body["required"] == true, "schema": schema(first_schema(&content)),
        }));
        consumes = content.into_iter().map(|(media, _)| media).collect();
    }
    if let Some(Value::Array(others)) = fields.remove("parameters") {
        parameters.extend(others.into_iter().map(parameter));
    }
    let mut produces: Vec<String> = Vec::new();
    if let Some(Value::Object(responses)) = fields.get_mut("responses") {
        for response in responses.values_mut() {
            let Some(content) = response.as_object_mut().and_then(|response| response.remove("content")) else {
                continue;
            };
            let content = object(content);
            response["schema"] = schema(first_schema(&content));
            produces = content.into_iter().map(|(media, _)| media).collect();
        }
    }
    fields.insert("parameters".into(), parameters.into());
    fields.insert("consumes".into(), consumes.into());
    fields.insert("produces".into(), produces.into());
    fields.insert("schemes".into(), json!(["https"]));
    fields.into()
}

/// The schema of the first media type; v2 has one for all.
fn first_schema(content: &Map<String, Value>) -> Value {
    content.values().next().map_or_else(|| json!({}), |media| media["schema"].clone())
}

/// A parameter of query or path: its type stands beside its name.
fn parameter(parameter: Value) -> Value {
    let mut fields = object(parameter);
    if let Some(of) = fields.remove("schema") {
        fields.extend(object(schema(of)));
    }
    fields.into()
}

/// A schema, and the schemas in it.
pub(super) fn schema(of: Value) -> Value {
    let mut fields = object(of);
    fields.remove("default");
    if let Some(Value::Array(all)) = fields.remove("allOf") {
        all.into_iter().for_each(|one| fields.extend(object(one)));
    }
    if fields.remove("oneOf").is_some() {
        fields.insert("type".into(), "string".into());
    }
    let part = |(name, value): (String, Value)| {
        let value = match (name.as_str(), value) {
            ("$ref", Value::String(reference)) => reference.replacen(REFERENCE, DEFINITION, 1).into(),
            ("items" | "additionalProperties", inner @ Value::Object(_)) => schema(inner),
            ("properties", Value::Object(properties)) => {
                properties.into_iter().map(|(name, inner)| (name, schema(inner))).collect()
            }
            (_, other) => other,
        };
        (name, value)
    };
    fields.into_iter().map(part).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
