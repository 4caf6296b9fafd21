//! What of an object is stored beside its bytes, so that readers and decisions need not parse it.

use std::sync::Arc;

use serde_json::Value;

use crate::intern::shared;
use crate::json;
use crate::kind::Kind;
use crate::meta::Uid;
use crate::record::{Header, OwnerRef};
use crate::time;

/// The header of an object of that kind. Fields of the wrong type count as absent: the schema has refused them before.
#[must_use]
pub fn extract(kind: &Kind, object: &Value) -> Header {
    let meta = &object["metadata"];
    let fields = kind.strategy.fields(object).into_iter();
    Header {
        uid: Uid::new(json::text(meta, "/uid")),
        labels: labels(meta),
        owners: json::items(meta, "/ownerReferences").iter().map(owner).collect(),
        fields: fields.map(|(name, value)| (shared(name), shared(&value))).collect(),
        deletion: time::at(meta, "/deletionTimestamp").map(|moment| moment.as_second()),
        finalizers: !json::items(meta, "/finalizers").is_empty(),
        facts: kind.strategy.facts(object),
    }
}

/// Labels in the order of their keys: a JSON object of ours is sorted already.
fn labels(meta: &Value) -> Arc<[(Arc<str>, Arc<str>)]> {
    let labels = json::entries(meta, "/labels");
    labels.map(|(key, value)| (shared(key), shared(value.as_str().unwrap_or_default()))).collect()
}

fn owner(reference: &Value) -> OwnerRef {
    OwnerRef {
        uid: Uid::new(json::text(reference, "/uid")),
        api_version: shared(json::text(reference, "/apiVersion")),
        kind: shared(json::text(reference, "/kind")),
        name: shared(json::text(reference, "/name")),
        controller: json::boolean(reference, "/controller"),
        block_owner_deletion: json::boolean(reference, "/blockOwnerDeletion"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use serde_json::json;

    #[test]
    fn a_header_tells_identity_owners_and_end() {
        let object = json!({"metadata": {
            "name": "a", "uid": "u1", "labels": {"b": "2", "a": "1"}, "finalizers": ["x.io/f"],
            "deletionTimestamp": "1970-01-01T00:01:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u0", "controller": true}],
        }, "type": "Opaque"});
        let header = extract(kinds::by_kind("", "v1", "Secret").unwrap(), &object);
        assert_eq!(header.uid, Uid::new("u1"));
        assert_eq!(*header.labels, [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert_eq!(*header.fields, [("type".into(), "Opaque".into())]);
        assert_eq!((header.deletion, header.finalizers), (Some(60), true));
        assert!(header.owners[0].controller && !header.owners[0].block_owner_deletion);
    }

    #[test]
    fn every_selectable_field_of_every_kind_has_a_value() {
        for kind in kinds::all() {
            let header = extract(kind, &json!({"metadata": {"name": "a"}}));
            let named: Vec<&str> = header.fields.iter().map(|(name, _)| &**name).collect();
            assert_eq!(named, kind.selectable, "{}", kind.kind);
        }
    }
}
