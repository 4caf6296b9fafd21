//! Where a walk through an object stands in the schema, and how the value there is merged.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Element;
use crate::schema::{Body, Field, ListType, MapType, Scalar, Shape, Type};

/// Fields by which items are told apart and that Kubernetes reads as a certain value when they are missing. Its schema says
/// so for these alone; texts and numbers that must be there read as empty and zero.
const KEY_DEFAULTS: &[(&str, &str, &str)] =
    &[("io.k8s.api.core.v1.ContainerPort", "protocol", "TCP"), ("io.k8s.api.core.v1.ServicePort", "protocol", "TCP")];

static NULL: Value = Value::Null;
static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// An object of declared fields.
    Struct { of: Type, atomic: bool },
    /// A map from text.
    Map { value: &'static Shape, atomic: bool },
    /// A list.
    List { item: &'static Shape, how: Items },
    /// A single value.
    Scalar(Scalar),
    /// Nothing is known: objects are merged, lists are single values.
    Deduced,
    /// Nothing is known, and whatever stands here is a single value.
    Opaque,
}

/// How items of a list are told apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Items {
    /// They are not; the list is one value.
    Atomic,
    /// By value.
    Set,
    /// By these fields.
    Keys(&'static [&'static str]),
}

/// How a value is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Scalar,
    List,
    Map,
}

impl Place {
    /// The whole object. Without a type nothing is known of it.
    pub(super) fn root(of: Option<Type>) -> Self {
        of.map_or(Self::Deduced, |of| Self::Struct { of, atomic: false })
    }

    /// The form of the value here. Null fits everywhere and counts as an object where anything may stand.
    pub(super) fn form(self, value: &Value) -> Form {
        match (self, value) {
            (Self::Struct { .. } | Self::Map { .. }, _) => Form::Map,
            (Self::List { .. }, _) => Form::List,
            (Self::Scalar(_), _) => Form::Scalar,
            (Self::Deduced | Self::Opaque, Value::Object(_) | Value::Null) => Form::Map,
            (Self::Deduced | Self::Opaque, Value::Array(_)) => Form::List,
            (Self::Deduced | Self::Opaque, _) => Form::Scalar,
        }
    }

    /// Whether a value of that form is owned as a whole.
    pub(super) fn is_leaf(self, form: Form) -> bool {
        match self {
            Self::Struct { atomic, .. } | Self::Map { atomic, .. } => atomic,
            Self::List { how, .. } => matches!(how, Items::Atomic),
            Self::Scalar(_) | Self::Opaque => true,
            Self::Deduced => form != Form::Map,
        }
    }

    /// The place of a field or entry; `None` for a field that the type does not have.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Struct { of, .. } => of.field(name).map(Self::of_field),
            Self::Map { value, .. } => Some(Self::of_shape(value)),
            Self::Deduced => Some(Self::Deduced),
            Self::Opaque => Some(Self::Opaque),
            Self::List { .. } | Self::Scalar(_) => None,
        }
    }

    /// Whether the field is declared, rather than an entry of a map.
    pub(super) fn declares(self, name: &str) -> bool {
        matches!(self, Self::Struct { of, .. } if of.field(name).is_some())
    }

    /// The place of the items of a list.
    pub(super) fn item(self) -> Self {
        match self {
            Self::List { item, .. } => Self::of_shape(item),
            _ => Self::Opaque,
        }
    }

    /// What stands for a field that is missing while its surroundings are there: Go always has structs that are held by
    /// value, and fields that must be there, if only empty. Kubernetes compares Go's objects, so that these count as there.
    pub(super) fn stand_in(self, name: &str) -> Option<&'static Value> {
        let Self::Struct { of, .. } = self else { return None };
        let field = of.field(name)?;
        let by_value = field.number.as_ref().is_some_and(|number| !number.pointer);
        match &field.shape {
            Shape::Type(of) if matches!(of.body(), Body::Struct(_)) => by_value.then_some(&*EMPTY),
            _ => (field.required && by_value).then_some(&NULL),
        }
    }

    /// The element of an item of this list.
    ///
    /// # Errors
    /// A sentence, when the item has no place in such a list.
    pub(super) fn element(self, item: &Value) -> Result<Element, String> {
        match self {
            Self::List { how: Items::Keys(keys), .. } => self.item().keyed(keys, item),
            Self::List { how: Items::Set, .. } => match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
                _ => Ok(Element::value(item)),
            },
            _ => Err("invalid indexing of non-associative list".into()),
        }
    }

    fn keyed(self, keys: &[&str], item: &Value) -> Result<Element, String> {
        let fields = match item {
            Value::Object(fields) => fields,
            Value::Null => return Err("associative list with keys may not have a null element".into()),
            _ => return Err("associative list with keys may not have non-map elements".into()),
        };
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(value) = fields.get(*key).cloned().or_else(|| self.key_default(key)) {
                found.push(((*key).to_owned(), value));
            }
        }
        if found.is_empty() {
            let names: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                names.join(" ")
            ));
        }
        Ok(Element::keys(found))
    }

    fn key_default(self, key: &str) -> Option<Value> {
        let Self::Struct { of, .. } = self else { return None };
        if let Some((_, _, value)) = KEY_DEFAULTS.iter().find(|(name, field, _)| *name == of.name() && *field == key) {
            return Some((*value).into());
        }
        match of.field(key).filter(|field| field.required)?.shape.scalar()? {
            Scalar::String => Some("".into()),
            Scalar::Int32 | Scalar::Int64 => Some(0.into()),
            _ => None,
        }
    }

    fn of_field(field: &'static Field) -> Self {
        match (&field.shape, field.map) {
            (Shape::Type(of), Some(map)) if !of.fields().is_empty() => {
                Self::Struct { of: *of, atomic: map == MapType::Atomic }
            }
            (Shape::Map(value), map) => Self::Map { value, atomic: map == Some(MapType::Atomic) },
            (Shape::List(item), _) => Self::List { item, how: Items::of(field) },
            (shape, _) => Self::of_shape(shape),
        }
    }

    fn of_shape(shape: &'static Shape) -> Self {
        match shape {
            Shape::Map(value) => Self::Map { value, atomic: false },
            Shape::List(item) => Self::List { item, how: Items::Atomic },
            Shape::Scalar(_) | Shape::Type(_) => match (shape.scalar(), shape) {
                (Some(Scalar::Any), _) => Self::Deduced,
                (Some(Scalar::Object), _) => Self::Opaque,
                (Some(scalar), _) => Self::Scalar(scalar),
                (None, Shape::Type(of)) if !of.fields().is_empty() => {
                    Self::Struct { of: *of, atomic: of.map_type() == Some(MapType::Atomic) }
                }
                (None, _) => Self::Deduced,
            },
        }
    }
}

impl Items {
    /// A list without a type of its own is merged as strategic merge patch would.
    fn of(field: &'static Field) -> Self {
        match &field.list {
            Some(ListType::Atomic) => Self::Atomic,
            Some(ListType::Set) => Self::Set,
            Some(ListType::Map(keys)) => Self::Keys(keys),
            None if field.strategy.merge => match field.merge_key.as_slice() {
                [] => Self::Set,
                keys => Self::Keys(keys),
            },
            None => Self::Atomic,
        }
    }
}
