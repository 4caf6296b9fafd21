//! The rules of `metadata`, which are the same for every kind.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Kind, Scope};
use crate::name;

/// Characters of a generated suffix: no vowel, so that no word comes out, and no digit that looks like a letter.
pub const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of a generated suffix.
pub const SUFFIX_LENGTH: usize = 5;
/// How often a name is generated anew when the one before exists (KEP-4420).
pub const GENERATE_ATTEMPTS: usize = 8;
/// Most of `generateName` that is kept, so that a generated name is a DNS label.
const GENERATE_BASE_MAX: usize = name::LABEL_MAX - SUFFIX_LENGTH;
/// Most bytes of all annotations together, keys and values.
pub(crate) const ANNOTATIONS_MAX: usize = 256 * 1024;
/// Finalizers of Kubernetes itself, which carry no domain.
pub(crate) const STANDARD_FINALIZERS: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];

/// The name for `generateName`, given [`SUFFIX_LENGTH`] random characters of [`SUFFIX_ALPHABET`].
#[must_use]
pub fn generated_name(generate_name: &str, suffix: &str) -> String {
    let end = generate_name.floor_char_boundary(GENERATE_BASE_MAX);
    format!("{}{suffix}", &generate_name[..end])
}

/// A suffix from random bytes, one for each character.
#[must_use]
pub fn suffix(random: [u8; SUFFIX_LENGTH]) -> String {
    random.iter().map(|byte| char::from(SUFFIX_ALPHABET[usize::from(*byte) % SUFFIX_ALPHABET.len()])).collect()
}

/// Carries over from the old state what a writer may leave out and what only the server sets.
pub fn keep(object: &mut Value, old: &Value) {
    let Some(meta) = json::section(object, "metadata") else { return };
    let old = &old["metadata"];
    for name in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if meta.get(name).is_none_or(json::is_empty) && !old[name].is_null() {
            meta.insert(name.to_owned(), old[name].clone());
        }
    }
    match &old["generation"] {
        Value::Null => meta.remove("generation"),
        generation => meta.insert("generation".to_owned(), generation.clone()),
    };
}

/// Everything wrong with the metadata of an object of the kind, new or changed. The name was generated before.
#[must_use]
pub fn validate(kind: &Kind, object: &Value) -> Errors {
    let meta = Field::root(object).at("metadata");
    let mut errors = Errors::new();
    let generate = meta.at("generateName");
    if !generate.is_empty() {
        let wrong = kind.strategy.name(&masked(generate.text()));
        errors.extend(wrong.into_iter().map(|why| generate.invalid(why)));
    }
    let own = meta.at("name");
    if own.is_empty() {
        errors.push(own.required("name or generateName is required"));
    } else {
        let mut wrong = kind.strategy.name(own.text());
        wrong.extend(name::path_segment(own.text()));
        errors.extend(wrong.into_iter().map(|why| own.invalid(why)));
    }
    let namespace = meta.at("namespace");
    match kind.scope {
        Scope::Namespaced => errors.extend(namespace.must_be_named(name::label)),
        Scope::Cluster => {
            errors.extend((!namespace.is_empty()).then(|| namespace.forbidden("not allowed on this type")));
        }
    }
    errors.extend(meta.at("generation").not_negative());
    errors.extend(labels(&meta.at("labels")));
    errors.extend(annotations(&meta.at("annotations")));
    errors.extend(owners(&meta.at("ownerReferences")));
    errors.extend(finalizers(&meta.at("finalizers"), kind.schema.starts_with("io.k8s.api.")));
    errors
}

