//! RoleBinding: who has a role in a namespace.

use serde_json::Value;

use super::{GROUP, binding, grants_nothing};
use crate::kind::{Flags, Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::name;
use crate::validate::FieldError;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: binding::COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.rbac.v1.RoleBinding",
        ..base(GROUP, "RoleBinding", "rolebindings", &RoleBinding)
    }
}

#[derive(Debug)]
struct RoleBinding;

impl Strategy for RoleBinding {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn default(&self, object: &mut Value) {
        binding::default(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        binding::validate(object, Scope::Namespaced, &["Role", "ClusterRole"])
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        binding::validate_update(object, old)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        grants_nothing("rolebindings")
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

    fn bound(role: &str, subjects: &Value) -> Value {
        let role = json!({"kind": role, "name": "r"});
        defaulted(&RoleBinding, json!({"metadata": {"name": "b"}, "roleRef": role, "subjects": subjects}))
    }

    #[test]
    fn groups_may_be_left_out() {
        let subjects = json!([{"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "s"}]);
        let object = bound("Role", &subjects);
        assert_eq!(object["roleRef"], json!({"apiGroup": GROUP, "kind": "Role", "name": "r"}));
        let filled = json!([{"kind": "User", "name": "u", "apiGroup": GROUP},
            {"kind": "Group", "name": "g", "apiGroup": GROUP}, {"kind": "ServiceAccount", "name": "s"}]);
        assert_eq!(object["subjects"], filled);
        assert_eq!(RoleBinding.validate(&object), []);
    }

    #[test]
    fn it_names_a_role_and_who_has_it() {
        expect![[r#"
            roleRef.apiGroup: Unsupported value: "": supported values: "rbac.authorization.k8s.io"
            roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"
            roleRef.name: Required value"#]]
        .assert_eq(&told(&RoleBinding.validate(&json!({}))));
        let subjects = json!([{"kind": "User"}, {"kind": "Robot", "name": "r"}, {"kind": "Group", "name": "g", "apiGroup": "a"},
            {"kind": "ServiceAccount", "name": "A", "apiGroup": "v1"}, {}]);
        expect![[r#"
            roleRef.kind: Unsupported value: "Part": supported values: "Role", "ClusterRole"
            subjects[0].name: Required value
            subjects[0].name: Invalid value: "": user name cannot be empty
            subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"
            subjects[2].apiGroup: Unsupported value: "a": supported values: "rbac.authorization.k8s.io"
            subjects[3].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            subjects[3].apiGroup: Unsupported value: "v1": supported values: ""
            subjects[4].name: Required value
            subjects[4].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group""#]]
        .assert_eq(&told(&RoleBinding.validate(&bound("Part", &subjects))));
    }

    #[test]
    fn its_role_stays() {
        let errors = RoleBinding.validate_update(&bound("Role", &json!([])), &bound("ClusterRole", &json!([])));
        expect![[r#"roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}: cannot change roleRef"#]]
            .assert_eq(&told(&errors));
    }

    #[test]
    fn rows_tell_who() {
        let subjects = json!([{"kind": "User", "name": "a"}, {"kind": "User", "name": "b"}, {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]);
        let row = Value::from(RoleBinding.cells(&bound("Role", &subjects), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["b", "Role/r", "<unknown>", "a, b", "g", "n/s"]));
    }
}
