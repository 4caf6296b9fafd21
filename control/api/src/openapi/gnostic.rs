//! The v2 document as protobuf: messages of `openapi.v2`, as the project gnostic defines them.
//!
//! A table says where each field of the JSON form stands; what begins with `x-` is carried as YAML text, of which JSON is a part.

mod messages;

use serde_json::{Map, Value};

use messages::{BODY, FRAME, Field, Form, IN_PATH, IN_QUERY, Message, PATH_ITEM, SCHEMA};

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
