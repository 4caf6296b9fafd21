//! PodTemplate: a template for pods, kept for whoever makes pods of it.

use serde_json::Value;

use crate::field::Field;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::pod_spec;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("Containers", "string", "Names of the template's containers."),
    column("Images", "string", "Images of the template's containers."),
    column("Pod Labels", "string", "Labels that its pods get."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.PodTemplate",
        ..base("", "PodTemplate", "podtemplates", &PodTemplate)
    }
}

#[derive(Debug)]
struct PodTemplate;

impl Strategy for PodTemplate {
    fn default(&self, object: &mut Value) {
        pod_spec::default_template(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        pod_spec::template(&Field::root(object).at("template"))
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        pod_spec::warnings(&Field::root(object).at("template").at("spec"))
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        let containers = "/template/spec/containers";
        vec![
            cells::name(object),
            cells::joined(object, containers, "name").into(),
            cells::joined(object, containers, "image").into(),
            object.pointer("/template/metadata/labels").map_or_else(|| cells::NONE.to_owned(), cells::pairs).into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_is_a_template_like_any_other() {
        let object = json!({"metadata": {"name": "t"}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i:1"}]}}});
        check(&PodTemplate, &object, &expect![""]);
        let row = Value::from(PodTemplate.cells(&defaulted(&PodTemplate, object), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["t", "c", "i:1", "a=b"]));
        check(&PodTemplate, &json!({"metadata": {"name": "t"}}), &expect!["template.spec.containers: Required value"]);
    }
}
