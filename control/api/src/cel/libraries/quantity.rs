//! Quantities.

pub(super) const FUNCTIONS: &[&str] = &[
    "quantity(string): kubernetes.Quantity",
    "isQuantity(string): bool",
    "kubernetes.Quantity . sign(): int",
    "kubernetes.Quantity . isInteger(): bool",
    "kubernetes.Quantity . asInteger(): int",
    "kubernetes.Quantity . asApproximateFloat(): double",
    "kubernetes.Quantity . add(kubernetes.Quantity): kubernetes.Quantity",
    "kubernetes.Quantity . add(int): kubernetes.Quantity",
    "kubernetes.Quantity . sub(kubernetes.Quantity): kubernetes.Quantity",
    "kubernetes.Quantity . sub(int): kubernetes.Quantity",
    "kubernetes.Quantity . isLessThan(kubernetes.Quantity): bool",
    "kubernetes.Quantity . isGreaterThan(kubernetes.Quantity): bool",
    "kubernetes.Quantity . compareTo(kubernetes.Quantity): int",
];
