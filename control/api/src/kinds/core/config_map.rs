//! ConfigMap: settings for pods.

use serde_json::Value;

use super::data;
use crate::json;
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, column("Data", "string", "Number of keys."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["cm"],
        columns: COLUMNS,
        schema: "io.k8s.api.core.v1.ConfigMap",
        ..base("", "ConfigMap", "configmaps", &ConfigMap)
    }
}

#[derive(Debug)]
struct ConfigMap;

impl Strategy for ConfigMap {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        data::validate(object, &["data", "binaryData"])
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        data::validate_update(object, old, &["data", "binaryData"])
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let keys = json::entries(object, "/data").count() + json::entries(object, "/binaryData").count();
        vec![cells::name(object), keys.into(), cells::age(object, now)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn keys_are_file_names_and_stand_once() {
        let bad = json!({"data": {"a b": "", "..": "", "c": ""}, "binaryData": {"c": "AA==", "d": "?"}});
        expect![[r#"
            data[..]: Invalid value: "..": must not be '..'
            data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            data[c]: Invalid value: "c": duplicate of key present in binaryData
            binaryData[d]: Invalid value: "<redacted>": must be base64 with padding"#]].assert_eq(&told(&ConfigMap.validate(&bad)));
        let big = json!({"data": {"a": "x".repeat(1024 * 1024 + 1)}});
        expect!["[]: Too long: may not be more than 1048576 bytes"].assert_eq(&told(&ConfigMap.validate(&big)));
        assert_eq!(ConfigMap.validate(&json!({"data": {"a": "1"}, "binaryData": {"b": "AA=="}})), []);
    }

    #[test]
    fn what_is_immutable_stays() {
        let old = json!({"immutable": true, "data": {"a": "1"}});
        let new = json!({"data": {"a": "2"}});
        expect![[r#"
            immutable: Forbidden: field is immutable when `immutable` is set
            data: Forbidden: field is immutable when `immutable` is set"#]]
        .assert_eq(&told(&ConfigMap.validate_update(&new, &old)));
        assert_eq!(ConfigMap.validate_update(&old, &new), []);
    }
}