/// Everything wrong with the change of metadata; the new state passes [`validate`] as well.
#[must_use]
pub fn validate_update(kind: &Kind, object: &Value, old: &Value) -> Errors {
    let meta = Field::root(object).at("metadata");
    let before = &old["metadata"];
    let mut errors = Errors::new();
    if kind.flags.needs_revision_on_update && meta.at("resourceVersion").is_empty() {
        errors.push(meta.at("resourceVersion").invalid_part("", "must be specified for an update"));
    }
    if !before["deletionTimestamp"].is_null() {
        let known = json::items(before, "/finalizers");
        let fresh: Vec<String> = json::items(meta.value, "/finalizers")
            .iter()
            .filter(|one| !known.contains(one))
            .map(ToString::to_string)
            .collect();
        if !fresh.is_empty() {
            let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
            errors.push(meta.at("finalizers").forbidden(format!("{why} []string{{{}}}", fresh.join(", "))));
        }
    }
    for name in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        errors.extend(meta.at(name).unchanged(&before[name]));
    }
    let generation = meta.at("generation");
    if generation.integer().unwrap_or_default() < json::integer(before, "/generation") {
        errors.push(generation.invalid("must not be decremented"));
    }
    errors
}

/// A prefix of names as a whole name: a dash at its end will not be the end.
fn masked(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => format!("{rest}a"),
        _ => prefix.to_owned(),
    }
}

/// Everything wrong with a map of labels.
pub(crate) fn labels(labels: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (key, value) in labels.entries() {
        errors.extend(name::qualified(key).into_iter().map(|why| labels.invalid_part(key, why)));
        errors.extend(name::label_value(value.text()).into_iter().map(|why| labels.invalid_part(value.text(), why)));
    }
    errors
}

/// Everything wrong with a map of annotations.
pub(crate) fn annotations(annotations: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut size = 0;
    for (key, value) in annotations.entries() {
        let wrong = name::qualified(&key.to_lowercase());
        errors.extend(wrong.into_iter().map(|why| annotations.invalid_part(key, why)));
        size += key.len() + value.text().len();
    }
    errors.extend((size > ANNOTATIONS_MAX).then(|| annotations.too_long(ANNOTATIONS_MAX)));
    errors
}

/// What to use instead of a label that Kubernetes used to put on nodes, as a sentence.
pub(crate) fn deprecated_label(key: &str) -> Option<String> {
    let (since, now) = match key {
        "beta.kubernetes.io/arch" => ("v1.14", "kubernetes.io/arch"),
        "beta.kubernetes.io/os" => ("v1.14", "kubernetes.io/os"),
        "beta.kubernetes.io/instance-type" => ("v1.17", "node.kubernetes.io/instance-type"),
        "failure-domain.beta.kubernetes.io/region" => ("v1.17", "topology.kubernetes.io/region"),
        "failure-domain.beta.kubernetes.io/zone" => ("v1.17", "topology.kubernetes.io/zone"),
        _ => return None,
    };
    Some(format!("deprecated since {since}; use {now:?} instead"))
}

