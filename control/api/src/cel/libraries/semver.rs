//! Versions.

pub(super) const FUNCTIONS: &[&str] = &[
    "semver(string): kubernetes.Semver",
    "semver(string, bool): kubernetes.Semver",
    "isSemver(string): bool",
    "isSemver(string, bool): bool",
    "kubernetes.Semver . isLessThan(kubernetes.Semver): bool",
    "kubernetes.Semver . isGreaterThan(kubernetes.Semver): bool",
    "kubernetes.Semver . compareTo(kubernetes.Semver): int",
    "kubernetes.Semver . major(): int",
    "kubernetes.Semver . minor(): int",
    "kubernetes.Semver . patch(): int",
];
