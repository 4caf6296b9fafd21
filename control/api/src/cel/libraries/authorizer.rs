//! Asking whether the requester, or a service account, may do something.

pub(super) const FUNCTIONS: &[&str] = &[
    "kubernetes.authorization.Authorizer . path(string): kubernetes.authorization.PathCheck",
    "kubernetes.authorization.PathCheck . check(string): kubernetes.authorization.Decision",
    "kubernetes.authorization.Authorizer . group(string): kubernetes.authorization.GroupCheck",
    "kubernetes.authorization.Authorizer . serviceAccount(string, string): kubernetes.authorization.Authorizer",
    "kubernetes.authorization.GroupCheck . resource(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . subresource(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . namespace(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . name(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . fieldSelector(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . labelSelector(string): kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.ResourceCheck . check(string): kubernetes.authorization.Decision",
    "kubernetes.authorization.Decision . errored(): bool",
    "kubernetes.authorization.Decision . error(): string",
    "kubernetes.authorization.Decision . allowed(): bool",
    "kubernetes.authorization.Decision . reason(): string",
];
