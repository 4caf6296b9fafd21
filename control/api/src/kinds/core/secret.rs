//! Secret: settings that only some may read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::data;
use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] =
    &[NAME, column("Type", "string", "What the keys mean."), column("Data", "string", "Number of keys."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        selectable: &["type"],
        schema: "io.k8s.api.core.v1.Secret",
        ..base("", "Secret", "secrets", &Secret)
    }
}

#[derive(Debug)]
struct Secret;

impl Strategy for Secret {
    fn default(&self, object: &mut Value) {
        json::fill(object, "type", "Opaque");
        encode(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = data::validate(object, &["data"]);
        errors.extend(typed(object));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let kind = Field::root(object).at("type").unchanged(&old["type"]);
        kind.into_iter().chain(data::validate_update(object, old, &["data"])).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let keys = json::entries(object, "/data").count();
        vec![cells::name(object), json::text(object, "/type").into(), keys.into(), cells::age(object, now)]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("type", json::text(object, "/type").to_owned())]
    }
}

/// Keys that a type of Secret cannot be without.
const KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];
const TOKEN: &str = "kubernetes.io/service-account-token";
const TOKEN_OWNER: &str = "kubernetes.io/service-account.name";

/// Moves `stringData`, which is only ever written, into `data`.
fn encode(object: &mut Value) {
    let Some(Value::Object(plain)) = object.as_object_mut().and_then(|fields| fields.remove("stringData")) else {
        return;
    };
    let Some(data) = json::section(object, "data") else { return };
    for (key, value) in plain {
        data.insert(key, STANDARD.encode(value.as_str().unwrap_or_default()).into());
    }
}

/// Everything that the type asks for and is not there.
fn typed(object: &Value) -> Errors {
    let root = Field::root(object);
    let data = root.at("data");
    let kind = root.at("type").text();
    let key = |name: &str| data.entry(name);
    let mut errors = Errors::new();
    let keys = KEYS.iter().find(|(one, _)| *one == kind).map_or(&[][..], |(_, keys)| keys);
    errors.extend(keys.iter().map(|name| key(name)).filter(|key| !key.is_set()).map(|key| key.required("")));
    match kind {
        TOKEN => errors.extend(root.at("metadata").at("annotations").entry(TOKEN_OWNER).must()),
        "kubernetes.io/basic-auth" if !key("username").is_set() && !key("password").is_set() => {
            errors.extend(["username", "password"].map(|name| key(name).required("")));
        }
        "kubernetes.io/ssh-auth" => errors.extend(key("ssh-privatekey").must()),
        "kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson" => {
            let given = keys.iter().map(|name| key(name)).filter(Field::is_set);
            let broken = given.filter_map(|key| Some((not_an_object(key.text())?, key)));
            errors.extend(broken.map(|(why, key)| key.invalid_part("<secret contents redacted>", why)));
        }
        _ => {}
    }
    errors
}

/// Why the text is no object in JSON, in the words of Go as far as they tell nothing of what is inside.
fn not_an_object(base64: &str) -> Option<String> {
    // What is no base64 is told as such already.
    let bytes = STANDARD.decode(base64).ok()?;
    let of_type = |kind: &str| format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}");
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(_) | Value::Null) => None,
        Ok(Value::Array(_)) => Some(of_type("array")),
        Ok(Value::String(_)) => Some(of_type("string")),
        Ok(Value::Number(_)) => Some(of_type("number")),
        Ok(Value::Bool(_)) => Some(of_type("bool")),
        Err(error) if error.is_eof() => Some("unexpected end of JSON input".to_owned()),
        Err(_) => match bytes.trim_ascii_start().first() {
            Some(first) if !b"{[\"-0123456789tfn".contains(first) => {
                Some(format!("invalid character '{}' looking for beginning of value", char::from(*first)))
            }
            _ => Some("invalid JSON".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn plain_text_is_stored_encoded() {
        let object = defaulted(&Secret, json!({"data": {"a": "eA==", "b": "eA=="}, "stringData": {"a": "y"}}));
        assert_eq!(object, json!({"type": "Opaque", "data": {"a": "eQ==", "b": "eA=="}}));
    }

    #[test]
    fn types_ask_for_their_keys_and_values_are_not_told() {
        let told = |object: Value| told(&Secret.validate(&object));
        expect![[r#"
            data[tls.crt]: Invalid value: "<redacted>": must be base64 with padding
            data[tls.key]: Required value"#]]
        .assert_eq(&told(json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "not base64"}})));
        expect![[r#"
            data[username]: Required value
            data[password]: Required value"#]]
        .assert_eq(&told(json!({"type": "kubernetes.io/basic-auth"})));
        expect!["metadata.annotations[kubernetes.io/service-account.name]: Required value"]
            .assert_eq(&told(json!({"type": TOKEN})));
        let broken = json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eA=="}});
        expect![[r#"data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character 'x' looking for beginning of value"#]].assert_eq(&told(broken));
        let list = json!({"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "W10="}});
        expect![[r#"data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}"#]].assert_eq(&told(list));
        expect!["data[ssh-privatekey]: Required value"]
            .assert_eq(&told(json!({"type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": ""}})));
        assert_eq!(told(json!({"type": "kubernetes.io/basic-auth", "data": {"password": ""}})), "");
    }

    #[test]
    fn its_type_stays() {
        let errors = Secret.validate_update(&json!({"type": "a"}), &json!({"type": "b"}));
        expect![[r#"type: Invalid value: "a": field is immutable"#]].assert_eq(&told(&errors));
    }
}
