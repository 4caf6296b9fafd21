//! What of a Service may not change, beyond its addresses.

use serde_json::Value;

use crate::field::{Errors, Field, IMMUTABLE};
use crate::service_spec::{is_balanced, needs_health_check};

/// Everything wrong with a change of the `spec`.
pub(super) fn changed(spec: &Field<'_>, before: &Value) -> Errors {
    let mut errors = Errors::new();
    let class = spec.at("loadBalancerClass");
    if is_balanced(spec.value) && is_balanced(before) && *class.value != before["loadBalancerClass"] {
        errors.push(class.invalid("may not change once set"));
    }
    let health = spec.at("healthCheckNodePort");
    let checked = needs_health_check(spec.value) && needs_health_check(before);
    if checked && *health.value != before["healthCheckNodePort"] {
        errors.push(health.forbidden(IMMUTABLE));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn class_and_health_port_stay() {
        let before = json!({"type": "LoadBalancer", "loadBalancerClass": "a/b", "externalTrafficPolicy": "Local",
            "healthCheckNodePort": 31000});
        let mut now = before.clone();
        now["loadBalancerClass"] = Value::Null;
        now["healthCheckNodePort"] = 31001.into();
        let object = json!({"spec": now});
        expect![[r#"
            spec.loadBalancerClass: Invalid value: null: may not change once set
            spec.healthCheckNodePort: Forbidden: field is immutable"#]]
        .assert_eq(&told(&changed(&Field::root(&object).at("spec"), &before)));
    }
}
