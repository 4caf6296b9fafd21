//! References of images.

pub(super) const FUNCTIONS: &[&str] = &[
    "image(string): kubernetes.Image",
    "isImage(string): bool",
    "kubernetes.Image . containsDigest(): bool",
    "kubernetes.Image . registry(): string",
    "kubernetes.Image . repository(): string",
    "kubernetes.Image . identifier(): string",
    "kubernetes.Image . tag(): string",
    "kubernetes.Image . digest(): string",
];
