//! Watch: what happens to a selection of objects, from a revision on, as it happens.
//!
//! A watcher pulls: it takes the next batch from the store's history when the connection has room. A slow one falls behind in
//! that bounded history and is told `410 Expired` when it falls out of it; nothing is queued for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use api::kind::Kind;
use api::meta::Revision;
use api::record::Record;
use api::status::Status;
use api::validate::FieldError;
use api::view::Event;
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use seam::Moment;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fail::Reply;
use crate::negotiate::Shape;
use crate::query::Query;
use crate::revision::{self, Wanted};
use crate::select::Selection;
use crate::table::{self, Include};
use crate::verbs::{Core, shown, value_of, write_as};

/// Between two bookmarks of a quiet watch.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// A watch without a timeout of its own ends after this and up to twice this, so that not all end together.
const TIMEOUT: Duration = Duration::from_secs(1800);
/// Longest watch.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Objects of an initial state that are put in one piece of the stream.
const INITIAL_BATCH: usize = 64;

/// A running watch.
struct Watch {
    core: Arc<Core>,
    selection: Selection,
    shape: Shape,
    include: Include,
    bookmarks: bool,
    /// The initial state that is still to be sent.
    initial: VecDeque<Arc<Record>>,
    /// Whether the end of the initial state is still to be marked.
    mark_initial: bool,
    /// Everything up to this revision has been sent or did not concern the watcher.
    after: Revision,
    columns_sent: bool,
    deadline: Moment,
    next_bookmark: Moment,
    shutdown: CancellationToken,
    ended: bool,
}

/// Starts a watch.
pub(crate) async fn start(
    core: &Arc<Core>,
    selection: Selection,
    shape: Shape,
    query: &Query,
    shutdown: &CancellationToken,
) -> Result<Reply, Status> {
    let include = Include::of(query)?;
    let beginning = Beginning::of(query)?;
    let bookmarks = query.flag("allowWatchBookmarks");
    let timeout = match query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0) {
        Some(seconds) => Duration::from_secs(seconds).min(TIMEOUT_MAX),
        None => TIMEOUT + Duration::from_secs(core.seam.random().below(TIMEOUT.as_secs())),
    };
    let (initial, after) = match beginning {
        Beginning::After(revision) => (VecDeque::new(), revision),
        Beginning::State(wanted, _) => {
            let view = core.state(wanted).await?;
            (selection.records(&view, "").cloned().collect(), view.revision())
        }
    };
    let now = core.seam.moment();
    let watch = Watch {
        core: Arc::clone(core),
        selection,
        shape,
        include,
        bookmarks,
        initial,
        mark_initial: matches!(beginning, Beginning::State(_, true)) && bookmarks,
        after,
        columns_sent: false,
        deadline: now + timeout,
        next_bookmark: now + BOOKMARK_EVERY,
        shutdown: shutdown.clone(),
        ended: false,
    };
    let pieces = stream::unfold(watch, |mut watch| async move {
        watch.next().await.map(|piece| (Ok::<_, std::io::Error>(piece), watch))
    });
    let mut reply = Response::new(Body::from_stream(pieces));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(reply)
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// With what happens after a revision.
    After(Revision),
    /// With a state; `true` when its end is to be marked (KEP-3157).
    State(Wanted, bool),
}

impl Beginning {
    fn of(query: &Query) -> Result<Self, Status> {
        let revision = revision::parse(query.get("resourceVersion"))?;
        let matching = query.get("resourceVersionMatch");
        if query.get("sendInitialEvents").is_none() {
            if matching.is_some() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                return Err(revision::invalid(&[FieldError::forbidden("resourceVersionMatch", why)]));
            }
            return Ok(match revision {
                None => Self::State(Wanted::Newest, false),
                Some(Revision::ZERO) => Self::State(Wanted::Any, false),
                Some(revision) => Self::After(revision),
            });
        }
        if matching != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            return Err(revision::invalid(&[FieldError::forbidden("resourceVersionMatch", why)]));
        }
        if !query.flag("sendInitialEvents") {
            return Ok(revision.map_or(Self::State(Wanted::Newest, false), Self::After));
        }
        Ok(match revision {
            None => Self::State(Wanted::Newest, true),
            Some(Revision::ZERO) => Self::State(Wanted::Any, true),
            Some(revision) => Self::State(Wanted::NotOlderThan(revision), true),
        })
    }
}

/// What a watcher waits for.
enum Woken {
    Events(Result<Vec<Event>, api::verbs::TooOld>),
    Bookmark,
    Over,
}

