//! Random objects of every served kind come back as they were; random bytes never do harm.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::encode;
use super::{core, read};
use crate::decode::Target;
use crate::kinds;
use crate::schema::{Field, Scalar, Shape, Type};

/// Deepest nesting of optional fields in a random object.
const DEPTH: usize = 7;

/// Random bytes as decisions. When they run out, every decision is no, so that every object ends.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn number(&mut self) -> i64 {
        self.0.next().copied().unwrap_or_default().into()
    }

    fn yes(&mut self) -> bool {
        self.number() % 3 == 1
    }

    fn object(&mut self, of: Type, depth: usize) -> Map<String, Value> {
        of.fields().iter().filter_map(|field| Some((field.name.to_owned(), self.field(field, depth)?))).collect()
    }

    /// A field as Go could send it; what Go always writes is there unless it is empty.
    fn field(&mut self, field: &'static Field, depth: usize) -> Option<Value> {
        let pointer = field.number.as_ref()?.pointer;
        let list = matches!(field.shape, Shape::List(_) | Shape::Map(_));
        let object = matches!(field.shape, Shape::Type(_)) && field.shape.scalar().is_none();
        let always = !list && !pointer && (field.required || object);
        let wanted = self.yes() && depth < DEPTH;
        if field.shape.scalar() == Some(Scalar::Any) || !wanted && !always {
            return None;
        }
        let value = self.value(&field.shape, depth + 1, list || pointer || field.required);
        let empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if empty && (list || !pointer && !field.required) { None } else { Some(value) }
    }

    fn value(&mut self, shape: &'static Shape, depth: usize, may_be_zero: bool) -> Value {
        let number = if may_be_zero { self.number() } else { self.number() + 1 };
        let text = if number == 0 { String::new() } else { format!("text-{number}") };
        match (shape, shape.scalar()) {
            (Shape::List(item), _) => (0..number % 3).map(|_| self.value(item, depth, true)).collect(),
            (Shape::Map(item), _) => {
                Value::Object((0..number % 3).map(|at| (format!("k{at}"), self.value(item, depth, true))).collect())
            }
            (_, Some(Scalar::String)) => text.into(),
            (_, Some(Scalar::Bytes)) => STANDARD.encode(text).into(),
            (_, Some(Scalar::Boolean)) => (!may_be_zero || number % 2 == 1).into(),
            (_, Some(Scalar::Int32 | Scalar::Int64)) => (number * if number % 2 == 0 { 1 } else { -1_000_001 }).into(),
            (_, Some(Scalar::Double)) => (number as f64 / 4.0).into(),
            (_, Some(Scalar::Quantity)) => {
                if number == 0 {
                    "0".into()
                } else {
                    format!("{}m", number * 1000 + 1).into()
                }
            }
            (_, Some(Scalar::IntOrString)) => {
                if number % 2 == 0 {
                    number.into()
                } else {
                    text.into()
                }
            }
            (_, Some(Scalar::Time)) => format!("20{:02}-01-02T03:04:05Z", number % 100).into(),
            (_, Some(Scalar::MicroTime)) => format!("1969-12-31T23:59:59.{:06}Z", number * 1001).into(),
            (_, Some(Scalar::Object | Scalar::Any)) => json!({"f:x": {"k": number}}),
            (Shape::Type(of), None) => Value::Object(self.object(*of, depth)),
            (Shape::Scalar(_), None) => Value::Null,
        }
    }
}

/// What a body can be: every served kind, and the bodies without an endpoint of their own.
fn targets() -> Vec<Target<'static>> {
    let others = [core("DeleteOptions"), core("Binding"), Target::of("autoscaling", "v1", "Scale")];
    kinds::all().iter().map(Target::from).chain(others).collect()
}

fn body(choices: &[u8], target: Target<'_>) -> (Value, Vec<u8>) {
    let of = target.schema.unwrap();
    let mut object = Value::Object(Choices(choices.iter()).object(of, 0));
    object["kind"] = target.kind.into();
    object["apiVersion"] = [target.group, target.version].join("/").trim_start_matches('/').into();
    let body = encode::body(of, &object);
    (object, body)
}

proptest! {
    #[test]
    fn every_object_comes_back(choices in prop::collection::vec(any::<u8>(), 0..3000), at in any::<prop::sample::Index>()) {
        let targets = targets();
        let target = *at.get(&targets);
        let (object, body) = body(&choices, target);
        let decoded = read(&body, target).unwrap();
        prop_assert_eq!(decoded.object, object);
        prop_assert_eq!(decoded.findings, []);
    }

    #[test]
    fn a_damaged_body_is_read_or_refused(
        choices in prop::collection::vec(any::<u8>(), 0..3000),
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let targets = targets();
        let target = *at.get(&targets);
        let (_, mut body) = body(&choices, target);
        for (at, byte) in damage {
            *at.get_mut(&mut body) = byte;
        }
        let refused = read(&body, target).err().map(|status| status.code);
        prop_assert!(matches!(refused, None | Some(400)));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        at in any::<prop::sample::Index>(),
    ) {
        let targets = targets();
        let target = *at.get(&targets);
        for body in [bytes.clone(), [b"k8s\0", bytes.as_slice()].concat(), super::plain(&bytes)] {
            let refused = read(&body, target).err().map(|status| status.code);
            prop_assert!(matches!(refused, None | Some(400)));
        }
    }
}
