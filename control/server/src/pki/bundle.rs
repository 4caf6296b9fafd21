//! What is handed out: kubeconfigs with everything inside, and what a node needs to join.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Pair;

/// All that a node agent needs: how to reach the API server, and how to prove itself on its own endpoint.
#[derive(Clone, Debug)]
pub struct NodeBundle {
    /// Kubeconfig text for `system:node:NAME`.
    pub kubeconfig: String,
    /// Certificate and key of the node's own HTTPS endpoint, PEM.
    pub serving: Pair,
    /// Authority of those who may call that endpoint, PEM. Any certificate that it signed is the API server's.
    pub client_ca: String,
}

/// A kubeconfig of one cluster and one user, with certificates and key embedded.
#[must_use]
pub fn kubeconfig(cluster: &str, server: &str, authority: &str, user: &str, pair: &Pair) -> String {
    let encode = |text: &str| STANDARD.encode(text);
    format!(
        "apiVersion: v1\nkind: Config\n\
         clusters:\n- name: {cluster}\n  cluster:\n    server: {server}\n    certificate-authority-data: {}\n\
         users:\n- name: {user}\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n\
         contexts:\n- name: {cluster}\n  context:\n    cluster: {cluster}\n    user: {user}\n\
         current-context: {cluster}\n",
        encode(authority),
        encode(&pair.certificate),
        encode(&pair.key),
    )
}
