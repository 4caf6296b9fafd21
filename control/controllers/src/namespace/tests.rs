//! Decisions about namespaces that end, from plain objects.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, lines, time, view};

fn namespace(ending: bool) -> Value {
    let mut namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}, "spec": {"finalizers": ["kubernetes"]},
    });
    if ending {
        namespace["metadata"]["deletionTimestamp"] = json!(time(NOW));
    }
    namespace
}

fn config_map(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "namespace": namespace}})
}

fn check(objects: Vec<Value>, expected: &[&str]) {
    let decision = super::decide(&view(objects), &key("", "namespaces", "", "team"), at(NOW)).unwrap();
    assert_eq!(lines(&decision), expected);
}

#[test]
fn content_goes_before_the_namespace() {
    check(vec![namespace(false), config_map("team")], &[]);
    check(vec![namespace(true), config_map("team"), config_map("other")], &["delete configmaps cm Background"]);
    let mut ending = config_map("team");
    ending["metadata"]["deletionTimestamp"] = json!(time(NOW));
    check(vec![namespace(true), ending], &[]);
    check(vec![namespace(true), config_map("other")], &["finalize team"]);
}
