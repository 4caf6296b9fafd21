//! Uids for Wasm workers: one per pod, so that the kernel keeps pods apart.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::contract::SandboxId;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_get_different_uids_in_the_range() {
        let id = SandboxId("0c6d".into());
        let first = choose(&id, &BTreeSet::new()).unwrap();
        let second = choose(&id, &BTreeSet::from([first])).unwrap();
        assert_ne!(first, second);
        assert!([first, second].iter().all(|uid| (FIRST..FIRST + COUNT).contains(uid)));
    }
}
