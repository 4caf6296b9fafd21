//! Values that may be missing.

pub(super) const FUNCTIONS: &[&str] = &[
    "optional.of(V): optional(V)",
    "optional.ofNonZeroValue(V): optional(V)",
    "optional.none(): optional(V)",
    "optional(V) . value(): V",
    "optional(V) . hasValue(): bool",
    "optional(V) . or(optional(V)): optional(V)",
    "optional(V) . orValue(V): V",
];
