//! Addresses.

pub(super) const FUNCTIONS: &[&str] = &[
    "ip(string): net.IP",
    "isIP(string): bool",
    "ip.isCanonical(string): bool",
    "net.IP . family(): int",
    "net.IP . isUnspecified(): bool",
    "net.IP . isLoopback(): bool",
    "net.IP . isLinkLocalMulticast(): bool",
    "net.IP . isLinkLocalUnicast(): bool",
    "net.IP . isGlobalUnicast(): bool",
    "string(net.IP): string",
];
