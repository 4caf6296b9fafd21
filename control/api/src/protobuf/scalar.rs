//! Single values: plain ones, and the messages that JSON shows as one value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

use super::wire::{Malformed, Part, Problem, Raw, Reader};
use crate::meta::Timestamp;
use crate::schema::{Scalar, Shape};
use crate::time;

/// Name of the type of which any JSON can be sent in protobuf; other types of [`Scalar::Any`] have messages of their own.
const JSON: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON";

/// Reads a value of that kind; `None` when it is the time that stands for none. `shape` is for telling types apart.
pub(super) fn read(part: Part<'_>, kind: Scalar, shape: &'static Shape) -> Result<Option<Value>, Malformed> {
    Ok(Some(match kind {
        Scalar::String => part.text()?.into(),
        Scalar::Bytes => STANDARD.encode(part.bytes()?.rest()).into(),
        Scalar::Boolean | Scalar::Int32 | Scalar::Int64 => whole(part.varint()?, kind),
        Scalar::Double => match part.value {
            Raw::Fixed64(bits) => double(bits, part.offset)?,
            Raw::Varint(_) | Raw::Fixed32(_) | Raw::Bytes(_) => return Err(part.is_not("8 bytes")),
        },
        Scalar::Quantity => quantity(part.bytes()?)?,
        Scalar::IntOrString => int_or_string(part.bytes()?)?,
        Scalar::Time | Scalar::MicroTime => return moment(part.bytes()?, kind),
        Scalar::Object => return json(part.bytes()?),
        Scalar::Any => match shape {
            Shape::Type(of) if of.name() == JSON => return json(part.bytes()?),
            Shape::Type(of) => return Err(Problem::NoForm(of.name()).at(part.offset)),
            Shape::Scalar(_) | Shape::List(_) | Shape::Map(_) => {
                return Err(Problem::NoForm(kind.go_name()).at(part.offset));
            }
        },
    }))
}

/// Whether a list of these may be written as one run of bytes.
pub(super) fn packs(kind: Scalar) -> bool {
    matches!(kind, Scalar::Boolean | Scalar::Int32 | Scalar::Int64 | Scalar::Double)
}

/// The next value of such a run.
pub(super) fn packed(run: &mut Reader<'_>, kind: Scalar) -> Result<Value, Malformed> {
    let offset = run.offset;
    if kind == Scalar::Double {
        return double(u64::from_le_bytes(run.array()?), offset);
    }
    Ok(whole(run.varint()?, kind))
}

fn whole(value: u64, kind: Scalar) -> Value {
    match kind {
        Scalar::Boolean => (value != 0).into(),
        Scalar::Int32 => int32(value).into(),
        _ => value.cast_signed().into(),
    }
}

/// As Go reads it: what does not fit is cut off.
#[allow(clippy::cast_possible_truncation, reason = "two's complement, as protobuf defines it")]
fn int32(value: u64) -> i32 {
    value.cast_signed() as i32
}

fn double(bits: u64, offset: usize) -> Result<Value, Malformed> {
    let value = f64::from_bits(bits);
    Number::from_f64(value).map(Value::Number).ok_or(Problem::Number(value).at(offset))
}

/// `resource.Quantity`: its text.
fn quantity(mut reader: Reader<'_>) -> Result<Value, Malformed> {
    let mut text = "0";
    while let Some(part) = reader.next()? {
        if part.number == 1 {
            text = part.text()?;
        }
    }
    Ok(text.into())
}

/// `intstr.IntOrString`: which of the two it is, then both.
fn int_or_string(mut reader: Reader<'_>) -> Result<Value, Malformed> {
    let (mut is_text, mut number, mut text) = (false, Value::from(0), "");
    while let Some(part) = reader.next()? {
        match part.number {
            1 => is_text = part.varint()? != 0,
            2 => number = whole(part.varint()?, Scalar::Int32),
            3 => text = part.text()?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number })
}

/// `metav1.Time` and `metav1.MicroTime`: seconds since 1970 and nanoseconds, of which the first takes no notice. No bytes at all
/// stand for no time.
fn moment(mut reader: Reader<'_>, kind: Scalar) -> Result<Option<Value>, Malformed> {
    if reader.is_empty() {
        return Ok(None);
    }
    let offset = reader.offset;
    let (mut seconds, mut nanos) = (0, 0);
    while let Some(part) = reader.next()? {
        match part.number {
            1 => seconds = part.varint()?.cast_signed(),
            2 if kind == Scalar::MicroTime => nanos = int32(part.varint()?),
            _ => {}
        }
    }
    let moment = Timestamp::new(seconds, nanos).map_err(|_| Problem::Moment { seconds, nanos }.at(offset))?;
    let text = if kind == Scalar::Time { time::text(moment) } else { time::micro_text(moment) };
    Ok(Some(text.into()))
}

/// What is carried as JSON text: `runtime.RawExtension`, `metav1.FieldsV1`, `apiextensions.JSON`.
fn json(mut reader: Reader<'_>) -> Result<Option<Value>, Malformed> {
    let mut value = None;
    while let Some(part) = reader.next()? {
        if part.number == 1 {
            let text = part.bytes()?;
            let read = serde_json::from_slice(text.rest()).map_err(|error| Problem::Json(error).at(text.offset));
            value = if text.is_empty() { None } else { Some(read?) };
        }
    }
    Ok(value)
}
