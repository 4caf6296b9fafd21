//! Tables and metadata alone: the forms for people and for controllers that need little.

use api::kind::{Column, Kind};
use api::meta::{Revision, Timestamp};
use api::record::{Record, revision_member};
use api::status::Status;
use serde_json::{Value, json};

use crate::list::Page;
use crate::query::Query;
use crate::revision;
use crate::verbs::modify::set_revision;
use crate::verbs::{shown, value_of};

/// What a row of a table carries beside its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Include {
    /// Nothing.
    Nothing,
    /// The object's metadata.
    #[default]
    Metadata,
    /// The object.
    Object,
}

impl Include {
    /// Reads `includeObject`.
    pub(crate) fn of(query: &Query) -> Result<Self, Status> {
        match query.get("includeObject") {
            None | Some("Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::Nothing),
            Some("Object") => Ok(Self::Object),
            Some(other) => {
                let allowed = ["None", "Metadata", "Object"];
                let error = api::validate::FieldError::not_supported("includeObject", other, &allowed);
                Err(revision::invalid(&[error]))
            }
        }
    }
}

/// The beginning of a table of a page of a list, up to its rows.
pub(crate) fn head(page: &Page, kind: &Kind) -> String {
    let (columns, meta) = (json!(definitions(kind.columns)), page.metadata());
    format!(
        "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{meta},\"columnDefinitions\":{columns},\
         \"rows\":["
    )
}

/// Appends a stored object as a row.
pub(crate) fn write_row(
    record: &Record,
    kind: &Kind,
    include: Include,
    now: Timestamp,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    out.extend_from_slice(row(value_of(record)?, kind, include, now).to_string().as_bytes());
    Ok(())
}

/// A table of one object, given in the form that is stored; without `columns` for all but the first event of a watch.
pub(crate) fn of_object(object: Value, kind: &Kind, include: Include, columns: bool, now: Timestamp) -> Value {
    table(&told_revision(&object), columns.then_some(kind.columns), &[row(object, kind, include, now)])
}

/// A table of the Scale of an object.
pub(crate) fn of_scale(scale: Value, include: Include, now: Timestamp) -> Value {
    let meta = told_revision(&scale);
    let cells = api::scale::cells(&scale, now);
    let object = match include {
        Include::Nothing => Value::Null,
        Include::Metadata => partial(scale),
        Include::Object => scale,
    };
    table(&meta, Some(api::scale::COLUMNS), &[json!({"cells": cells, "object": object})])
}

/// The metadata of the table of one object.
fn told_revision(object: &Value) -> Value {
    let revision = object["metadata"]["resourceVersion"].as_str();
    revision.map_or_else(|| json!({}), |revision| json!({"resourceVersion": revision}))
}

fn table(meta: &Value, columns: Option<&[Column]>, rows: &[Value]) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": columns.map(definitions), "rows": rows,
    })
}

fn definitions(columns: &[Column]) -> Vec<Value> {
    let definition = |column: &Column| {
        json!({
            "name": column.name, "type": column.kind, "format": column.format, "description": column.description,
            "priority": column.priority,
        })
    };
    columns.iter().map(definition).collect()
}

fn row(object: Value, kind: &Kind, include: Include, now: Timestamp) -> Value {
    let cells = kind.strategy.cells(&object, now);
    let mut row = json!({"cells": cells});
    if let Some(condition) = completed(&object) {
        row["conditions"] = json!([condition]);
    }
    match include {
        Include::Nothing => row["object"] = Value::Null,
        Include::Metadata => row["object"] = partial(shown(kind, object)),
        Include::Object => row["object"] = shown(kind, object),
    }
    row
}

/// A pod that has ended is told apart, so that `kubectl get` may leave it out.
fn completed(object: &Value) -> Option<Value> {
    let phase = object["status"]["phase"].as_str().filter(|_| object["kind"] == "Pod")?;
    let (reason, message) = match phase {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
}

/// The metadata of an object as an object of its own.
pub(crate) fn partial(mut object: Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"].take()})
}

/// Appends the metadata of a stored object as it stood at a revision. The form that is stored costs no parse.
pub(crate) fn write_partial(kind: &Kind, record: &Record, revision: Revision, out: &mut Vec<u8>) -> Result<(), Status> {
    if !kind.is_stored() {
        let mut object = value_of(record)?;
        set_revision(&mut object, revision);
        out.extend_from_slice(partial(shown(kind, object)).to_string().as_bytes());
        return Ok(());
    }
    let metadata = record.body.metadata();
    let metadata = metadata.ok_or_else(|| Status::internal(format!("{} is damaged in the store", record.key)))?;
    out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{");
    out.extend_from_slice(revision_member(revision).as_bytes());
    out.extend_from_slice(metadata);
    out.extend_from_slice(b"}}");
    Ok(())
}
