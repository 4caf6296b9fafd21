//! The two classes of pods without which a cluster does not work, as kube-apiserver makes them.

use api::status::Status;
use serde_json::{Value, json};

use super::given::Given;

/// Name, value and description.
const CLASSES: [(&str, i64, &str); 2] = [
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

pub(crate) fn all() -> Result<Vec<Given>, Status> {
    let class = |(name, value, description): (&str, i64, &str)| {
        let object = json!({"metadata": {"name": name}, "value": value, "description": description});
        Given::of("scheduling.k8s.io", "priorityclasses", object, Value::Null)
    };
    CLASSES.into_iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_are_sound() {
        for given in super::all().unwrap() {
            assert_eq!(given.errors(), [], "{given:?}");
        }
    }
}
