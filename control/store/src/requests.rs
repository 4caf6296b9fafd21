//! Requests that were applied lately, so that a retry is applied once.

use std::collections::{BTreeMap, VecDeque};

use api::meta::Revision;

use crate::command::RequestId;

/// Applied requests, oldest first, bounded by count and by the history that can tell their outcome.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    order: VecDeque<(RequestId, Revision)>,
    revisions: BTreeMap<RequestId, Revision>,
    max: u64,
    /// How many were ever forgotten: the number of the oldest in `order`. Numbers requests in the checkpoint.
    forgotten: u64,
}

impl Requests {
    pub(crate) fn new(max: u64, forgotten: u64) -> Self {
        Self { order: VecDeque::new(), revisions: BTreeMap::new(), max, forgotten }
    }

    /// The revision at which the request was applied, if it was.
    pub(crate) fn find(&self, request: RequestId) -> Option<Revision> {
        self.revisions.get(&request).copied()
    }

    /// Remembers a request, and forgets those beyond the limit.
    pub(crate) fn push(&mut self, request: RequestId, revision: Revision) {
        self.order.push_back((request, revision));
        self.revisions.insert(request, revision);
        while self.order.len() as u64 > self.max {
            self.forget_oldest();
        }
    }

    /// Forgets requests whose outcome the history does not know any more.
    pub(crate) fn forget_up_to(&mut self, floor: Revision) {
        while self.order.front().is_some_and(|(_, revision)| *revision <= floor) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((request, _)) = self.order.pop_front() {
            self.revisions.remove(&request);
            self.forgotten += 1;
        }
    }

    /// How many requests were ever forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Number that the next request gets.
    pub(crate) fn next(&self) -> u64 {
        self.forgotten + self.order.len() as u64
    }

    /// Requests from that number on, each with its number, oldest first.
    pub(crate) fn from(&self, number: u64) -> impl Iterator<Item = (u64, RequestId, Revision)> {
        let skip = usize::try_from(number.saturating_sub(self.forgotten)).unwrap_or(usize::MAX).min(self.order.len());
        let number = self.forgotten + skip as u64;
        (number..).zip(self.order.range(skip..)).map(|(number, (request, revision))| (number, *request, *revision))
    }
}
