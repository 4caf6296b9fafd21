//! Old, empty ReplicaSets beyond `revisionHistoryLimit` go.

use api::change::{Change, Propagation};

use super::Seen;
use super::sets::Sets;
use crate::decision::Decision;

/// `spec.revisionHistoryLimit` when it is not given.
const KEPT: i32 = 10;

pub(super) fn trim(seen: &Seen<'_>, sets: &Sets, decision: &mut Decision) {
    let limit = seen.object.spec.revision_history_limit.unwrap_or(KEPT);
    let empty = |set: &&super::sets::Set| {
        set.replicas == 0 && set.facts.current == 0 && set.facts.behind == 0 && set.record.header.deletion.is_none()
    };
    let mut gone: Vec<_> = sets.old.iter().filter(empty).collect();
    gone.sort_by_key(|set| set.revision);
    let surplus = gone.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for set in gone.into_iter().take(surplus) {
        decision.change(Change::Delete {
            key: set.record.key.clone(),
            uid: set.record.header.uid.clone(),
            if_revision: Some(set.record.revision),
            propagation: Propagation::Background,
            grace: None,
        });
    }
}
