//! Views of the recent past, for lists that go on at the revision where they began.

use std::collections::VecDeque;
use std::time::Duration;

use api::meta::Revision;
use api::view::View;
use seam::Moment;

use crate::history::History;

/// Kept views, at most. Each shares all but what changed since with its neighbours.
const VIEWS_MAX: usize = 256;

/// How long a list may take from its first page to its last: what API servers of Kubernetes promise before compaction.
const AGE_MAX: Duration = Duration::from_secs(300);

/// A view is kept at least every that many revisions: bounds the events to follow from a kept view to the one asked for.
const STRIDE: u64 = 1_000;

/// A view is kept at least that often while there are writes; with [`VIEWS_MAX`] it makes up [`AGE_MAX`].
const INTERVAL: Duration = Duration::from_secs(2);

/// Kept views, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Views {
    kept: VecDeque<(Moment, View)>,
}

impl Views {
    /// Looks at the newest view and keeps it when it is time.
    pub(crate) fn offer(&mut self, now: Moment, view: &View) {
        let due = self.kept.back().is_none_or(|(kept, last)| {
            now.since(*kept) >= INTERVAL || view.revision().0.saturating_sub(last.revision().0) >= STRIDE
        });
        if due {
            self.kept.push_back((now, view.clone()));
        }
        while self.kept.len() > VIEWS_MAX || self.kept.front().is_some_and(|(kept, _)| now.since(*kept) > AGE_MAX) {
            self.kept.pop_front();
        }
    }

    /// The view at exactly that revision: the kept one before it, and the events since.
    pub(crate) fn at(&self, revision: Revision, history: &History) -> Option<View> {
        let before = self.kept.partition_point(|(_, view)| view.revision() <= revision).checked_sub(1)?;
        let mut view = self.kept.get(before)?.1.clone();
        // Every revision has an event, so these reach the revision; none are needed where a view was kept of it.
        if view.revision() < revision {
            history.between(view.revision(), revision).ok()?.for_each(|event| view.follow(event));
        }
        (view.revision() == revision).then_some(view)
    }
}
