//! ServiceAccount: who a pod is.

use serde_json::Value;

use crate::json;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[NAME, column("Secrets", "string", "Number of secrets that its pods may use."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["sa"],
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.ServiceAccount",
        ..base("", "ServiceAccount", "serviceaccounts", &ServiceAccount)
    }
}

#[derive(Debug)]
struct ServiceAccount;

/// Annotation that once kept pods from secrets that their account does not name.
const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";

impl Strategy for ServiceAccount {
    fn prepare_create(&self, object: &mut Value) {
        names_only(object);
    }

    fn prepare_update(&self, object: &mut Value, _old: &Value) {
        names_only(object);
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let why = format!(
            "metadata.annotations[{ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to \
             mounted secrets"
        );
        object["metadata"]["annotations"].get(ENFORCE).map(|_| why).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::items(object, "/secrets").len().into(), cells::age(object, now)]
    }
}

/// An account lists secrets of its own namespace: nothing but their names is kept.
fn names_only(object: &mut Value) {
    for secret in json::items_mut(object, "secrets") {
        if let Some(fields) = secret.as_object_mut() {
            fields.retain(|field, _| field == "name");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_listed_by_name() {
        let annotations = json!({ENFORCE: "true"});
        let mut object =
            json!({"metadata": {"annotations": annotations}, "secrets": [{"name": "a", "kind": "Secret"}]});
        ServiceAccount.prepare_create(&mut object);
        assert_eq!(object["secrets"], json!([{"name": "a"}]));
        assert_eq!(ServiceAccount.warnings(&object).len(), 1);
    }
}
