//! How well would the pod run there? The sum of a few views of the matter, each 0 to 100 and weighted as kube-scheduler's.

use crate::affinity;
use crate::candidate::{Candidate, Wish};
use crate::filter::untolerated;

/// Weight of preferences of the pod: affinity and taints.
const PREFERENCE: i64 = 2;
/// Weight of having a taint that is tolerated only by preference.
const TAINT: i64 = 3;

/// The node's score; higher is better.
pub(crate) fn score(node: &Candidate, wish: &Wish) -> i64 {
    free(node, wish)
        + balance(node, wish)
        + images(node, wish)
        + PREFERENCE * affinity::preferred(&wish.affinity, &node.record)
        - TAINT * if untolerated(node, wish, &["PreferNoSchedule"]).is_some() { 100 } else { 0 }
}

/// Least allocated: the share of CPU and memory that stays free.
fn free(node: &Candidate, wish: &Wish) -> i64 {
    let [cpu, memory] = shares(node, wish);
    (200 - cpu - memory) / 2
}

/// Balanced allocation: CPU and memory used in like shares.
fn balance(node: &Candidate, wish: &Wish) -> i64 {
    let [cpu, memory] = shares(node, wish);
    100 - (cpu - memory).abs()
}

/// Share of CPU and memory that would be used with the pod there, in percent.
fn shares(node: &Candidate, wish: &Wish) -> [i64; 2] {
    let share = |used: u64, want: u64, have: u64| {
        (used + want)
            .saturating_mul(100)
            .checked_div(have)
            .and_then(|share| i64::try_from(share).ok())
            .unwrap_or(100)
            .min(100)
    };
    let (have, used, want) = (&node.allocatable, &node.used, &wish.requests);
    [share(used.cpu_milli, want.cpu_milli, have.cpu_milli), share(used.memory, want.memory, have.memory)]
}

/// Image locality: the share of the pod's images that the node has.
fn images(node: &Candidate, wish: &Wish) -> i64 {
    let here = wish.images.iter().filter(|image| node.images.contains(*image)).count();
    i64::try_from(here * 100 / wish.images.len().max(1)).unwrap_or(0)
}
