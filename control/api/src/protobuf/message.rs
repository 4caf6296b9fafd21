//! From a message to the value that the same object would be in JSON, along the schema table.

use serde_json::{Map, Value};

use super::scalar;
use super::wire::{Malformed, Part, Problem, Raw, Reader};
use crate::decode::paths;
use crate::schema::{Body, Field, Scalar, Shape, Type};

/// Deepest nesting of messages. The types of the API nest less than half as deep, except schemas of custom resources, which
/// nest as their authors like.
pub const DEPTH_MAX: usize = 100;

/// Most values of an object. A part of two bytes can make a value of dozens, so the length of a body is no limit. An object of
/// the longest body that is allowed, 3 MiB, has far fewer when it means something.
pub const VALUES_MAX: usize = 500_000;

/// Reads a message of that type, which begins at `offset` in the body, into the fields of an object. Paths of what the type
/// does not have are added to `unknown`; a field without a name is told by its number, such as `spec.#77`.
///
/// # Errors
/// When the bytes are no message of that type, or one beyond the limits.
pub fn object(
    raw: &[u8],
    offset: usize,
    of: Type,
    fields: &mut Map<String, Value>,
    unknown: &mut Vec<String>,
) -> Result<(), Malformed> {
    Walk { values: 0, depth: 0, unknown }.message(Reader::new(raw, offset), of, &[], fields)
}

/// One walk of one body.
struct Walk<'a> {
    values: usize,
    depth: usize,
    unknown: &'a mut Vec<String>,
}

/// What a number means in a type.
enum Meaning {
    Field(&'static Field, bool),
    /// A message that Go holds inline: its fields are those whose path begins so.
    Inline(&'static [u32]),
    Nothing,
}

/// What that number means in the message of a type that stands at that path inline.
fn meaning(of: Type, inline: &[u32], number: u32) -> Meaning {
    for field in of.fields() {
        let Some(place) = &field.number else { continue };
        match place.path.strip_prefix(inline) {
            Some([last]) if *last == number => return Meaning::Field(field, place.pointer),
            Some([next, _, ..]) if *next == number => return Meaning::Inline(&place.path[..=inline.len()]),
            _ => {}
        }
    }
    Meaning::Nothing
}

impl Walk<'_> {
    fn message(
        &mut self,
        mut reader: Reader<'_>,
        of: Type,
        inline: &[u32],
        fields: &mut Map<String, Value>,
    ) -> Result<(), Malformed> {
        self.enter(reader.offset)?;
        while let Some(part) = reader.next()? {
            match meaning(of, inline, part.number) {
                Meaning::Field(field, pointer) => {
                    let told = self.unknown.len();
                    self.field(part, field, pointer, fields)?;
                    paths::below(self.unknown, told, field.name);
                }
                Meaning::Inline(path) => self.message(part.bytes()?, of, path, fields)?,
                // A newer client writes values that we do not know even when they say nothing.
                Meaning::Nothing if is_silent(part, self.depth) => {}
                Meaning::Nothing => paths::tell(self.unknown, &format!("#{}", part.number)),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self, offset: usize) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Problem::Deep(DEPTH_MAX).at(offset)) } else { Ok(()) }
    }

    fn count(&mut self, offset: usize) -> Result<(), Malformed> {
        self.values += 1;
        if self.values > VALUES_MAX { Err(Problem::Many(VALUES_MAX).at(offset)) } else { Ok(()) }
    }

    /// One part of a field: all of it, or one item of a list or map. The last of several parts of a value counts; those of an
    /// object are put together.
    fn field(
        &mut self,
        part: Part<'_>,
        field: &'static Field,
        pointer: bool,
        fields: &mut Map<String, Value>,
    ) -> Result<(), Malformed> {
        self.count(part.offset)?;
        let old = fields.remove(field.name);
        let new = match &field.shape {
            Shape::List(item) => Some(self.items(part, item, old)?),
            Shape::Map(item) => Some(self.entry(part, item, old)?),
            single => self.single(part, single, old)?,
        };
        let says = |value: &Value| pointer || field.required || !is_zero(value, &field.shape);
        if let Some(value) = new.filter(says) {
            fields.insert(field.name.to_owned(), value);
        }
        Ok(())
    }

