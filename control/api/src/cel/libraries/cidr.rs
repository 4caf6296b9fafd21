//! Blocks of addresses.

pub(super) const FUNCTIONS: &[&str] = &[
    "cidr(string): net.CIDR",
    "isCIDR(string): bool",
    "net.CIDR . containsIP(string): bool",
    "net.CIDR . containsIP(net.IP): bool",
    "net.CIDR . containsCIDR(string): bool",
    "net.CIDR . containsCIDR(net.CIDR): bool",
    "net.CIDR . ip(): net.IP",
    "net.CIDR . prefixLength(): int",
    "net.CIDR . masked(): net.CIDR",
    "string(net.CIDR): string",
];
