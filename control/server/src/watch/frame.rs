//! One event of a watch as text, in the form in which a client takes objects.

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
use crate::verbs::modify::set_revision;
use crate::verbs::{value_of, write_as};

/// How a watcher takes objects. Watchers of one form are sent the same bytes.
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
                set_revision(&mut object, revision);
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

/// What an event's text has beyond the object's stored bytes, about.
const ENVELOPE: usize = 128;

/// The texts of one event, each made when the first group asks for it.
#[derive(Default)]
pub(super) struct Frames(Vec<Made>);

/// A text of an event; `None` when the object is damaged.
struct Made {
    happening: Happening,
    framer: Framer,
    frame: Option<Bytes>,
}

impl Frames {
    /// The text for watchers of that kind and form; `None` when the object is damaged.
    pub(super) fn get(
        &mut self,
        framer: &Framer,
        happening: Happening,
        record: &Record,
        revision: Revision,
    ) -> Option<Bytes> {
        let alike = |made: &&Made| {
            made.happening == happening
                && made.framer.form == framer.form
                && std::ptr::eq(made.framer.kind, framer.kind)
        };
        if let Some(made) = self.0.iter().find(alike) {
            return made.frame.clone();
        }
        let mut text = Vec::with_capacity(record.body.len() + ENVELOPE);
        let frame = match framer.event(happening, record, revision, false, &mut text) {
            Ok(()) => Some(Bytes::from(text)),
            Err(status) => {
                tracing::error!(%status, "an event cannot be told");
                None
            }
        };
        self.0.push(Made { happening, framer: *framer, frame: frame.clone() });
        frame
    }
}