fn owners(owners: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut controllers = Vec::new();
    for owner in owners.items() {
        let version = owner.at("apiVersion");
        let parts: Vec<&str> = version.text().split('/').collect();
        if version.is_empty() {
            errors.push(version.required("must not be empty"));
        } else if parts.len() > 2 || parts.last().is_some_and(|part| part.is_empty()) {
            errors.push(version.invalid("must be <group>/<version> or <version>"));
        }
        for field in ["kind", "name", "uid"].map(|name| owner.at(name)) {
            errors.extend(field.is_empty().then(|| field.required("must not be empty")));
        }
        if owner.at("kind").text() == "Event" && owner.at("apiVersion").text() == "v1" {
            errors.push(owner.invalid("/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner.at("controller").is_true() {
            controllers.push(format!("{}/{}", owner.at("kind").text(), owner.at("name").text()));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let why = "Only one reference can have Controller set to true. Found \"true\" in references for";
        errors.push(owners.invalid(format!("{why} {first} and {second}")));
    }
    errors
}

fn finalizers(finalizers: &Field<'_>, built_in: bool) -> Errors {
    let mut errors = Errors::new();
    let mut given = BTreeSet::new();
    for one in finalizers.items() {
        let text = one.text();
        given.insert(text);
        errors.extend(name::qualified(text).into_iter().map(|why| finalizers.invalid_part(text, why)));
        if built_in && !text.contains('/') && !STANDARD_FINALIZERS.contains(&text) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(one.invalid(why));
        }
    }
    if given.contains("orphan") && given.contains("foregroundDeletion") {
        errors.push(finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use crate::status::Status;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(kind: &str, meta: &Value, expected: &Expect) {
        let kind = kinds::by_kind("", "v1", kind).unwrap();
        let errors = validate(kind, &json!({"metadata": meta}));
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        expected.assert_eq(&texts.join("\n"));
    }

    #[test]
    fn a_name_is_needed_and_follows_the_rule_of_its_kind() {
        let config_map = kinds::by_kind("", "v1", "ConfigMap").unwrap();
        let told = |meta: Value| {
            let name = json::text(&meta, "/name").to_owned();
            Status::invalid("", "ConfigMap", &name, &validate(config_map, &json!({"metadata": meta}))).message
        };
        assert_eq!(
            told(json!({"namespace": "default"})),
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
        );
        let recorded = r#"ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#;
        assert_eq!(told(json!({"name": "Bad_Name", "namespace": "default"})), recorded);
        check(
            "Namespace",
            &json!({"name": "a.b"}),
            &expect![[r#"metadata.name: Invalid value: "a.b": must not contain dots"#]],
        );
        check("Pod", &json!({"name": "a.b", "namespace": "x"}), &expect![""]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let meta = json!({
            "name": "a", "namespace": "Up", "generateName": "b-",
            "labels": {"a b": "c d", "x/y/z": ""}, "annotations": {"-": "v", "big.io/a": "x".repeat(ANNOTATIONS_MAX)},
            "finalizers": ["mine", "a.io/f"],
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "1", "controller": true},
                {"apiVersion": "", "kind": "Pod", "name": "p", "uid": "2", "controller": true}],
        });
        check(
            "Pod",
            &meta,
            &expect![[r#"
                metadata.namespace: Invalid value: "Up": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
                metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                metadata.labels: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
                metadata.labels: Invalid value: "x/y/z": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
                metadata.annotations: Invalid value: "-": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                metadata.annotations: Too long: may not be more than 262144 bytes
                metadata.ownerReferences[0]: Invalid value: {"apiVersion":"v1","controller":true,"kind":"Event","name":"e","uid":"1"}: /v1, Kind=Event is disallowed from being an owner
                metadata.ownerReferences[1].apiVersion: Required value: must not be empty
                metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","controller":true,"kind":"Event","name":"e","uid":"1"},{"apiVersion":"","controller":true,"kind":"Pod","name":"p","uid":"2"}]: Only one reference can have Controller set to true. Found "true" in references for Event/e and Pod/p
                metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#]],
        );
        check(
            "Node",
            &json!({"name": "n", "namespace": "x"}),
            &expect!["metadata.namespace: Forbidden: not allowed on this type"],
        );
    }

    #[test]
    fn what_the_server_sets_stays_and_no_finalizer_comes_while_deleting() {
        let kind = kinds::by_kind("", "v1", "ConfigMap").unwrap();
        let old = json!({"metadata": {"name": "a", "namespace": "d", "uid": "1", "generation": 2, "finalizers": ["x.io/f"],
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z"}});
        let mut new = json!({"metadata": {"name": "a", "namespace": "d", "finalizers": ["x.io/f", "y.io/g"]}});
        keep(&mut new, &old);
        assert_eq!(new["metadata"]["generation"], 2);
        let texts: Vec<String> = validate_update(kind, &new, &old).iter().map(ToString::to_string).collect();
        let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
        assert_eq!(texts, [format!("metadata.finalizers: Forbidden: {why} []string{{\"y.io/g\"}}")]);
        new["metadata"]["uid"] = "2".into();
        new["metadata"]["finalizers"] = json!([]);
        let texts: Vec<String> = validate_update(kind, &new, &old).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["metadata.uid: Invalid value: \"2\": field is immutable"]);
    }

    #[test]
    fn a_generated_name_is_a_label() {
        assert_eq!(generated_name("gn-", &suffix([0, 1, 26, 27, 255])), "gn-bc9bq");
        assert_eq!(generated_name(&"x".repeat(80), "bcdfg").len(), name::LABEL_MAX);
    }
}
