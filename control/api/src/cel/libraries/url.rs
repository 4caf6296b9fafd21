//! Addresses of the web.

pub(super) const FUNCTIONS: &[&str] = &[
    "url(string): kubernetes.URL",
    "isURL(string): bool",
    "kubernetes.URL . getScheme(): string",
    "kubernetes.URL . getHost(): string",
    "kubernetes.URL . getHostname(): string",
    "kubernetes.URL . getPort(): string",
    "kubernetes.URL . getEscapedPath(): string",
    "kubernetes.URL . getQuery(): map(string, list(string))",
];
