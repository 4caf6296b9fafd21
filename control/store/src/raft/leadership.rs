//! Whether this member leads, as its own components should see it.

use api::meta::Epoch;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::{RaftMetrics, ServerState};
use tokio::sync::watch;

use super::start::Raft;
use super::types::Types;

/// Follows openraft's metrics until it ends.
pub(crate) async fn follow(raft: Raft, leadership: watch::Sender<Option<Epoch>>) {
    let mut metrics = raft.metrics();
    drop(raft);
    loop {
        let epoch = epoch(&metrics.borrow_watched());
        leadership.send_if_modified(|current| std::mem::replace(current, epoch) != epoch);
        if metrics.changed().await.is_err() {
            leadership.send_replace(None);
            return;
        }
    }
}

/// A leader counts as one when it has applied an entry of its own term: then it has applied all of the terms before.
pub(crate) fn epoch(metrics: &RaftMetrics<Types>) -> Option<Epoch> {
    let leads = metrics.running_state.is_ok() && metrics.state == ServerState::Leader;
    let caught_up = metrics.last_applied.is_some_and(|applied| applied.leader_id.term == metrics.current_term);
    (leads && caught_up).then_some(Epoch(metrics.current_term))
}