impl Watch {
    /// The next piece of the stream; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut out = Vec::new();
        while out.is_empty() {
            if !self.initial.is_empty() {
                for _ in 0..INITIAL_BATCH {
                    let Some(record) = self.initial.pop_front() else { break };
                    self.write("ADDED", &record, record.revision, &mut out);
                }
            } else if self.mark_initial {
                self.mark_initial = false;
                self.write_bookmark(true, &mut out);
            } else {
                match self.wait().await {
                    Woken::Events(Ok(events)) => self.take(&events, &mut out),
                    Woken::Events(Err(old)) => self.fail(&revision::expired(old.asked, old.oldest), &mut out),
                    Woken::Bookmark => {
                        self.next_bookmark = self.core.seam.moment() + BOOKMARK_EVERY;
                        if self.bookmarks {
                            self.write_bookmark(false, &mut out);
                        }
                    }
                    Woken::Over => {
                        self.ended = true;
                        if !self.bookmarks {
                            return None;
                        }
                        self.write_bookmark(false, &mut out);
                    }
                }
            }
        }
        Some(out.into())
    }

    async fn wait(&self) -> Woken {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Woken::Over,
            () = self.core.seam.sleep_until(self.deadline) => Woken::Over,
            // Before the events: a busy cluster must not starve the bookmarks of a quiet kind.
            () = self.core.seam.sleep_until(self.next_bookmark) => Woken::Bookmark,
            events = self.core.store.events(self.after) => Woken::Events(events),
        }
    }

    fn take(&mut self, events: &[Event], out: &mut Vec<u8>) {
        for event in events {
            self.after = self.after.max(event.revision);
            let before = event.before.as_ref().filter(|record| self.selection.matches(record));
            let after = event.after.as_ref().filter(|record| self.selection.matches(record));
            match (before, after) {
                (None, Some(after)) => self.write("ADDED", after, event.revision, out),
                (Some(_), Some(after)) => self.write("MODIFIED", after, event.revision, out),
                // The last state that matched, at the revision at which it ceased to.
                (Some(before), None) => self.write("DELETED", before, event.revision, out),
                (None, None) => {}
            }
        }
        if events.is_empty() {
            // The store answers nothing only when it has closed.
            self.ended = true;
        }
    }

    fn write(&mut self, event: &str, record: &Record, revision: Revision, out: &mut Vec<u8>) {
        let kept = out.len();
        out.extend_from_slice(format!("{{\"type\":\"{event}\",\"object\":").as_bytes());
        match self.write_object(record, revision, out) {
            Ok(()) => out.extend_from_slice(b"}\n"),
            Err(status) => {
                out.truncate(kept);
                self.fail(&status, out);
            }
        }
    }

    fn write_object(&mut self, record: &Record, revision: Revision, out: &mut Vec<u8>) -> Result<(), Status> {
        let kind = self.selection.kind;
        if self.shape == Shape::Object {
            return write_as(kind, record, revision, out);
        }
        let mut object = value_of(record)?;
        object["metadata"]["resourceVersion"] = revision.to_string().into();
        if self.shape == Shape::Partial {
            out.extend_from_slice(table::partial(shown(kind, object)).to_string().as_bytes());
            return Ok(());
        }
        let columns = !std::mem::replace(&mut self.columns_sent, true);
        let table = table::of_object(object, kind, self.include, columns, self.core.seam.now())?;
        out.extend_from_slice(&table);
        Ok(())
    }

    /// Tells how far the watcher has come.
    fn write_bookmark(&self, initial_end: bool, out: &mut Vec<u8>) {
        let object = bookmark(self.selection.kind, self.shape, self.after, initial_end);
        out.extend_from_slice(json!({"type": "BOOKMARK", "object": object}).to_string().as_bytes());
        out.push(b'\n');
    }

    /// Tells why the watch ends, and ends it.
    fn fail(&mut self, status: &Status, out: &mut Vec<u8>) {
        self.ended = true;
        out.extend_from_slice(json!({"type": "ERROR", "object": status}).to_string().as_bytes());
        out.push(b'\n');
    }
}

fn bookmark(kind: &Kind, shape: Shape, revision: Revision, initial_end: bool) -> serde_json::Value {
    let mut meta = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if initial_end {
        meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    match shape {
        Shape::Object => json!({"kind": &*kind.kind, "apiVersion": kind.api_version(), "metadata": meta}),
        Shape::Partial => json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}),
        Shape::Table => {
            let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta});
            json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": revision.to_string()},
                "columnDefinitions": null, "rows": [{"cells": [], "object": object}],
            })
        }
    }
}
