//! StorageClass: how volumes of a quality are made.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{GROUP, driver};
use crate::field::{Errors, Field, IMMUTABLE};
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, metadata, name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Provisioner", "string", "Who makes the volumes."),
    column("ReclaimPolicy", "string", "What becomes of a volume that nobody claims any more."),
    column("VolumeBindingMode", "string", "When a volume is made."),
    column("AllowVolumeExpansion", "string", "Whether volumes may grow."),
    AGE,
];
/// Annotations that make a class the one of claims that name none, the older last.
const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["sc"],
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.storage.v1.StorageClass",
        ..base(GROUP, "StorageClass", "storageclasses", &StorageClass)
    }
}

#[derive(Debug)]
struct StorageClass;

impl Strategy for StorageClass {
    fn default(&self, object: &mut Value) {
        json::fill(object, "reclaimPolicy", "Delete");
        json::fill(object, "volumeBindingMode", "Immediate");
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let mut errors = driver::provisioner(&root.at("provisioner"));
        errors.extend(driver::parameters(&root.at("parameters")));
        errors.extend(root.at("reclaimPolicy").one_of(&["Delete", "Retain"]));
        errors.extend(root.at("volumeBindingMode").must_be_one_of(&["Immediate", "WaitForFirstConsumer"]));
        errors.extend(topologies(&root.at("allowedTopologies")));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let same = |field: &Field<'_>, old: &Value| *field.value == *old || field.is_empty() && json::is_empty(old);
        let fixed = ["parameters", "provisioner", "reclaimPolicy"].map(|name| (name, root.at(name)));
        let changed = fixed.iter().filter(|(name, field)| !same(field, &old[name]));
        let mut errors: Errors =
            changed.map(|(name, field)| field.forbidden(format!("updates to {name} are forbidden."))).collect();
        let mode = root.at("volumeBindingMode");
        errors.extend((!same(&mode, &old["volumeBindingMode"])).then(|| mode.invalid(IMMUTABLE)));
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let terms = Field::root(object).at("allowedTopologies");
        let keys = terms.items().flat_map(|term| term.at("matchLabelExpressions").items().map(|one| one.at("key")));
        keys.filter_map(|key| Some(format!("{}: {}", key.path(), metadata::deprecated_label(key.text())?))).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let annotations = &object["metadata"]["annotations"];
        let default = DEFAULT.iter().any(|name| annotations[name] == "true");
        let name = json::text(object, "/metadata/name");
        vec![
            if default { format!("{name} (default)").into() } else { name.into() },
            json::text(object, "/provisioner").into(),
            cells::or(json::text(object, "/reclaimPolicy"), "Delete").into(),
            cells::or(json::text(object, "/volumeBindingMode"), "Immediate").into(),
            json::boolean(object, "/allowVolumeExpansion").into(),
            cells::age(object, now),
        ]
    }
}

