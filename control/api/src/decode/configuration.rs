//! Configurations of server-side apply: read as they are, and read again when they are laid over an object.

use serde_json::Value;

use super::{FieldValidation, Finding, Target, conform, read};
use crate::status::Status;

/// Reads a configuration to apply, YAML or JSON, with what to warn about. Nothing in it is changed: the schema comes later,
/// and an explicit null says something.
///
/// # Errors
/// 400 when it is no object, or under [`FieldValidation::Strict`] when a field stands in it twice.
pub fn configuration(body: &[u8], validation: FieldValidation) -> Result<(Value, Vec<String>), Status> {
    if body.trim_ascii().is_empty() {
        return Ok((Value::Object(serde_json::Map::new()), Vec::new()));
    }
    let mut duplicates = Vec::new();
    let json = read::json(body, &mut duplicates);
    let config = json.or_else(|_| {
        duplicates.clear();
        read::yaml(body, &mut duplicates)
    });
    let config = config.map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    let texts: Vec<_> = duplicates.into_iter().map(|path| Finding::Duplicate(path).to_string()).collect();
    match (&config, validation) {
        (Value::Object(_), FieldValidation::Strict) if !texts.is_empty() => {
            Err(Status::bad_request(format!("error strict decoding patch: {}", texts.join(", "))))
        }
        (Value::Object(_), FieldValidation::Warn) => Ok((config, texts)),
        (Value::Object(_), _) => Ok((config, Vec::new())),
        _ => Err(Status::bad_request("error decoding patch: a configuration must be an object")),
    }
}

/// The object that an apply made, as [`super::decode`] makes the object of a body. That its fields are known and of the right
/// types was checked when they were applied; amounts and times are read only now.
///
/// # Errors
/// 500, as in Kubernetes, when one of those cannot be read.
pub fn applied<'a>(mut object: Value, target: impl Into<Target<'a>>) -> Result<Value, Status> {
    let target = target.into();
    conform(&mut object, target, &mut Vec::new()).map_err(|error| {
        let meta = |name: &str| object["metadata"][name].as_str().unwrap_or("<unknown>");
        let slash = if target.group.is_empty() { "/" } else { "" };
        let gvk = format!("{slash}{}, Kind={}", target.api_version(), target.kind);
        let who = format!("{}/{}; {gvk}", meta("namespace"), meta("name"));
        let why = format!("unable to convert unstructured object to {gvk}: {error}");
        Status::new(500, "", format!("failed to convert new object ({who}) to proper version: {why}"))
    })?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_read_as_it_is() {
        let read = |text: &str, validation| configuration(text.as_bytes(), validation);
        let expected = json!({"a": null, "b": [1]});
        for text in ["{\"a\": null, \"b\": [1]}", "a: null\nb: [1]\n", "{a: null, b: [1]}"] {
            assert_eq!(read(text, FieldValidation::Strict).unwrap(), (expected.clone(), Vec::new()));
        }
        assert_eq!(read("", FieldValidation::Strict).unwrap().0, json!({}));
        let told = |text: &str, validation| read(text, validation).unwrap_err().message;
        assert_eq!(told("[1]", FieldValidation::Warn), "error decoding patch: a configuration must be an object");
        assert!(
            told("a: [", FieldValidation::Warn)
                .starts_with("error decoding patch: error converting YAML to JSON: yaml: ")
        );
        let twice = "{\"a\": 1, \"a\": 2}";
        assert_eq!(told(twice, FieldValidation::Strict), "error strict decoding patch: duplicate field \"a\"");
        assert_eq!(
            read(twice, FieldValidation::Warn).unwrap(),
            (json!({"a": 2}), vec!["duplicate field \"a\"".to_owned()])
        );
        assert_eq!(read(twice, FieldValidation::Ignore).unwrap(), (json!({"a": 2}), Vec::new()));
    }

    #[test]
    fn what_an_apply_made_is_read_as_a_body_is() {
        let pod = |cpu: &str| {
            let resources = json!({"limits": {"cpu": cpu}});
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "d", "labels": null},
                "spec": {"containers": [{"name": "c", "resources": resources}]}})
        };
        let target = Target::of("", "v1", "Pod");
        let read = applied(pod("1000m"), target).unwrap();
        assert_eq!(read["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
        assert_eq!(read["metadata"], json!({"name": "x", "namespace": "d"}));
        let status = applied(pod("much"), target).unwrap_err();
        assert_eq!((status.code, status.reason), (500, ""));
        assert!(
            status.message.starts_with("failed to convert new object (d/x; /v1, Kind=Pod) to proper version:"),
            "{status}"
        );
    }
}
