//! Where a pod goes: a pure function from a view and a batch of pods to placements.
//!
//! Nodes are filtered (may the pod run there), then scored (how well). Every placement of a batch counts for the next, so one
//! answer never overfills a node. This crate has no task, clock, randomness or IO, because no dependency offers it.

mod place;
mod candidate;
mod filter;
mod score;
mod affinity;

pub use place::{Placement, place, waiting};

#[cfg(test)]
mod tests;
