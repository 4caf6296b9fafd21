//! The v2 document as protobuf: messages of `openapi.v2`, as the project gnostic defines them.
//!
//! A table says where each field of the JSON form stands; what begins with `x-` is carried as YAML text, of which JSON is a part.

use serde_json::{Map, Value};

/// How a field is written.
enum Form {
    Text,
    Texts,
    Flag,
    Whole,
    Number,
    /// A value of any type, as text.
    Any,
    /// Values of any type.
    Anys,
    One(&'static Message),
    Many(&'static Message),
    /// A map, as a list of pairs of a name and a message.
    Named(&'static Message),
    /// Parameters, whose message depends on where they stand in a request.
    Parameters,
    /// What is required of a requester: names of kinds of security, each without scopes.
    Requirements,
}

/// A field: its name in JSON and its number; before it the numbers of messages that hold nothing else.
struct Field(&'static str, &'static [u32], Form);

struct Message {
    fields: &'static [Field],
    /// Number of the pairs of names that begin with `x-` and their values.
    extensions: u32,
}

static SCHEMA: Message = Message {
    fields: &[
        Field("$ref", &[1], Form::Text),
        Field("format", &[2], Form::Text),
        Field("title", &[3], Form::Text),
        Field("description", &[4], Form::Text),
        Field("default", &[5], Form::Any),
        Field("multipleOf", &[6], Form::Number),
        Field("maximum", &[7], Form::Number),
        Field("exclusiveMaximum", &[8], Form::Flag),
        Field("minimum", &[9], Form::Number),
        Field("exclusiveMinimum", &[10], Form::Flag),
        Field("maxLength", &[11], Form::Whole),
        Field("minLength", &[12], Form::Whole),
        Field("pattern", &[13], Form::Text),
        Field("maxItems", &[14], Form::Whole),
        Field("minItems", &[15], Form::Whole),
        Field("uniqueItems", &[16], Form::Flag),
        Field("maxProperties", &[17], Form::Whole),
        Field("minProperties", &[18], Form::Whole),
        Field("required", &[19], Form::Texts),
        Field("enum", &[20], Form::Anys),
        Field("additionalProperties", &[21, 1], Form::One(&SCHEMA)),
        Field("type", &[22, 1], Form::Text),
        Field("items", &[23, 1], Form::One(&SCHEMA)),
        Field("allOf", &[24], Form::Many(&SCHEMA)),
        Field("properties", &[25, 1], Form::Named(&SCHEMA)),
    ],
    extensions: 31,
};

static PATH_ITEM: Message = Message {
    fields: &[
        Field("get", &[2], Form::One(&OPERATION)),
        Field("put", &[3], Form::One(&OPERATION)),
        Field("post", &[4], Form::One(&OPERATION)),
        Field("delete", &[5], Form::One(&OPERATION)),
        Field("patch", &[8], Form::One(&OPERATION)),
        Field("parameters", &[9], Form::Parameters),
    ],
    extensions: 10,
};

static OPERATION: Message = Message {
    fields: &[
        Field("tags", &[1], Form::Texts),
        Field("summary", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("operationId", &[5], Form::Text),
        Field("produces", &[6], Form::Texts),
        Field("consumes", &[7], Form::Texts),
        Field("parameters", &[8], Form::Parameters),
        Field("responses", &[9, 1], Form::Named(&RESPONSE_VALUE)),
        Field("schemes", &[10], Form::Texts),
        Field("deprecated", &[11], Form::Flag),
    ],
    extensions: 13,
};

static RESPONSE_VALUE: Message = Message {
    fields: &[Field("description", &[1, 1], Form::Text), Field("schema", &[1, 2, 1], Form::One(&SCHEMA))],
    extensions: 5,
};

static BODY: Message = Message {
    fields: &[
        Field("description", &[1], Form::Text),
        Field("name", &[2], Form::Text),
        Field("in", &[3], Form::Text),
        Field("required", &[4], Form::Flag),
        Field("schema", &[5], Form::One(&SCHEMA)),
    ],
    extensions: 6,
};

static IN_QUERY: Message = Message {
    fields: &[
        Field("required", &[1], Form::Flag),
        Field("in", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("name", &[4], Form::Text),
        Field("type", &[6], Form::Text),
        Field("format", &[7], Form::Text),
        Field("uniqueItems", &[20], Form::Flag),
    ],
    extensions: 23,
};

static IN_PATH: Message = Message {
    fields: &[
        Field("required", &[1], Form::Flag),
        Field("in", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("name", &[4], Form::Text),
        Field("type", &[5], Form::Text),
        Field("format", &[6], Form::Text),
        Field("uniqueItems", &[19], Form::Flag),
    ],
    extensions: 22,
};

static FRAME: Message = Message {
    fields: &[
        Field("swagger", &[1], Form::Text),
        Field("info", &[2], Form::One(&INFO)),
        Field("security", &[12], Form::Requirements),
        Field("securityDefinitions", &[13, 1], Form::Named(&SECURITY)),
    ],
    extensions: 16,
};

static INFO: Message =
    Message { fields: &[Field("title", &[1], Form::Text), Field("version", &[2], Form::Text)], extensions: 7 };

/// `apiKeySecurity` among the kinds of security.
static SECURITY: Message = Message {
    fields: &[
        Field("type", &[2, 1], Form::Text),
        Field("name", &[2, 2], Form::Text),
        Field("in", &[2, 3], Form::Text),
        Field("description", &[2, 4], Form::Text),
    ],
    extensions: 0,
};

/// Numbers in `Document`.
const PATHS: u32 = 8;
const DEFINITIONS: u32 = 9;
/// Number of the items in `Paths`, and in `Definitions`.
const ITEM: u32 = 2;
const DEFINITION: u32 = 1;

/// A document that is being written.
pub(super) struct Document {
    frame: Vec<u8>,
    paths: Vec<u8>,
    definitions: Vec<u8>,
}

impl Document {
    /// A document of everything but paths and definitions.
    pub(super) fn new(frame: &Map<String, Value>) -> Self {
        Self { frame: FRAME.write(frame), paths: Vec::new(), definitions: Vec::new() }
    }

    pub(super) fn path(&mut self, name: &str, item: &Value) {
        bytes(ITEM, &named(name, &PATH_ITEM.write_value(item)), &mut self.paths);
    }

    pub(super) fn definition(&mut self, name: &str, schema: &Value) {
        bytes(DEFINITION, &named(name, &SCHEMA.write_value(schema)), &mut self.definitions);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = self.frame;
        bytes(PATHS, &self.paths, &mut out);
        bytes(DEFINITIONS, &self.definitions, &mut out);
        out
    }
}

impl Message {
    fn write_value(&self, value: &Value) -> Vec<u8> {
        value.as_object().map(|fields| self.write(fields)).unwrap_or_default()
    }

    fn write(&self, fields: &Map<String, Value>) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            if let Some(field) = self.fields.iter().find(|field| field.0 == name) {
                field.write(value, &mut out);
            } else if name.starts_with("x-") && self.extensions > 0 {
                bytes(self.extensions, &named(name, &any(value)), &mut out);
            }
        }
        out
    }
}

impl Field {
    fn write(&self, value: &Value, out: &mut Vec<u8>) {
        let Self(_, [outer @ .., number], form) = self else { return };
        let mut content = Vec::new();
        let mut put = |part: &[u8]| bytes(*number, part, &mut content);
        let items = || value.as_array().into_iter().flatten();
        match form {
            Form::Text => put(value.as_str().unwrap_or_default().as_bytes()),
            Form::Texts => items().filter_map(Value::as_str).for_each(|text| put(text.as_bytes())),
            Form::Any => put(&any(value)),
            Form::Anys => items().for_each(|one| put(&any(one))),
            Form::One(message) => put(&message.write_value(value)),
            Form::Many(message) => items().for_each(|one| put(&message.write_value(one))),
            Form::Named(message) => {
                let entries = value.as_object().into_iter().flatten();
                entries.for_each(|(name, one)| put(&named(name, &message.write_value(one))));
            }
            Form::Parameters => items().for_each(|one| put(&parameter(one))),
            Form::Requirements => items().for_each(|one| put(&requirement(one))),
            Form::Flag => key_and(*number, 0, u64::from(*value == true), &mut content),
            Form::Whole => key_and(*number, 0, value.as_u64().unwrap_or_default(), &mut content),
            Form::Number => {
                varint(u64::from(*number) << 3 | 1, &mut content);
                content.extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
            }
        }
        out.extend(wrapped(outer, content));
    }
}

/// `SecurityRequirement`.
fn requirement(of: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for name in of.as_object().into_iter().flatten().map(|(name, _)| name) {
        bytes(1, &named(name, &[]), &mut out);
    }
    out
}

/// `ParametersItem`: `parameter` of `bodyParameter`, or of `nonBodyParameter` of the form for query or path.
fn parameter(parameter: &Value) -> Vec<u8> {
    let (path, message): (&[u32], _) = match parameter["in"].as_str() {
        Some("body") => (&[1, 1], &BODY),
        Some("path") => (&[1, 2, 4], &IN_PATH),
        _ => (&[1, 2, 3], &IN_QUERY),
    };
    wrapped(path, message.write_value(parameter))
}

/// Content inside messages that hold nothing else, the outermost first.
fn wrapped(path: &[u32], content: Vec<u8>) -> Vec<u8> {
    path.iter().rev().fold(content, |content, number| {
        let mut out = Vec::with_capacity(content.len() + 6);
        bytes(*number, &content, &mut out);
        out
    })
}

/// A pair of a name and a message.
fn named(name: &str, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + message.len() + 8);
    bytes(1, name.as_bytes(), &mut out);
    bytes(2, message, &mut out);
    out
}

/// A value of any type, as text.
fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(2, value.to_string().as_bytes(), &mut out);
    out
}

fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    key_and(number, 2, content.len() as u64, out);
    out.extend_from_slice(content);
}

/// The key of a field and a whole number: a value, or a length.
fn key_and(number: u32, form: u64, value: u64, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | form, out);
    varint(value, out);
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits are left")]
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests;