/// Everything wrong with where volumes may be: no term says the same as another.
fn topologies(terms: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut before = Vec::new();
    for term in terms.items() {
        let expressions = term.at("matchLabelExpressions");
        let mut keys = BTreeSet::new();
        let mut says = BTreeSet::new();
        for expression in expressions.items() {
            let (key, values) = (expression.at("key"), expression.at("values"));
            errors.extend(values.must());
            let mut set = BTreeSet::new();
            errors.extend(values.items().filter(|value| !set.insert(value.text())).map(|value| value.duplicate()));
            errors.extend(name::qualified(key.text()).into_iter().map(|why| key.invalid_part(key.text(), why)));
            errors.extend((!keys.insert(key.text())).then(|| key.duplicate()));
            says.insert((key.text(), set));
        }
        // A term without expressions says the same as no term.
        if says.is_empty() || before.contains(&says) {
            errors.push(expressions.duplicate_of(&"".into()));
        }
        before.push(says);
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(class: Value, expected: &Expect) {
        expected.assert_eq(&told(&StorageClass.validate(&defaulted(&StorageClass, class))));
    }

    #[test]
    fn volumes_are_made_at_once_and_do_not_outlive_their_claims() {
        let class = defaulted(&StorageClass, json!({"provisioner": "a.b"}));
        assert_eq!(class, json!({"provisioner": "a.b", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}));
    }

    #[test]
    fn what_it_cannot_mean_is_told() {
        let zones = |values: &[&str]| json!({"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": values}]});
        check(
            json!({"provisioner": "Kubernetes.io/x", "parameters": {"type": ""}, "allowedTopologies": [zones(&["a", "b"]), zones(&["a"])]}),
            &expect![""],
        );
        check(
            json!({"parameters": {"": "x"}, "reclaimPolicy": "Recycle", "volumeBindingMode": "Later"}),
            &expect![[r#"
                provisioner: Required value
                parameters: Invalid value: "": field can not be empty.
                reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"
                volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer""#]],
        );
        let many: serde_json::Map<String, Value> = (0..513).map(|nth| (nth.to_string(), "".into())).collect();
        check(
            json!({"provisioner": "a", "parameters": many}),
            &expect!["parameters: Too long: may not be more than 512 bytes"],
        );
        check(
            json!({"provisioner": "a", "parameters": {"a": "x".repeat(262_144)}}),
            &expect!["parameters: Too long: may not be more than 262144 bytes"],
        );
        check(
            json!({"provisioner": "a b"}),
            &expect![[
                r#"provisioner: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"#
            ]],
        );
        let term =
            json!({"matchLabelExpressions": [{"key": "a", "values": ["x", "x"]}, {"key": "a"}, {"values": ["y"]}]});
        check(
            json!({"provisioner": "a", "allowedTopologies": [zones(&["a", "b"]), zones(&["b", "a"]), term, {}]}),
            &expect![[r#"
                allowedTopologies[1].matchLabelExpressions: Duplicate value: ""
                allowedTopologies[2].matchLabelExpressions[0].values[1]: Duplicate value: "x"
                allowedTopologies[2].matchLabelExpressions[1].values: Required value
                allowedTopologies[2].matchLabelExpressions[1].key: Duplicate value: "a"
                allowedTopologies[2].matchLabelExpressions[2].key: Invalid value: "": name part must be non-empty
                allowedTopologies[2].matchLabelExpressions[2].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                allowedTopologies[3].matchLabelExpressions: Duplicate value: """#]],
        );
    }

    #[test]
    fn most_of_it_stays() {
        let old = defaulted(&StorageClass, json!({"provisioner": "a", "parameters": {}}));
        let grown = defaulted(&StorageClass, json!({"provisioner": "a", "allowVolumeExpansion": true}));
        assert_eq!(StorageClass.validate_update(&grown, &old), []);
        let new = json!({"provisioner": "b", "parameters": {"a": "b"}, "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer"});
        expect![[r#"
            parameters: Forbidden: updates to parameters are forbidden.
            provisioner: Forbidden: updates to provisioner are forbidden.
            reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.
            volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable"#]]
        .assert_eq(&told(&StorageClass.validate_update(&new, &old)));
    }

    #[test]
    fn the_default_class_is_marked() {
        let class = json!({"metadata": {"name": "std", "annotations": {DEFAULT[0]: "true"}}, "provisioner": "a.b"});
        let row = Value::from(StorageClass.cells(&class, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["std (default)", "a.b", "Delete", "Immediate", false, "<unknown>"]));
    }

    #[test]
    fn an_old_label_is_told() {
        let term = json!({"matchLabelExpressions": [{"key": "failure-domain.beta.kubernetes.io/zone"}]});
        let told = "allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use \
                    \"topology.kubernetes.io/zone\" instead";
        assert_eq!(StorageClass.warnings(&json!({"allowedTopologies": [term]})), [told]);
    }
}