    /// A list with this part added: an item, or several numbers at once.
    fn items(&mut self, part: Part<'_>, item: &'static Shape, old: Option<Value>) -> Result<Value, Malformed> {
        let mut items = match old {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        if let (Some(kind), Raw::Bytes(mut packed)) = (item.scalar().filter(|kind| scalar::packs(*kind)), part.value) {
            while !packed.is_empty() {
                self.count(packed.offset)?;
                items.push(scalar::packed(&mut packed, kind)?);
            }
        } else {
            let told = self.unknown.len();
            let value = self.element(part, item)?;
            paths::below(self.unknown, told, &format!("[{}]", items.len()));
            items.push(value);
        }
        Ok(Value::Array(items))
    }

    /// A map with this part added: a message of key, 1, and value, 2.
    fn entry(&mut self, part: Part<'_>, item: &'static Shape, old: Option<Value>) -> Result<Value, Malformed> {
        let mut entries = match old {
            Some(Value::Object(entries)) => entries,
            _ => Map::new(),
        };
        let mut reader = part.bytes()?;
        // The value of an entry without one is that of no bytes: texts, bytes, amounts and objects are all that maps hold.
        let (mut key, mut value) = ("", Part { value: Raw::Bytes(Reader::new(&[], part.offset)), ..part });
        while let Some(part) = reader.next()? {
            match part.number {
                1 => key = part.text()?,
                2 => value = part,
                _ => {}
            }
        }
        let told = self.unknown.len();
        let value = self.element(value, item)?;
        paths::below(self.unknown, told, key);
        entries.insert(key.to_owned(), value);
        Ok(Value::Object(entries))
    }

    /// An item of a list or map, which cannot be absent. A list in it is a message of its own, with the field `items`, 1.
    fn element(&mut self, part: Part<'_>, shape: &'static Shape) -> Result<Value, Malformed> {
        let Shape::List(item) = shape else { return Ok(self.single(part, shape, None)?.unwrap_or(Value::Null)) };
        let mut reader = part.bytes()?;
        self.enter(reader.offset)?;
        let mut items = Value::Array(Vec::new());
        while let Some(part) = reader.next()? {
            self.count(part.offset)?;
            items = self.items(part, item, Some(items))?;
        }
        self.depth -= 1;
        Ok(items)
    }

    /// A value that is neither list nor map; `None` when it is the time that stands for none.
    fn single(
        &mut self,
        part: Part<'_>,
        shape: &'static Shape,
        old: Option<Value>,
    ) -> Result<Option<Value>, Malformed> {
        match shape {
            Shape::Type(of) if matches!(of.body(), Body::Struct(_)) => {
                let mut fields = match old {
                    Some(Value::Object(fields)) => fields,
                    _ => Map::new(),
                };
                self.message(part.bytes()?, *of, &[], &mut fields)?;
                Ok(Some(Value::Object(fields)))
            }
            other => scalar::read(part, other.scalar().unwrap_or(Scalar::Any), other),
        }
    }
}

/// Whether a value says nothing, when Go writes it in any case.
fn is_zero(value: &Value, shape: &Shape) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || shape.scalar() == Some(Scalar::Quantity) && text == "0",
        Value::Object(fields) => fields.is_empty(),
        Value::Array(_) => false,
    }
}

/// Whether a part of a type that is not known is as Go writes an empty value: zero, no bytes, or a message of such.
fn is_silent(part: Part<'_>, depth: usize) -> bool {
    match part.value {
        Raw::Varint(value) | Raw::Fixed64(value) => value == 0,
        Raw::Fixed32(value) => value == 0,
        Raw::Bytes(_) if depth > DEPTH_MAX => false,
        Raw::Bytes(mut reader) => loop {
            match reader.next() {
                Ok(None) => return true,
                Ok(Some(part)) if is_silent(part, depth + 1) => {}
                Ok(Some(_)) | Err(_) => return false,
            }
        },
    }
}
