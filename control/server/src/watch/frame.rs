//! One event of a watch as text, in the form in which a client takes objects.

use std::sync::Arc;

use api::kind::Kind;
use api::meta::{Revision, Timestamp};
use api::record::Record;
use api::status::Status;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::negotiate::Shape;
use crate::query::Query;
use crate::select::Happening;
use crate::table::{self, Include};
use crate::verbs::{value_of, write_as};

/// How a watcher takes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// As they are.
    Object,
    /// Their metadata alone.
    Partial,
    /// As rows of a table.
    Table(Include),
}

impl Form {
    /// What the request asks for.
    pub(super) fn of(shape: Shape, query: &Query) -> Result<Self, Status> {
        Ok(match shape {
            Shape::Object => Self::Object,
            Shape::Partial => Self::Partial,
            Shape::Table => Self::Table(Include::of(query)?),
        })
    }
}

/// What makes two watchers' texts the same: the group and version of the kind as they ask for it, and their form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Look {
    group: Arc<str>,
    version: Arc<str>,
    form: Form,
}

impl Look {
    pub(super) fn of(kind: &Kind, form: Form) -> Self {
        Self { group: Arc::clone(&kind.group), version: Arc::clone(&kind.version), form }
    }
}

/// Where and when frames are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framer {
    pub(super) kind: &'static Kind,
    pub(super) form: Form,
    /// For the ages in tables.
    pub(super) now: Timestamp,
}

impl Framer {
    /// Appends an event; `columns` says whether a table tells what its columns are, as only the first of a watch does.
    ///
    /// # Errors
    /// When the object is damaged in the store; nothing is appended then.
    pub(super) fn event(
        &self,
        happening: Happening,
        record: &Record,
        revision: Revision,
        columns: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let kept = out.len();
        let word = match happening {
            Happening::Added => "ADDED",
            Happening::Modified => "MODIFIED",
            Happening::Deleted => "DELETED",
        };
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(word.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        if let Err(status) = self.object(record, revision, columns, out) {
            out.truncate(kept);
            return Err(status);
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn object(&self, record: &Record, revision: Revision, columns: bool, out: &mut Vec<u8>) -> Result<(), Status> {
        match self.form {
            Form::Object => write_as(self.kind, record, revision, out)?,
            Form::Partial => table::write_partial(self.kind, record, revision, out)?,
            Form::Table(include) => {
                let mut object = value_of(record)?;
                object["metadata"]["resourceVersion"] = revision.to_string().into();
                let table = table::of_object(object, self.kind, include, columns, self.now);
                out.extend_from_slice(table.to_string().as_bytes());
            }
        }
        Ok(())
    }

    /// How far the watcher has come; `initial_end` marks the end of the state that it began with.
    pub(super) fn bookmark(&self, revision: Revision, initial_end: bool, columns: bool) -> Bytes {
        let mut meta = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": &*self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": meta});
        let object = match self.form {
            Form::Object => object,
            Form::Partial => table::partial(object),
            Form::Table(include) => table::of_object(object, self.kind, include, columns, self.now),
        };
        line("BOOKMARK", &object)
    }
}

/// Why the watch ends.
pub(super) fn error(status: &Status) -> Bytes {
    line("ERROR", &json!(status))
}

fn line(event: &str, object: &Value) -> Bytes {
    let mut text = json!({"type": event, "object": object}).to_string().into_bytes();
    text.push(b'\n');
    text.into()
}
