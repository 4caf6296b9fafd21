//! Ids of the node for pods, so that the kernel keeps pods apart: a uid for Wasm workers, and a range for a pod whose Linux
//! containers have ids of their own. What runs has them in its record, so that a later agent gives none away twice.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::contract::SandboxId;
use crate::linux::{IdRange, WIDTH};

/// First uid of the range. Above what systemd gives to containers (it ends at 1,879,048,191) and below 2^31, which old
/// file systems and tools take for a sign.
pub(super) const FIRST: u32 = 1_900_000_000;
/// How many there are: more than pods fit on a node, and enough that two nodes on one machine seldom meet.
pub(super) const COUNT: u32 = 1 << 20;

/// A uid that no pod of this node has: the pod's own number, or the next free one. `None` when all are taken.
pub(super) fn choose(id: &SandboxId, taken: &BTreeSet<u32>) -> Option<u32> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&id.0);
    let start = u32::try_from(hash % u64::from(COUNT)).unwrap_or(0);
    (0..COUNT).map(|step| FIRST + (start + step) % COUNT).find(|uid| !taken.contains(uid))
}

/// The first id of the ranges: the first multiple of a range's width above the workers' uids.
const FIRST_RANGE: u32 = (FIRST + COUNT).next_multiple_of(WIDTH);
/// How many ranges there are below 2^31.
pub(super) const RANGES: u32 = ((1 << 31) - FIRST_RANGE) / WIDTH;

/// A range of ids that no pod of this node has: the pod's own, or the next free one. `None` when all are taken.
pub(super) fn choose_range(id: &SandboxId, taken: &BTreeSet<IdRange>) -> Option<IdRange> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&id.0);
    let start = u32::try_from(hash % u64::from(RANGES)).unwrap_or(0);
    let range = |step| IdRange(FIRST_RANGE + (start + step) % RANGES * WIDTH);
    (0..RANGES).map(range).find(|range| !taken.contains(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_pods_do_not_overlap_each_other_or_the_workers() {
        let mut taken = BTreeSet::new();
        while let Some(range) = choose_range(&SandboxId("0c6d".into()), &taken) {
            assert!(range.0 >= FIRST + COUNT && range.0.checked_add(WIDTH).is_some_and(|end| end <= 1 << 31));
            assert!(range.0.is_multiple_of(WIDTH) && taken.insert(range));
        }
        assert_eq!(taken.len(), 3760);
    }

    #[test]
    fn pods_get_different_uids_in_the_range() {
        let id = SandboxId("0c6d".into());
        let first = choose(&id, &BTreeSet::new()).unwrap();
        let second = choose(&id, &BTreeSet::from([first])).unwrap();
        assert_ne!(first, second);
        assert!([first, second].iter().all(|uid| (FIRST..FIRST + COUNT).contains(uid)));
    }
}
