//! ClusterRole: what may be done anywhere, or with what is in no namespace.

use serde_json::Value;

use super::{GROUP, grants_nothing, rule};
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{CREATED_AT, NAME, base, cells};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{name, pod_spec};

const COLUMNS: &[Column] = &[NAME, CREATED_AT];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.rbac.v1.ClusterRole",
        ..base(GROUP, "ClusterRole", "clusterroles", &ClusterRole)
    }
}

#[derive(Debug)]
struct ClusterRole;

impl Strategy for ClusterRole {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = rule::rules(object, Scope::Cluster);
        errors.extend(aggregation(&Field::root(object).at("aggregationRule")));
        errors
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        grants_nothing("clusterroles")
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::created_at(object)]
    }
}

/// Everything wrong with which other roles' rules it takes over.
fn aggregation(rule: &Field<'_>) -> Errors {
    let selectors = rule.at("clusterRoleSelectors");
    let mut errors = Errors::new();
    if rule.is_set() && selectors.is_empty() {
        errors.push(selectors.required("at least one clusterRoleSelector required if aggregationRule is non-nil"));
    }
    errors.extend(selectors.items().flat_map(|one| pod_spec::label_selector(&one)));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_may_be_about_urls_or_gather_other_roles() {
        let sound = json!({"rules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}});
        assert_eq!(ClusterRole.validate(&sound), []);
        let bad = json!({"rules": [{"nonResourceURLs": ["/a"], "apiGroups": [""]}],
            "aggregationRule": {"clusterRoleSelectors": []}});
        expect![[r#"
            rules[0].verbs: Required value: verbs must contain at least one value
            rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs
            aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"#]]
        .assert_eq(&told(&ClusterRole.validate(&bad)));
        let bad = json!({"aggregationRule": {"clusterRoleSelectors": [{"matchExpressions": [{"key": "a",
            "operator": "Near"}]}]}});
        expect![[r#"aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator"#]]
            .assert_eq(&told(&ClusterRole.validate(&bad)));
    }

    #[test]
    fn rows_tell_the_time() {
        let role = json!({"metadata": {"name": "view", "creationTimestamp": "2026-01-02T03:04:05Z"}});
        assert_eq!(ClusterRole.cells(&role, Timestamp::UNIX_EPOCH), [json!("view"), json!("2026-01-02T03:04:05Z")]);
    }
}
