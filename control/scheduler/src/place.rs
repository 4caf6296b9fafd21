//! The batch: pods in order of priority, each on the best node that is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::meta::{Key, Resource};
use api::view::View;

use crate::candidate::{Candidate, Wish};
use crate::filter::{Obstacle, obstacle};
use crate::score::score;

/// Where one pod goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On that node.
    Chosen {
        /// The pod.
        pod: Key,
        /// Name of the node.
        node: Arc<str>,
    },
    /// Nowhere now; the message counts nodes by reason, as `kubectl describe` shows it.
    Nowhere {
        /// The pod.
        pod: Key,
        /// E.g. `0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.`
        message: String,
    },
}

/// Name that pods for this scheduler carry in `spec.schedulerName`.
const NAME: &str = "default-scheduler";

/// Keys of the pods that wait for this scheduler: not bound, not ended, not being deleted, no gates.
pub fn waiting(view: &View) -> impl Iterator<Item = &Key> {
    // Unbound pods have no node, so that the index of nodes does not know them: they are found among all pods.
    view.list(&Resource::new("", "pods"), None).filter(|record| is_waiting(record)).map(|record| &record.key)
}

/// Whether the pod waits for this scheduler.
#[must_use]
pub(crate) fn is_waiting(record: &api::record::Record) -> bool {
    record.header.facts.pod().is_some_and(|facts| {
        facts.node.is_none()
            && !facts.phase.is_terminal()
            && record.header.deletion.is_none()
            && facts.scheduler.as_deref().is_none_or(|name| name == NAME)
    })
}

/// Places a batch. Pods that are gone or bound by now are left out of the answer.
#[must_use]
pub fn place(view: &View, pods: &[Key]) -> Vec<Placement> {
    let mut nodes: Vec<Candidate> =
        view.list(&Resource::new("", "nodes"), None).filter_map(|record| Candidate::of(view, record)).collect();
    let mut wishes: Vec<Wish> = pods
        .iter()
        .filter_map(|key| view.get(key))
        .filter(|record| is_waiting(record))
        .filter_map(Wish::of)
        .filter(|wish| !wish.gated)
        .collect();
    // Higher priority first, then older first, as the default queue sort of Kubernetes.
    wishes
        .sort_by(|a, b| (-i64::from(a.priority), a.created, &a.pod).cmp(&(-i64::from(b.priority), b.created, &b.pod)));
    wishes.into_iter().map(|wish| one(&mut nodes, &wish)).collect()
}

fn one(nodes: &mut [Candidate], wish: &Wish) -> Placement {
    let mut obstacles: BTreeMap<Obstacle, usize> = BTreeMap::new();
    let mut best: Option<(i64, usize)> = None;
    for (at, node) in nodes.iter().enumerate() {
        match obstacle(node, wish) {
            found if !found.is_empty() => found.into_iter().for_each(|one| *obstacles.entry(one).or_default() += 1),
            _ => {
                let score = score(node, wish);
                if best.is_none_or(|(known, _)| score > known) {
                    best = Some((score, at));
                }
            }
        }
    }
    match best {
        Some((_, at)) => {
            nodes[at].take(wish);
            Placement::Chosen { pod: wish.pod.clone(), node: Arc::clone(&nodes[at].name) }
        }
        None => Placement::Nowhere { pod: wish.pod.clone(), message: message(nodes.len(), &obstacles) },
    }
}

fn message(nodes: usize, obstacles: &BTreeMap<Obstacle, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".into();
    }
    let mut reasons: Vec<String> = obstacles.iter().map(|(obstacle, count)| format!("{count} {obstacle}")).collect();
    reasons.sort();
    format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
}
