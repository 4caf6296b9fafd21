//! DeviceClass: devices of a quality, and how they are set up.

use serde_json::{Value, json};

use super::selection::{selectors, settings};
use super::{GROUP, not_allocated};
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[NAME, AGE];
const PLURAL: &str = "deviceclasses";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, generation: Generation::Always, ..Flags::default() },
        schema: "io.k8s.api.resource.v1.DeviceClass",
        ..base(GROUP, "DeviceClass", PLURAL, &DeviceClass)
    }
}

#[derive(Debug)]
struct DeviceClass;

impl Strategy for DeviceClass {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let extended = spec.at("extendedResourceName");
        let mut errors = selectors(&spec.at("selectors"));
        errors.extend(settings(&spec.at("config"), |_| Errors::new()));
        if extended.is_set() && !is_extended(extended.text()) {
            errors.push(extended.invalid("must be a valid extended resource name"));
        }
        errors
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_allocated(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::age(object, now)]
    }
}

/// Whether pods may ask for a resource of that name beside those of Kubernetes itself.
fn is_extended(text: &str) -> bool {
    let native = !text.contains('/') || text.contains("kubernetes.io/");
    !native && !text.starts_with("requests.") && name::qualified(&format!("requests.{text}")).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::check;
    use expect_test::expect;

    #[test]
    fn it_selects_and_sets_up() {
        let class = |spec: Value| json!({"metadata": {"name": "c"}, "spec": spec});
        let sound = json!({"selectors": [{"cel": {"expression": "true"}}], "extendedResourceName": "a.b/gpu",
            "config": [{"opaque": {"driver": "a.b", "parameters": {"a": 1}}}]});
        check(&DeviceClass, &class(sound), &expect![""]);
        let long = "x".repeat(10_241);
        let bad = json!({"selectors": [{}, {"cel": {}}, {"cel": {"expression": long}}], "config": [{"opaque": {"driver": "a"}}],
            "extendedResourceName": "kubernetes.io/gpu"});
        check(
            &DeviceClass,
            &class(bad),
            &expect![[r#"
            spec.selectors[0].cel: Required value
            spec.selectors[1].cel.expression: Required value
            spec.selectors[2].cel.expression: Too long: may not be more than 10240 bytes
            spec.config[0].opaque.parameters: Required value
            spec.extendedResourceName: Invalid value: "kubernetes.io/gpu": must be a valid extended resource name"#]],
        );
        let walk = "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, true))))";
        check(
            &DeviceClass,
            &class(json!({"selectors": [{"cel": {"expression": walk}}]})),
            &expect!["spec.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit"],
        );
        for (name, extended) in [("a.b/c", true), ("cpu", false), ("requests.a/b", false), ("x.kubernetes.io/b", false)]
        {
            assert_eq!(is_extended(name), extended, "{name}");
        }
        let row = DeviceClass.cells(&class(json!({})), Timestamp::UNIX_EPOCH);
        assert_eq!(row, [json!("c"), json!("<unknown>")]);
    }
}
