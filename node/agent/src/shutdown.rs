//! Ending all pods because the machine is about to: group after group by priority, each with its time (KEP-2712).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::context::Context;
use crate::ending::Ending;
use crate::events::{Note, Weight};
use crate::pods::Pods;
use crate::policy;
use crate::protection::Group;
use crate::seat::{News, Seat};

/// What a killed pod may take, beyond its grace, until the API knows of its end.
const SLACK: Duration = Duration::from_secs(5);
/// Between two looks at whether a group has ended.
const LOOK: Duration = Duration::from_millis(100);

/// The group that a pod ends with: that of the highest priority that is not above its own, or the lowest of all.
fn group_of(groups: &[Group], pod: &Pod) -> usize {
    let priority = policy::priority(pod);
    groups.iter().rposition(|group| group.priority <= priority).unwrap_or(0)
}

/// How long all groups together may take.
pub(crate) fn longest(groups: &[Group]) -> Duration {
    groups.iter().map(|group| group.grace + SLACK).sum()
}

/// Ends all pods and refuses new ones. Returns when the last group has ended, or its time has.
pub(crate) async fn run(context: &Context, pods: &Pods, groups: &[Group]) {
    let message = "Shutdown manager detected shutdown event".to_owned();
    context.events.note(Note::about_node(&context.facts.name, Weight::Normal, "NodeShutdown", message));
    context.standing.send_modify(|standing| standing.shutting_down = true);
    for (at, group) in groups.iter().enumerate() {
        let living = pods.all().into_iter().filter(|seat| !seat.has_ended());
        let going: Vec<Arc<Seat>> = living.filter(|seat| group_of(groups, &seat.pod()) == at).collect();
        going.iter().for_each(|seat| seat.tell(News::Ends(Ending::shutdown(group.grace))));
        let begun = context.seam.moment();
        while going.iter().any(|seat| !seat.has_ended()) {
            if context.seam.moment().since(begun) > group.grace + SLACK {
                tracing::warn!(priority = group.priority, "not every pod has ended in its time");
                break;
            }
            context.seam.sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(priorities: &[i32], pod: i32, expected: usize) {
        let group = |&priority| Group { priority, grace: Duration::from_secs(1) };
        let groups: Vec<Group> = priorities.iter().map(group).collect();
        let pod = serde_json::from_value(json!({ "spec": { "priority": pod, "containers": [] } })).unwrap();
        assert_eq!(group_of(&groups, &pod), expected, "{priorities:?}");
    }

    #[test]
    fn a_pod_ends_with_the_group_below_its_priority() {
        check(&[0, 1000, 2_000_000_000], 0, 0);
        check(&[0, 1000, 2_000_000_000], 999, 0);
        check(&[0, 1000, 2_000_000_000], 1000, 1);
        check(&[0, 1000, 2_000_000_000], 2_000_001_000, 2);
        check(&[100, 1000], 5, 0);
    }
}
