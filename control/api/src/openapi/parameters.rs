//! Parameters of operations.

use serde_json::{Value, json};

/// A query parameter: name, type, meaning.
#[derive(Clone, Copy)]
pub(super) struct Parameter(&'static str, &'static str, &'static str);

impl Parameter {
    pub(super) fn in_query(&self) -> Value {
        let Self(name, of, text) = self;
        json!({"name": name, "in": "query", "description": text, "schema": {"type": of, "uniqueItems": true}})
    }
}

pub(super) fn in_path(name: &str, text: &str) -> Value {
    json!({"name": name, "in": "path", "description": text, "required": true, "schema": {"type": "string", "uniqueItems": true}})
}

pub(super) const PRETTY: Parameter = Parameter("pretty", "string", "If 'true', the answer is indented.");
const DRY_RUN: Parameter = Parameter("dryRun", "string", "'All' goes through every step but keeps nothing.");
const FIELD_MANAGER: Parameter =
    Parameter("fieldManager", "string", "Who owns the fields that this request sets; up to 128 printable characters.");
const FIELD_VALIDATION: Parameter = Parameter(
    "fieldValidation",
    "string",
    "What to do about unknown and duplicate fields: 'Ignore' drops them, 'Warn' (the default) drops them with a warning, \
     'Strict' refuses the request.",
);
const FORCE: Parameter =
    Parameter("force", "boolean", "With an apply patch: take fields over that other managers own.");

pub(super) const WRITE_PARAMETERS: &[Parameter] = &[PRETTY, DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
pub(super) const PATCH_PARAMETERS: &[Parameter] = &[PRETTY, DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE];
pub(super) const DELETE_PARAMETERS: &[Parameter] = &[
    DRY_RUN,
    Parameter("gracePeriodSeconds", "integer", "Seconds until the object goes; 0 means at once."),
    Parameter("propagationPolicy", "string", "What becomes of dependents: 'Orphan', 'Background' or 'Foreground'."),
];
pub(super) const LIST_PARAMETERS: &[Parameter] = &[
    PRETTY,
    Parameter("allowWatchBookmarks", "boolean", "Whether a watch may send BOOKMARK events."),
    Parameter("continue", "string", "Where the next page begins, as the page before told."),
    Parameter("fieldSelector", "string", "Only objects whose fields match."),
    Parameter("labelSelector", "string", "Only objects whose labels match."),
    Parameter("limit", "integer", "Most objects of one page."),
    Parameter("resourceVersion", "string", "Which state to read, or where to begin to watch."),
    Parameter("resourceVersionMatch", "string", "How resourceVersion is meant: 'Exact' or 'NotOlderThan'."),
    Parameter("sendInitialEvents", "boolean", "Whether a watch begins with the objects that are there."),
    Parameter("timeoutSeconds", "integer", "When to end a watch."),
    Parameter("watch", "boolean", "Follow changes instead of listing."),
];
pub(super) const LOG_PARAMETERS: &[Parameter] = &[
    PRETTY,
    Parameter("container", "string", "Which container; may be left out when there is one."),
    Parameter("follow", "boolean", "Go on as the container writes."),
    Parameter("limitBytes", "integer", "Most bytes to send."),
    Parameter("previous", "boolean", "The container before its last restart."),
    Parameter("sinceSeconds", "integer", "Only lines younger than this."),
    Parameter("tailLines", "integer", "Only so many lines from the end."),
    Parameter("timestamps", "boolean", "Put the time before each line."),
];
