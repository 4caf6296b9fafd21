//! VolumeAttributesClass: what may be changed of a volume while it is used.

use serde_json::Value;

use super::{GROUP, driver};
use crate::field::Field;
use crate::json;
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, column("DriverName", "string", "Driver whose volumes it is for."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["vac"],
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.storage.v1.VolumeAttributesClass",
        ..base(GROUP, "VolumeAttributesClass", "volumeattributesclasses", &VolumeAttributesClass)
    }
}

#[derive(Debug)]
struct VolumeAttributesClass;

impl Strategy for VolumeAttributesClass {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let parameters = root.at("parameters");
        let mut errors = driver::provisioner(&root.at("driverName"));
        errors.extend(driver::parameters(&parameters));
        errors.extend(parameters.is_empty().then(|| parameters.required("must contain at least one key/value pair")));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let fixed = ["driverName", "parameters"].map(|name| (name, root.at(name)));
        let changed = fixed.into_iter().filter(|(name, field)| *field.value != old[name]);
        changed.map(|(name, field)| field.forbidden(format!("updates to {name} are forbidden."))).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/driverName").into(), cells::age(object, now)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_says_something_to_a_driver_and_stays() {
        let class = json!({"metadata": {"name": "v"}, "driverName": "a.b", "parameters": {"iops": "1"}});
        assert_eq!(VolumeAttributesClass.validate(&class), []);
        assert_eq!(VolumeAttributesClass.validate_update(&class, &class), []);
        let other = json!({"driverName": "", "parameters": {}});
        expect![[r#"
            driverName: Required value
            parameters: Required value: must contain at least one key/value pair"#]]
        .assert_eq(&told(&VolumeAttributesClass.validate(&other)));
        expect![[r#"
            driverName: Forbidden: updates to driverName are forbidden.
            parameters: Forbidden: updates to parameters are forbidden."#]]
        .assert_eq(&told(&VolumeAttributesClass.validate_update(&other, &class)));
        let row = Value::from(VolumeAttributesClass.cells(&class, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["v", "a.b", "<unknown>"]));
    }
}
