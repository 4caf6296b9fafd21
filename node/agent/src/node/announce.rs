//! What is told about a node when its status changes: decided from what was reported before and what is now.

use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus};

use crate::events::{Note, Weight};
use crate::pressure::Condition;

/// What a node tells when it begins to run, whatever was before.
pub(super) fn beginning(name: &str) -> [Note; 2] {
    let note = |reason, message: &str| Note::about_node(name, Weight::Normal, reason, message.to_owned());
    [
        note("Starting", "Starting kubelet."),
        note("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods"),
    ]
}

/// What is worth telling of the change. `before` is what the API had; nothing for a new node.
pub(super) fn changes(name: &str, before: Option<&NodeStatus>, now: &NodeStatus) -> Vec<Note> {
    let known = before.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let told = now.conditions.iter().flatten().filter_map(|condition| {
        let event = condition_event(known, condition)?;
        Some(Note::about_node(name, Weight::Normal, event, format!("Node {name} status is now: {event}")))
    });
    rebooted(name, before, now).into_iter().chain(told).collect()
}

/// The event of a condition that is not as it was. A node that is new tells what it has enough of; that it is ready is told when
/// it was not.
fn condition_event(known: &[NodeCondition], condition: &NodeCondition) -> Option<&'static str> {
    let before = known.iter().find(|before| before.type_ == condition.type_);
    if before.is_some_and(|before| before.status == condition.status) {
        return None;
    }
    let holds = condition.status == "True";
    match Condition::ALL.into_iter().find(|short| short.name() == condition.type_) {
        Some(short) => Some(short.words(holds).event),
        None if before.is_none() => None,
        None if holds => Some("NodeReady"),
        None => Some("NodeNotReady"),
    }
}

/// The machine has booted since it was last reported.
fn rebooted(name: &str, before: Option<&NodeStatus>, now: &NodeStatus) -> Option<Note> {
    let boot = |status: &NodeStatus| status.node_info.as_ref().map(|info| info.boot_id.clone()).unwrap_or_default();
    let (last, this) = (before.map(boot).unwrap_or_default(), boot(now));
    (!last.is_empty() && last != this).then(|| {
        let message = format!("Node {name} has been rebooted, boot id: {this}");
        Note::about_node(name, Weight::Warning, "Rebooted", message)
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::NodeSystemInfo;

    use super::*;

    fn status(boot: &str, conditions: &[(&str, &str)]) -> NodeStatus {
        let condition = |(kind, status): &(&str, &str)| NodeCondition {
            type_: (*kind).to_owned(),
            status: (*status).to_owned(),
            ..NodeCondition::default()
        };
        NodeStatus {
            conditions: Some(conditions.iter().map(condition).collect()),
            node_info: Some(NodeSystemInfo { boot_id: boot.to_owned(), ..NodeSystemInfo::default() }),
            ..NodeStatus::default()
        }
    }

    fn check(before: Option<&NodeStatus>, now: &NodeStatus, expected: &[&str]) {
        let told: Vec<String> = changes("n", before, now).into_iter().map(|note| note.message).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_new_node_tells_what_it_has_enough_of() {
        let now = status("a", &[("MemoryPressure", "False"), ("DiskPressure", "False"), ("Ready", "True")]);
        let enough = ["Node n status is now: NodeHasSufficientMemory", "Node n status is now: NodeHasNoDiskPressure"];
        check(None, &now, &enough);
        check(Some(&now), &now, &[]);
    }

    #[test]
    fn what_changed_is_told() {
        let was = status("a", &[("MemoryPressure", "False"), ("Ready", "False")]);
        let now = status("a", &[("MemoryPressure", "True"), ("Ready", "True")]);
        let told = ["Node n status is now: NodeHasInsufficientMemory", "Node n status is now: NodeReady"];
        check(Some(&was), &now, &told);
        check(
            Some(&now),
            &was,
            &["Node n status is now: NodeHasSufficientMemory", "Node n status is now: NodeNotReady"],
        );
    }

    #[test]
    fn a_machine_that_booted_says_so() {
        let (was, now) = (status("a", &[]), status("b", &[]));
        check(Some(&was), &now, &["Node n has been rebooted, boot id: b"]);
        assert_eq!(changes("n", Some(&was), &now)[0].weight, Weight::Warning);
        check(Some(&NodeStatus::default()), &now, &[]);
    }
}
