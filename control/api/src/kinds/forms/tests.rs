//! What holds for every form.

use serde_json::{Value, json};

use super::*;
use crate::kinds;
use crate::schema::{Body, Scalar, Schema, Shape, Type};

/// Deepest nesting of random objects: some types hold themselves.
const DEPTH: usize = 9;

/// A source of numbers that is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn value(&mut self, shape: &Shape, depth: usize) -> Value {
        match (shape, shape.scalar()) {
            (_, Some(Scalar::Boolean)) => json!(self.below(2) == 0),
            (_, Some(Scalar::Int32 | Scalar::Int64 | Scalar::Double)) => json!(1 + self.below(100)),
            (_, Some(Scalar::IntOrString)) if self.below(2) == 0 => json!(1 + self.below(100)),
            (_, Some(_)) => json!(format!("s{}", self.below(100))),
            (Shape::List(item), _) => (0..=self.below(2)).map(|_| self.value(item, depth + 1)).collect(),
            (Shape::Map(item), _) => json!({"k": self.value(item, depth + 1)}),
            (Shape::Type(of), _) => self.object(*of, depth + 1),
            (Shape::Scalar(_), None) => Value::Null,
        }
    }

    fn object(&mut self, of: Type, depth: usize) -> Value {
        let Body::Struct(fields) = of.body() else { return Value::Null };
        let given = fields.iter().filter(|_| depth < DEPTH && self.below(4) > 0).collect::<Vec<_>>();
        given.into_iter().map(|field| (field.name.to_owned(), self.value(&field.shape, depth))).collect()
    }
}

/// A stored object of the form's kind that the form can express: what it makes of anything.
fn stored(kind: &Kind, dice: &mut Dice) -> Value {
    let mut object = dice.object(Schema::of(kind.schema).unwrap(), 0);
    if !object["metadata"].is_object() {
        object["metadata"] = json!({"name": "a"});
    }
    kind.to_stored(&mut object);
    object
}

#[test]
fn an_object_that_is_read_in_a_form_and_written_back_is_the_same() {
    let mut dice = Dice(1);
    for kind in all() {
        for _ in 0..50 {
            let stored = stored(&kind, &mut dice);
            let mut object = stored.clone();
            kind.from_stored(&mut object);
            let shown = object.clone();
            kind.to_stored(&mut object);
            assert_eq!(object, stored, "{} of {}, shown as {shown}", kind.kind, kind.api_version());
        }
    }
}

#[test]
fn a_form_shows_only_fields_that_its_version_has() {
    let mut dice = Dice(2);
    for kind in all() {
        let of = Schema::of(kind.schema).unwrap();
        let stored = kinds::stored(&kind.stored_resource().group, &kind.plural).unwrap();
        let mut object = dice.object(Schema::of(stored.schema).unwrap(), 0);
        kind.from_stored(&mut object);
        assert_eq!(object["apiVersion"], kind.api_version());
        let mut pruned = object.clone();
        crate::schema::prune(&mut pruned, of);
        assert_eq!(pruned, object, "{}", kind.api_version());
    }
}
