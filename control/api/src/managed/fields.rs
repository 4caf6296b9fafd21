//! `FieldsV1`: sets of paths as they stand in `metadata.managedFields`.
//!
//! A path that ends is an empty object, or a field `.` beside those that go on. Objects here keep their fields sorted by
//! text, where Kubernetes sorts keys by value (80 before 443); readers do not see a difference.

use serde_json::{Map, Value};

use super::element::NotAnElement;
use super::set::Node;
use super::{Element, Set};

/// Says that a path ends where others go on.
const ITSELF: &str = ".";

/// Why a value is no `FieldsV1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFields {
    /// A name in it is no step of a path.
    #[error("parsing key as path element: {0}")]
    Element(#[from] NotAnElement),
    /// Something else than objects of objects.
    #[error("want objects all the way down, have {0}")]
    NoObject(String),
}

impl Set {
    /// Reads `fieldsV1`.
    ///
    /// # Errors
    /// See [`NotFields`].
    pub fn decode(fields: &Value) -> Result<Self, NotFields> {
        let Value::Object(fields) = fields else { return Err(NotFields::NoObject(fields.to_string())) };
        let mut nodes = Vec::with_capacity(fields.len());
        for (name, value) in fields.iter().filter(|(name, _)| *name != ITSELF) {
            let Some(element) = Element::parse(name)? else { continue };
            let below = Self::decode(value)?;
            nodes.push(Node { element, owned: below.is_empty() || value.get(ITSELF).is_some(), below });
        }
        Ok(nodes.into_iter().collect())
    }

    /// Writes `fieldsV1`.
    #[must_use]
    pub fn encode(&self) -> Value {
        let mut fields = Map::new();
        for node in self.nodes() {
            let mut below = node.below.encode();
            if let Value::Object(below) = &mut below
                && node.owned
                && !below.is_empty()
            {
                below.insert(ITSELF.to_owned(), Value::Object(Map::new()));
            }
            fields.insert(node.element.text(), below);
        }
        Value::Object(fields)
    }
}
