//! RuntimeClass: what runs a pod's containers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, metadata, name, pod_spec};

const COLUMNS: &[Column] = &[NAME, column("Handler", "string", "What a node calls it."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { needs_revision_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.node.v1.RuntimeClass",
        ..base("node.k8s.io", "RuntimeClass", "runtimeclasses", &RuntimeClass)
    }
}

#[derive(Debug)]
struct RuntimeClass;

impl Strategy for RuntimeClass {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let handler = root.at("handler");
        let wrong = name::label(handler.text()).into_iter();
        let mut errors: Errors = wrong.map(|why| handler.invalid_part(handler.text(), why)).collect();
        errors.extend(pod_spec::overhead(&root.at("overhead").with(&object["overhead"]["podFixed"])));
        let scheduling = root.at("scheduling");
        errors.extend(metadata::labels(&scheduling.at("nodeSelector")));
        errors.extend(tolerations(&scheduling.at("tolerations")));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("handler").unchanged(&old["handler"]).into_iter().collect()
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let labels = Field::root(object).at("scheduling").at("nodeSelector");
        let old = labels.entries().filter_map(|(key, label)| Some((label, metadata::deprecated_label(key)?)));
        old.map(|(label, why)| format!("{}: {why}", label.path())).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/handler").into(), cells::age(object, now)]
    }
}

fn tolerations(tolerations: &Field<'_>) -> Errors {
    let mut errors: Errors = tolerations.items().flat_map(|one| pod_spec::toleration(&one)).collect();
    let mut seen = BTreeSet::new();
    for one in tolerations.items() {
        let key = ["key", "operator", "value", "effect"].map(|part| one.at(part).text());
        errors.extend((!seen.insert(key)).then(|| one.duplicate()));
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
    fn a_handler_is_a_label_and_the_rest_is_of_a_pod() {
        let sound = json!({"handler": "wasm", "overhead": {"podFixed": {"memory": "64Mi"}},
            "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]}});
        assert_eq!(RuntimeClass.validate(&sound), []);
        let same = json!({"key": "a", "operator": "Exists"});
        let bad = json!({"handler": "Run_C", "overhead": {"podFixed": {"cpu": "-1"}},
            "scheduling": {"nodeSelector": {"a b": ""}, "tolerations": [same, same, {"value": "x"}]}});
        expect![[r#"
            handler: Invalid value: "Run_C": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0
            scheduling.nodeSelector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            scheduling.tolerations[2].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"
            scheduling.tolerations[1]: Duplicate value: {"key":"a","operator":"Exists"}"#]]
        .assert_eq(&told(&RuntimeClass.validate(&bad)));
    }

    #[test]
    fn its_handler_stays() {
        expect![[r#"handler: Invalid value: "b": field is immutable"#]]
            .assert_eq(&told(&RuntimeClass.validate_update(&json!({"handler": "b"}), &json!({"handler": "a"}))));
    }

    #[test]
    fn rows_and_warnings_read_as_elsewhere() {
        let class = json!({"metadata": {"name": "c"}, "handler": "wasm",
            "scheduling": {"nodeSelector": {"beta.kubernetes.io/os": "linux"}}});
        assert_eq!(Value::from(RuntimeClass.cells(&class, Timestamp::UNIX_EPOCH)), json!(["c", "wasm", "<unknown>"]));
        let told =
            "scheduling.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead";
        assert_eq!(RuntimeClass.warnings(&class), [told]);
    }
}
