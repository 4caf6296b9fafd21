//! Kinds that are served in several versions: one is stored, the others are forms of it.

use std::sync::Arc;

use serde_json::Value;

use super::Kind;
use crate::json;
use crate::meta::Resource;
use crate::schema::{self, Schema};

/// What makes a kind a form of another one, which the store holds.
///
/// Rules, columns and facts of such a kind are those of the stored one and see objects in its form. Only what clients send and
/// are sent is converted: right after reading, right before writing. Types were checked against the form's own schema before,
/// so both directions are total; what one of them cannot express is lost, as in Kubernetes.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// What the store holds.
    pub stored: Resource,
    /// `apiVersion` of what the store holds.
    pub api_version: Arc<str>,
    /// The two directions.
    pub directions: Directions,
}

/// Both directions between a form and what is stored. `apiVersion` and `kind` are not their business.
#[derive(Clone, Copy, Debug)]
pub struct Directions {
    /// From the form to what is stored.
    pub to_stored: fn(&mut Value),
    /// From what is stored to the form; gives back what [`Directions::to_stored`] was given.
    pub from_stored: fn(&mut Value),
    /// Selectable fields of the form and what they are called in the stored one; none when they are called the same.
    pub fields: &'static [(&'static str, &'static str)],
}

impl Directions {
    /// Both forms look alike but for their `apiVersion`.
    pub const SAME: Self = Self { to_stored: |_| {}, from_stored: |_| {}, fields: &[] };
}

impl Conversion {
    /// The form of the stored kind with these directions.
    #[must_use]
    pub fn of(stored: &Kind, directions: Directions) -> Self {
        Self { stored: stored.resource(), api_version: stored.api_version().into(), directions }
    }
}

impl Kind {
    /// Whether the store holds objects of this very kind.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.conversion.is_none()
    }

    /// Under which resource the store holds the objects.
    #[must_use]
    pub fn stored_resource(&self) -> Resource {
        self.conversion.as_ref().map_or_else(|| self.resource(), |conversion| conversion.stored.clone())
    }

    /// Turns an object of this kind into the form that is stored.
    pub fn to_stored(&self, object: &mut Value) {
        if let Some(Conversion { api_version, directions, .. }) = &self.conversion {
            (directions.to_stored)(object);
            json::set(object, "apiVersion", &**api_version);
        }
    }

    /// Turns a stored object into the form of this kind, which is given no field that it does not know.
    pub fn from_stored(&self, object: &mut Value) {
        if let Some(Conversion { directions, .. }) = &self.conversion {
            (directions.from_stored)(object);
            if let Some(of) = Schema::of(self.schema) {
                schema::prune(object, of);
            }
            json::set(object, "apiVersion", self.api_version());
        }
    }

    /// What a selectable field of this kind is called in the stored one; `None` when there is no such field.
    #[must_use]
    pub fn selectable_as<'a>(&self, path: &'a str) -> Option<&'a str> {
        match &self.conversion {
            Some(Conversion { directions: Directions { fields: fields @ [_, ..], .. }, .. }) => {
                fields.iter().find(|(shown, _)| *shown == path).map(|(_, stored)| *stored)
            }
            _ => self.selectable.contains(&path).then_some(path),
        }
    }
}
