//! The walk of a value along its schema: unknown fields go, nulls and what says nothing go, types are checked, amounts and
//! times take their canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::paths::{below, tell};
use super::words::{Mismatch, type_word};
use crate::quantity::Quantity;
use crate::schema::{Body, Field, Scalar, Shape, Type};
use crate::time;

/// Makes a value conform; paths of unknown fields are added to `unknown`.
pub(super) fn conform(value: &mut Value, shape: &Shape, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    match shape {
        Shape::Scalar(scalar) => self::scalar(value, *scalar),
        Shape::List(item) => list(value, item, shape, unknown),
        Shape::Map(item) => map(value, item, shape, unknown),
        Shape::Type(of) => match of.body() {
            Body::Scalar(scalar) => self::scalar(value, scalar),
            Body::Struct(_) => structure(value, *of, unknown),
        },
    }
}

fn structure(value: &mut Value, of: Type, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    let Value::Object(fields) = value else { return Err(Mismatch::new(type_word(value), of.go_name())) };
    let mut failed = None;
    fields.retain(|name, value| {
        let told = unknown.len();
        match of.field(name) {
            None => tell(unknown, name),
            Some(_) if value.is_null() => {}
            Some(field) => {
                if let Err(error) = conform(value, &field.shape, unknown) {
                    failed.get_or_insert_with(|| error.below(name, of.short_name()));
                }
                below(unknown, told, name);
                return !says_nothing(value, field);
            }
        }
        false
    });
    failed.map_or(Ok(()), Err)
}

/// Whether Kubernetes would not write the field: its Go type holds it by value and leaves it out when it is empty. Objects are
/// written even then, and so are amounts and numbers that may be texts, which are objects in Go.
fn says_nothing(value: &Value, field: &Field) -> bool {
    let by_value = field.number.as_ref().is_some_and(|place| !place.pointer);
    if field.required || !by_value {
        return false;
    }
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty() && matches!(field.shape, Shape::Map(_)),
        Value::String(text) => text.is_empty(),
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0) && field.shape.scalar() != Some(Scalar::IntOrString),
        Value::Null => true,
    }
}

fn list(value: &mut Value, item: &Shape, shape: &Shape, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    let Value::Array(items) = value else { return Err(Mismatch::new(type_word(value), shape.go_name())) };
    for (at, one) in items.iter_mut().enumerate() {
        let told = unknown.len();
        element(one, item, unknown)?;
        below(unknown, told, &format!("[{at}]"));
    }
    Ok(())
}

fn map(value: &mut Value, item: &Shape, shape: &Shape, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    let Value::Object(entries) = value else { return Err(Mismatch::new(type_word(value), shape.go_name())) };
    for (name, one) in entries.iter_mut() {
        let told = unknown.len();
        element(one, item, unknown)?;
        below(unknown, told, name);
    }
    Ok(())
}

/// An item of a list or map cannot be absent: null reads as its type's empty value.
fn element(value: &mut Value, shape: &Shape, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    if value.is_null() {
        *value = empty(shape);
        return Ok(());
    }
    conform(value, shape, unknown)
}

fn empty(shape: &Shape) -> Value {
    match (shape, shape.scalar()) {
        (_, Some(Scalar::String | Scalar::Bytes)) => "".into(),
        (_, Some(Scalar::Boolean)) => false.into(),
        (_, Some(Scalar::Int32 | Scalar::Int64 | Scalar::Double | Scalar::IntOrString)) => 0.into(),
        (_, Some(Scalar::Quantity)) => "0".into(),
        (_, Some(Scalar::Time | Scalar::MicroTime | Scalar::Object | Scalar::Any)) => Value::Null,
        (Shape::List(_), None) => Value::Array(Vec::new()),
        (_, None) => Value::Object(Map::new()),
    }
}

fn scalar(value: &mut Value, scalar: Scalar) -> Result<(), Mismatch> {
    let wrong = |value: &Value, wanted: &str| Err(Mismatch::new(type_word(value), wanted));
    match (scalar, &*value) {
        (Scalar::Any | Scalar::Object, _)
        | (Scalar::String | Scalar::IntOrString, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Double, Value::Number(_)) => Ok(()),
        (Scalar::Int32 | Scalar::IntOrString, Value::Number(number)) => {
            let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            if fits { Ok(()) } else { Err(Mismatch::new(format!("number {number}"), "int32")) }
        }
        (Scalar::Int64, Value::Number(number)) => {
            if number.is_i64() {
                Ok(())
            } else {
                Err(Mismatch::new(format!("number {number}"), "int64"))
            }
        }
        (Scalar::Quantity, given) => {
            let amount = Quantity::from_value(given).map_err(|error| Mismatch::text(error.to_string()))?;
            *value = amount.to_string().into();
            Ok(())
        }
        (Scalar::Bytes, Value::String(text)) => {
            let text = bytes(text)?;
            *value = text.into();
            Ok(())
        }
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => {
            let text = moment(text, scalar)?;
            *value = text.into();
            Ok(())
        }
        (Scalar::IntOrString, other) => wrong(other, "int32"),
        (Scalar::Time | Scalar::MicroTime, other) => wrong(other, "string"),
        (Scalar::String | Scalar::Bytes | Scalar::Boolean | Scalar::Int32 | Scalar::Int64 | Scalar::Double, other) => {
            wrong(other, scalar.go_name())
        }
    }
}

/// Base64 text as it is stored: line breaks inside, which tools insert, are dropped.
fn bytes(text: &str) -> Result<String, Mismatch> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(&plain) {
        Ok(_) => Ok(plain),
        Err(base64::DecodeError::InvalidByte(at, _)) => {
            Err(Mismatch::text(format!("illegal base64 data at input byte {at}")))
        }
        Err(_) => Err(Mismatch::text(format!("illegal base64 data at input byte {}", plain.len()))),
    }
}

fn moment(text: &str, scalar: Scalar) -> Result<String, Mismatch> {
    let layout = if scalar == Scalar::Time { "2006-01-02T15:04:05Z07:00" } else { "2006-01-02T15:04:05.000000Z07:00" };
    let moment = time::parse(text)
        .ok_or_else(|| Mismatch::text(format!("parsing time {text:?} as \"{layout}\": cannot parse {text:?}")))?;
    Ok(if scalar == Scalar::Time { time::text(moment) } else { time::micro_text(moment) })
}
