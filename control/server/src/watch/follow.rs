//! One watcher: the state it begins with, then what its group is told, or the history itself when it is behind.

use std::collections::VecDeque;
use std::sync::Arc;

use api::meta::Revision;
use api::record::Record;
use bytes::Bytes;
use futures::future::BoxFuture;
use seam::Moment;
use tokio::sync::broadcast::error::RecvError;

use super::board::Round;
use super::frame::{self, Form, Framer};
use super::hub::{Hub, Member};
use super::{BOOKMARK_EVERY, PIECE};
use crate::revision;
use crate::select::{Happening, Selection};
use crate::verbs::Core;

/// A running watch.
pub(super) struct Watch {
    pub(super) core: Arc<Core>,
    pub(super) hub: Arc<Hub>,
    pub(super) member: Member,
    pub(super) selection: Selection,
    pub(super) form: Form,
    pub(super) bookmarks: bool,
    /// The initial state that is still to be sent.
    pub(super) initial: VecDeque<Arc<Record>>,
    /// Whether the end of the initial state is still to be marked.
    pub(super) mark_initial: bool,
    /// Everything up to this revision has been sent or did not concern the watcher.
    pub(super) after: Revision,
    /// Up to here the watcher reads the history, because its group's ring begins later.
    pub(super) behind: Option<Revision>,
    pub(super) columns_sent: bool,
    pub(super) deadline: Moment,
    pub(super) alarm: Alarm,
    pub(super) stage: Stage,
}

/// How far a watch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It goes on.
    Open,
    /// What is behind is still to be sent, then a bookmark.
    Closing,
    /// Nothing follows.
    Ended,
}

/// The next bookmark, or the end. Kept while events come, so that a busy watch sets no timer for each.
pub(super) struct Alarm {
    pub(super) at: Moment,
    pub(super) rings: BoxFuture<'static, ()>,
}

impl Alarm {
    pub(super) fn set(core: &Arc<Core>, deadline: Moment) -> Self {
        let seam = core.seam.clone();
        let at = (seam.moment() + BOOKMARK_EVERY).min(deadline);
        Self { at, rings: Box::pin(async move { seam.sleep_until(at).await }) }
    }
}

/// What a watcher waits for.
enum Woken {
    Alarm,
    Round(Result<Round, RecvError>),
}

impl Watch {
    /// The next piece of the stream; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            let piece = if self.stage == Stage::Ended {
                return None;
            } else if !self.initial.is_empty() {
                self.state()
            } else if std::mem::take(&mut self.mark_initial) {
                self.bookmark(true)
            } else if let Some(through) = self.behind {
                self.read_history(through).await
            } else if self.stage == Stage::Closing {
                self.stage = Stage::Ended;
                self.bookmark(false)
            } else {
                match self.wait().await {
                    Woken::Alarm => self.ring(),
                    Woken::Round(round) => self.take(round),
                }
            };
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        tokio::select! {
            biased;
            // Before the rounds: a busy kind must not starve the bookmarks.
            () = &mut self.alarm.rings => Woken::Alarm,
            round = self.member.rounds.recv() => Woken::Round(round),
        }
    }

    /// A piece of the initial state.
    fn state(&mut self) -> Bytes {
        let (framer, mut out) = (self.framer(), Vec::new());
        while out.len() < PIECE
            && let Some(record) = self.initial.pop_front()
        {
            self.write(&framer, Happening::Added, &record, record.revision, &mut out);
        }
        out.into()
    }

    /// Time for a bookmark, and maybe the end.
    fn ring(&mut self) -> Bytes {
        // What the hub has told so far is in the ring, so that nothing before this revision is missed after draining it.
        let position = self.hub.position();
        if self.alarm.at >= self.deadline {
            self.stage = Stage::Closing;
        }
        self.alarm = Alarm::set(&self.core, self.deadline);
        let mut out = Vec::new();
        while self.behind.is_none()
            && let Ok(round) = self.member.rounds.try_recv()
        {
            out.extend_from_slice(&self.take(Ok(round)));
        }
        if self.behind.is_none() && self.member.rounds.is_empty() {
            self.after = self.after.max(position);
        }
        if self.stage == Stage::Open && self.behind.is_none() {
            out.extend_from_slice(&self.bookmark(false));
        }
        out.into()
    }

    /// Passes a round on, when it continues exactly where this watcher is.
    fn take(&mut self, round: Result<Round, RecvError>) -> Bytes {
        match round {
            Ok(round) if round.through <= self.after => {}
            Ok(round) if round.after >= self.after && (self.columns_sent || !self.has_columns()) => {
                self.after = round.through;
                return round.text;
            }
            Ok(round) => self.behind = Some(round.through),
            // The ring went on without this watcher: what it missed is in the history.
            Err(RecvError::Lagged(_)) => self.behind = Some(self.hub.position()),
            // The server stops, or the hub could not go on: whatever can still be told, then the end.
            Err(RecvError::Closed) => {
                self.stage = Stage::Closing;
                self.behind = Some(self.hub.position());
            }
        }
        Bytes::new()
    }

    /// A piece of the history up to that revision.
    async fn read_history(&mut self, through: Revision) -> Bytes {
        if self.after >= through {
            self.behind = None;
            return Bytes::new();
        }
        let events = match self.core.store.events(self.after).await {
            Ok(events) if events.is_empty() => {
                // The store answers nothing only when it has closed.
                self.stage = Stage::Ended;
                return Bytes::new();
            }
            Ok(events) => events,
            Err(old) => {
                self.stage = Stage::Ended;
                return frame::error(&revision::expired(old.asked, old.oldest));
            }
        };
        let (framer, mut out) = (self.framer(), Vec::new());
        for event in &events {
            // Revisions are whole: a piece ends between two of them.
            if event.revision > self.after && (event.revision > through || out.len() >= PIECE) {
                break;
            }
            self.after = event.revision;
            if self.stage != Stage::Ended
                && let Some((happening, record)) = self.selection.sees(event)
            {
                self.write(&framer, happening, record, event.revision, &mut out);
            }
        }
        out.into()
    }

    fn framer(&self) -> Framer {
        Framer { kind: self.selection.kind, form: self.form, now: self.core.seam.now() }
    }

    fn has_columns(&self) -> bool {
        matches!(self.form, Form::Table(_))
    }

    /// Whether the next table tells its columns: only the first does.
    fn columns(&mut self) -> bool {
        self.has_columns() && !std::mem::replace(&mut self.columns_sent, true)
    }

    fn write(&mut self, framer: &Framer, what: Happening, record: &Record, revision: Revision, out: &mut Vec<u8>) {
        let columns = self.columns();
        if let Err(status) = framer.event(what, record, revision, columns, out) {
            self.stage = Stage::Ended;
            out.extend_from_slice(&frame::error(&status));
        }
    }

    /// Tells how far the watcher has come, when it takes bookmarks.
    fn bookmark(&mut self, initial_end: bool) -> Bytes {
        if !self.bookmarks {
            return Bytes::new();
        }
        let columns = self.columns();
        self.framer().bookmark(self.after, initial_end, columns)
    }
}
