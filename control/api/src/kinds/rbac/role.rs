//! Role: what may be done in a namespace.

use serde_json::Value;

use super::{GROUP, grants_nothing, rule};
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{CREATED_AT, NAME, base, cells};
use crate::meta::Timestamp;
use crate::name;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, CREATED_AT];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.rbac.v1.Role",
        ..base(GROUP, "Role", "roles", &Role)
    }
}

#[derive(Debug)]
struct Role;

impl Strategy for Role {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rule::rules(object, Scope::Namespaced)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        grants_nothing("roles")
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::created_at(object)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_rule_says_what_may_be_done_with_what() {
        let sound = json!({"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "pods/log"],
            "resourceNames": ["a"]}]});
        assert_eq!(Role.validate(&sound), []);
        assert_eq!(Role.validate(&json!({})), []);
        let bad = json!({"rules": [{}, {"verbs": ["get"], "nonResourceURLs": ["/healthz"], "resources": ["pods"]}]});
        expect![[r#"
            rules[0].verbs: Required value: verbs must contain at least one value
            rules[0].apiGroups: Required value: resource rules must supply at least one api group
            rules[0].resources: Required value: resource rules must supply at least one resource
            rules[1].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs
            rules[1].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs"#]]
        .assert_eq(&told(&Role.validate(&bad)));
    }

    #[test]
    fn names_may_have_colons_and_rows_tell_the_time() {
        assert!(Role.name("system:Leader_Election").is_empty());
        let role = json!({"metadata": {"name": "system:x", "creationTimestamp": "2026-01-02T03:04:05Z"}});
        assert_eq!(Role.cells(&role, Timestamp::UNIX_EPOCH), [json!("system:x"), json!("2026-01-02T03:04:05Z")]);
        let told = "roles.rbac.authorization.k8s.io are stored, but this server grants nothing by them yet";
        assert_eq!(Role.warnings(&role), [told]);
    }
}
