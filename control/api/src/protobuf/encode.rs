//! Writes objects as Go does, for tests: every field that is no pointer, empty or not.
#![allow(clippy::panic, clippy::unwrap_used, reason = "writes only what the schema has checked")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::schema::{Body, Scalar, Shape, Type};
use crate::time;

/// A body of that type.
pub fn body(of: Type, object: &Value) -> Vec<u8> {
    let text = |name: &str| object[name].as_str().unwrap_or_default().as_bytes();
    let kind = [bytes(1, text("apiVersion")), bytes(2, text("kind"))].concat();
    envelope(&[bytes(1, &kind), bytes(2, &message(of, object.as_object().unwrap(), &[])), bytes(3, b""), bytes(4, b"")])
}

/// A body of these parts of an envelope.
pub fn envelope(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"k8s\0".as_slice(), &parts.concat()].concat()
}

fn message(of: Type, object: &Map<String, Value>, inline: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut inner = Vec::new();
    for field in of.fields() {
        let Some(place) = &field.number else { continue };
        match place.path.strip_prefix(inline) {
            Some([number]) => out.extend(match object.get(field.name) {
                Some(value) => self::field(*number, &field.shape, value),
                None if place.pointer => Vec::new(),
                None => empty(*number, &field.shape),
            }),
            Some([next, ..]) if !inner.contains(next) => inner.push(*next),
            _ => {}
        }
    }
    for number in inner {
        out.extend(bytes(number, &message(of, object, &[inline, &[number]].concat())));
    }
    out
}

/// A field that is no pointer and that nobody set.
fn empty(number: u32, shape: &Shape) -> Vec<u8> {
    match (shape, shape.scalar()) {
        (Shape::List(_) | Shape::Map(_), _) => Vec::new(),
        (_, Some(Scalar::Boolean | Scalar::Int32 | Scalar::Int64)) => varint(number, 0),
        (_, Some(Scalar::Double)) => fixed(number, 0.0),
        (_, Some(Scalar::Quantity)) => bytes(number, &bytes(1, b"0")),
        (_, Some(Scalar::IntOrString)) => bytes(number, &int_or_string(&0.into())),
        (_, Some(_)) => bytes(number, b""),
        (Shape::Type(of), None) => bytes(number, &message(*of, &Map::new(), &[])),
        (Shape::Scalar(_), None) => Vec::new(),
    }
}

fn field(number: u32, shape: &Shape, value: &Value) -> Vec<u8> {
    match shape {
        Shape::List(item) => value.as_array().unwrap().iter().flat_map(|value| element(number, item, value)).collect(),
        Shape::Map(item) => {
            let entry = |(key, value): (&String, &Value)| {
                bytes(number, &[bytes(1, key.as_bytes()), element(2, item, value)].concat())
            };
            value.as_object().unwrap().iter().flat_map(entry).collect()
        }
        single => element(number, single, value),
    }
}

fn element(number: u32, shape: &Shape, value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    match (shape, shape.scalar()) {
        (Shape::List(_), _) => bytes(number, &field(1, shape, value)),
        (_, Some(Scalar::String)) => bytes(number, text.as_bytes()),
        (_, Some(Scalar::Bytes)) => bytes(number, &STANDARD.decode(text).unwrap()),
        (_, Some(Scalar::Boolean)) => varint(number, value.as_bool().unwrap().into()),
        (_, Some(Scalar::Int32 | Scalar::Int64)) => varint(number, value.as_i64().unwrap()),
        (_, Some(Scalar::Double)) => fixed(number, value.as_f64().unwrap()),
        (_, Some(Scalar::Quantity)) => bytes(number, &bytes(1, text.as_bytes())),
        (_, Some(Scalar::IntOrString)) => bytes(number, &int_or_string(value)),
        (_, Some(Scalar::Time | Scalar::MicroTime)) => {
            let moment = time::parse(text).unwrap();
            bytes(number, &[varint(1, moment.as_second()), varint(2, moment.subsec_nanosecond().into())].concat())
        }
        (_, Some(Scalar::Object | Scalar::Any)) => bytes(number, &bytes(1, value.to_string().as_bytes())),
        (Shape::Type(of), None) => {
            assert!(matches!(of.body(), Body::Struct(_)));
            bytes(number, &message(*of, value.as_object().unwrap(), &[]))
        }
        (other, None) => panic!("nothing has the shape {other:?}"),
    }
}

fn int_or_string(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default().as_bytes();
    [varint(1, value.is_string().into()), varint(2, value.as_i64().unwrap_or_default()), bytes(3, text)].concat()
}

/// A part of bytes.
pub fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    [number_of(u64::from(number) << 3 | 2), number_of(content.len() as u64), content.to_vec()].concat()
}

/// A part of a whole number.
pub fn varint(number: u32, value: i64) -> Vec<u8> {
    [number_of(u64::from(number) << 3), number_of(value.cast_unsigned())].concat()
}

fn fixed(number: u32, value: f64) -> Vec<u8> {
    [number_of(u64::from(number) << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

/// A number in the variable length of protobuf.
pub fn number_of(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f | 0x80).to_le_bytes()[0]);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
    out
}
