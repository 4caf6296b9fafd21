//! Decisions about pods that nobody runs any more, from plain objects.

use serde_json::json;

use crate::make::{NOW, at, key, lines, view};

#[test]
fn pods_of_a_node_that_is_gone_go_at_once() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    });
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    let decide = |objects| lines(&super::decide(&view(objects), &key("", "pods", "default", "p"), at(NOW)).unwrap());
    assert_eq!(decide(vec![pod.clone()]), ["delete pods p Background grace 0"]);
    assert_eq!(decide(vec![pod, node]), [] as [&str; 0]);
}
