//! ResourceClaimTemplate: a claim of its own for every pod.

use serde_json::Value;

use super::{GROUP, not_allocated, requests};
use crate::field::Field;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells};
use crate::meta::Timestamp;
use crate::metadata;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, AGE];
const PLURAL: &str = "resourceclaimtemplates";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.resource.v1.ResourceClaimTemplate",
        ..base(GROUP, "ResourceClaimTemplate", PLURAL, &ResourceClaimTemplate)
    }
}

#[derive(Debug)]
struct ResourceClaimTemplate;

impl Strategy for ResourceClaimTemplate {
    fn default(&self, object: &mut Value) {
        if let Some(devices) = object.pointer_mut("/spec/spec/devices") {
            requests::default(devices);
        }
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let meta = spec.at("metadata");
        let mut errors = metadata::labels(&meta.at("labels"));
        errors.extend(metadata::annotations(&meta.at("annotations")));
        errors.extend(requests::validate(&spec.at("spec").at("devices")));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").unchanged(&old["spec"]).into_iter().collect()
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_allocated(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::age(object, now)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn its_claim_is_checked_and_stays() {
        let template = |class: &str| {
            let requests = json!([{"name": "a", "exactly": {"deviceClassName": class}}]);
            json!({"metadata": {"name": "t"}, "spec": {"metadata": {"labels": {"a": "b"}}, "spec": {"devices": {"requests": requests}}}})
        };
        check(&ResourceClaimTemplate, &template("gpu"), &expect![""]);
        check(
            &ResourceClaimTemplate,
            &template(""),
            &expect!["spec.spec.devices.requests[0].exactly.deviceClassName: Required value"],
        );
        expect![[r#"spec: Invalid value: {"metadata":{"labels":{"a":"b"}},"spec":{"devices":{"requests":[{"exactly":{"deviceClassName":"b"},"name":"a"}]}}}: field is immutable"#]]
            .assert_eq(&told(&ResourceClaimTemplate.validate_update(&template("b"), &template("a"))));
        let row = ResourceClaimTemplate.cells(&template("a"), Timestamp::UNIX_EPOCH);
        assert_eq!(row, [json!("t"), json!("<unknown>")]);
    }
}
