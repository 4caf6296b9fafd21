//! Namespace: what everything namespaced lives in.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Deletion, Flags, Kind, Scope, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, metadata, name};

const COLUMNS: &[Column] = &[NAME, column("Status", "string", "The status of the namespace"), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["ns"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status, Subresource::Finalize],
        columns: COLUMNS,
        selectable: &["status.phase"],
        flags: Flags { returns_deleted: true, deleted_one_by_one: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Namespace",
        ..base("", "Namespace", "namespaces", &Namespace)
    }
}

#[derive(Debug)]
struct Namespace;

impl Strategy for Namespace {
    fn name(&self, name: &str) -> Vec<String> {
        name::label(name)
    }

    fn default(&self, object: &mut Value) {
        label(object);
        json::section(object, "spec");
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        // They go through `finalize` alone.
        if let Some(spec) = json::section(object, "spec") {
            match old.pointer("/spec/finalizers") {
                Some(finalizers) => spec.insert("finalizers".into(), finalizers.clone()),
                None => spec.remove("finalizers"),
            };
        }
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let finalizers = Field::root(object).at("spec").at("finalizers");
        // Kubernetes tells those of a new namespace without their place in the list.
        finalizers.items().flat_map(|one| finalizer(&one.told_at(&finalizers))).collect()
    }

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let finalizers = Field::root(object).at("spec").at("finalizers");
        finalizers.items().flat_map(|one| finalizer(&one)).collect()
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let going = root.at("metadata").at("deletionTimestamp").is_set();
        let phase = root.at("status").at("phase").told_as("status.Phase");
        let (only, when) = if going { ("Terminating", "not empty") } else { ("Active", "empty") };
        let why = format!("may only be '{only}' if `deletionTimestamp` is {when}");
        (phase.text() != only).then(|| phase.invalid_part(phase.text(), why)).into_iter().collect()
    }

    /// It is marked, and goes when its content is gone: then nothing is left in `spec.finalizers`.
    fn deletion(&self, object: &Value, _grace: Option<u32>) -> Deletion {
        if json::items(object, "/spec/finalizers").is_empty() { Deletion::Now } else { Deletion::Graceful(0) }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/status/phase").into(), cells::age(object, now)]
    }

    fn prepare_create(&self, object: &mut Value) {
        label(object);
        json::set(object, "status", json!({"phase": "Active"}));
        let Some(spec) = json::section(object, "spec") else { return };
        let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(finalizers) = finalizers.as_array_mut()
            && !finalizers.iter().any(|one| one == FINALIZER)
        {
            finalizers.push(FINALIZER.into());
        }
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.phase", json::text(object, "/status/phase").to_owned())]
    }
}

/// Everything wrong with who holds a namespace back: somebody of a domain, or Kubernetes itself.
fn finalizer(one: &Field<'_>) -> Errors {
    let mut errors: Errors = name::qualified(one.text()).into_iter().map(|why| one.invalid(why)).collect();
    if !one.text().contains('/') && !metadata::STANDARD_FINALIZERS.contains(&one.text()) {
        errors.push(one.invalid("name is neither a standard finalizer name nor is it fully qualified"));
    }
    errors
}

/// What holds a namespace back until its content is gone.
const FINALIZER: &str = "kubernetes";
/// Label by which selectors find a namespace of that name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn label(object: &mut Value) {
    let name = json::text(object, "/metadata/name").to_owned();
    if name.is_empty() {
        return;
    }
    if let Some(meta) = object.get_mut("metadata")
        && let Some(labels) = json::section(meta, "labels")
    {
        labels.insert(NAME_LABEL.into(), name.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;

    #[test]
    fn a_new_one_is_active_labelled_and_held_until_it_is_empty() {
        let mut object = defaulted(&Namespace, json!({"metadata": {"name": "tmp"}}));
        Namespace.prepare_create(&mut object);
        let expected = json!({"metadata": {"name": "tmp", "labels": {"kubernetes.io/metadata.name": "tmp"}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
        assert_eq!(object, expected);
        assert_eq!(Namespace.deletion(&object, None), Deletion::Graceful(0));
        let mut update = json!({"metadata": {"name": "tmp"}, "spec": {"finalizers": []}});
        Namespace.prepare_update(&mut update, &object);
        assert_eq!(update["spec"], object["spec"]);
        object["spec"]["finalizers"] = json!([]);
        assert_eq!(Namespace.deletion(&object, None), Deletion::Now);
    }

    #[test]
    fn who_holds_it_back_has_a_domain() {
        let object = json!({"spec": {"finalizers": ["kubernetes", "a.b/c", "mine"]}});
        expect![[r#"spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#]]
            .assert_eq(&told(&Namespace.validate_create(&object)));
        expect![[r#"spec.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#]]
            .assert_eq(&told(&Namespace.validate_update(&object, &object)));
    }

    #[test]
    fn its_phase_follows_its_deletion() {
        let status = |phase: &str, deleted: Value| {
            let object = json!({"metadata": {"deletionTimestamp": deleted}, "status": {"phase": phase}});
            told(&Namespace.validate_status(&object, &json!({})))
        };
        assert_eq!(status("Active", Value::Null) + &status("Terminating", "2026-01-01T00:00:00Z".into()), "");
        expect![[
            r#"status.Phase: Invalid value: "Terminating": may only be 'Active' if `deletionTimestamp` is empty"#
        ]]
        .assert_eq(&status("Terminating", Value::Null));
        expect![[
            r#"status.Phase: Invalid value: "Active": may only be 'Terminating' if `deletionTimestamp` is not empty"#
        ]]
        .assert_eq(&status("Active", "2026-01-01T00:00:00Z".into()));
    }
}
