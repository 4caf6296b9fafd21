//! The heap that shims and workers inherit.
//!
//! Making the engine leaves the heap full of small holes. A child that allocates fills them, and every hole that it fills
//! costs it a copy of the whole page around it. Where no hole is left, a child's own memory lies side by side.

use crate::sys;

/// Largest hole that is looked for, in bytes: below what the allocator takes from the kernel directly.
const HOLE_MAX: usize = 64 * 1024;
/// Smallest chunk of the allocator, in bytes.
const HOLE_MIN: usize = 24;
/// Up to here the allocator keeps chunks of each size apart, in bytes.
const EXACT_MAX: usize = 1032;
/// How far apart such sizes are, in bytes.
const EXACT_STEP: usize = 16;
/// Pieces of the largest size that are more than the heap of a zygote.
const PROBES: usize = 32;

/// Makes the heap ready to be inherited, when all that children share is in it. To be called once, with one thread.
pub(super) fn settle() {
    sys::share_one_arena();
    fill_holes();
}

/// Fills all holes of the heap, for good: what fills them is never touched again.
fn fill_holes() {
    let end = end();
    let large = std::iter::successors(Some(HOLE_MAX), |size| Some(size / 2)).take_while(|size| *size > EXACT_MAX);
    let small = (HOLE_MIN..=EXACT_MAX).rev().step_by(EXACT_STEP);
    for size in large.chain(small) {
        while take(size) < end {}
    }
}

/// Takes a piece of memory for good and says where it is.
fn take(size: usize) -> usize {
    std::mem::ManuallyDrop::new(Vec::<u8>::with_capacity(size)).as_ptr().addr()
}

/// Where the part of the heap begins that was never used: there the last of several large pieces lie in a row.
fn end() -> usize {
    let probes: Vec<Vec<u8>> = (0..PROBES).map(|_| Vec::with_capacity(HOLE_MAX)).collect();
    let mut places: Vec<usize> = probes.iter().map(|piece| piece.as_ptr().addr()).collect();
    places.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
    let row = places.iter().zip(places.iter().skip(1)).take_while(|(high, low)| **high - **low < HOLE_MAX + EXACT_MAX);
    row.last().map(|(_, low)| *low).or(places.first().copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_lies_in_no_hole() {
        let mut pieces: Vec<Box<[u8; 400]>> = (0..1000).map(|_| Box::new([0; 400])).collect();
        let mut odd = false;
        pieces.retain(|_| {
            odd = !odd;
            odd
        });
        let highest = pieces.iter().map(|piece| piece.as_ptr().addr()).max().unwrap();
        fill_holes();
        for size in [30, 100, 400, 1000, 4000] {
            assert!(take(size) > highest, "{size} bytes lie in a hole");
        }
    }
}
