//! Lists as sets.

pub(super) const FUNCTIONS: &[&str] = &[
    "sets.contains(list(T), list(T)): bool",
    "sets.equivalent(list(T), list(T)): bool",
    "sets.intersects(list(T), list(T)): bool",
];
