//! Versions in which a kind is served: managers name fields in the one in which they wrote.

use std::borrow::Cow;

use serde_json::Value;

use super::place::Place;
use crate::kind::Kind;
use crate::schema::{Schema, Type};

/// A version of a kind, and how it is had from what is stored.
#[derive(Clone, Debug)]
pub struct Version {
    api_version: String,
    of: Option<Type>,
    /// The kind, where it is a form of the stored one.
    form: Option<&'static Kind>,
}

impl Version {
    /// The only version of a kind, by its `apiVersion` and its type; none for a custom resource without a schema.
    #[must_use]
    pub fn only(api_version: &str, of: Option<Type>) -> Self {
        Self { api_version: api_version.to_owned(), of, form: None }
    }

    /// The version of a kind that is built in.
    #[must_use]
    pub fn of(kind: &'static Kind) -> Self {
        let form = (!kind.is_stored()).then_some(kind);
        Self { api_version: kind.api_version(), of: Schema::of(kind.schema), form }
    }

    pub(super) fn api_version(&self) -> &str {
        &self.api_version
    }

    pub(super) fn place(&self) -> Place {
        Place::root(self.of)
    }

    /// An object in this version, given as it is stored.
    pub(super) fn shown<'a>(&self, stored: &'a Value) -> Cow<'a, Value> {
        let Some(form) = self.form else { return Cow::Borrowed(stored) };
        let mut object = stored.clone();
        form.from_stored(&mut object);
        Cow::Owned(object)
    }

    /// An object as it is stored, given in this version.
    pub(super) fn stored(&self, mut shown: Value) -> Value {
        if let Some(form) = self.form {
            form.to_stored(&mut shown);
        }
        shown
    }
}
