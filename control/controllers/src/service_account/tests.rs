//! Decisions about default service accounts, from plain objects.

use serde_json::json;

use crate::make::{NOW, at, key, lines, view};

#[test]
fn every_live_namespace_has_a_default_account() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "team"}});
    let decide = |objects| lines(&super::decide(&view(objects), &key("", "namespaces", "", "team"), at(NOW)).unwrap());
    assert_eq!(decide(vec![namespace.clone()]), ["create serviceaccounts default"]);
    assert_eq!(decide(vec![namespace, account]), [] as [&str; 0]);
}
