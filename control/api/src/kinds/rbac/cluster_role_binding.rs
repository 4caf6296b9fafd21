//! ClusterRoleBinding: who has a role everywhere.

use serde_json::Value;

use super::{GROUP, binding, grants_nothing};
use crate::kind::{Flags, Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::name;
use crate::validate::FieldError;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: binding::COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.rbac.v1.ClusterRoleBinding",
        ..base(GROUP, "ClusterRoleBinding", "clusterrolebindings", &ClusterRoleBinding)
    }
}

#[derive(Debug)]
struct ClusterRoleBinding;

impl Strategy for ClusterRoleBinding {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn default(&self, object: &mut Value) {
        binding::default(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        binding::validate(object, Scope::Cluster, &["ClusterRole"])
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        binding::validate_update(object, old)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        grants_nothing("clusterrolebindings")
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        binding::cells(object, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_gives_no_role_of_a_namespace_and_service_accounts_have_one() {
        let bound = |kind: &str, subject: Value| {
            let object = json!({"roleRef": {"kind": kind, "name": "a:b"}, "subjects": [subject]});
            ClusterRoleBinding.validate(&defaulted(&ClusterRoleBinding, object))
        };
        assert_eq!(bound("ClusterRole", json!({"kind": "ServiceAccount", "name": "s", "namespace": "n"})), []);
        expect![[r#"
            roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"
            subjects[0].namespace: Required value"#]]
        .assert_eq(&told(&bound("Role", json!({"kind": "ServiceAccount", "name": "s"}))));
        let other = json!({"roleRef": {"kind": "ClusterRole", "name": "x"}});
        assert_eq!(ClusterRoleBinding.validate_update(&other, &json!({})).len(), 1);
    }

    #[test]
    fn rows_tell_who() {
        let object = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "Group", "name": "g"}]});
        let row = Value::from(ClusterRoleBinding.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["b", "ClusterRole/admin", "<unknown>", "", "g", ""]));
    }
}
