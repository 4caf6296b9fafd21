//! What a claim to storage asks for: defaults and rules shared by PersistentVolumeClaims and by the templates that make them.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{json as read, metadata, name, pod_spec};

/// How a volume may be mounted, in the order of error messages.
const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
/// The mode that excludes all others.
const EXCLUSIVE: &str = "ReadWriteOncePod";
/// What a volume is to a container.
const VOLUME_MODES: &[&str] = &["Block", "Filesystem"];

/// Fills a `spec`.
pub(crate) fn default(spec: &mut Value) {
    read::fill(spec, "volumeMode", "Filesystem");
    if let Some(resources) = read::part(spec, "resources") {
        pod_spec::default_resources(resources);
    }
}

/// Fills a claim in `volumeClaimTemplates`: what it becomes is a whole object, and is shown as one.
pub(crate) fn default_template(claim: &mut Value) {
    read::fill(claim, "kind", "PersistentVolumeClaim");
    read::fill(claim, "apiVersion", "v1");
    read::section(claim, "metadata");
    if let Some(spec) = read::part(claim, "spec") {
        default(spec);
    }
    if let Some(status) = read::part(claim, "status") {
        read::fill(status, "phase", "Pending");
    }
}

/// Everything wrong with a claim in `volumeClaimTemplates`.
pub(crate) fn template(claim: &Field<'_>) -> Errors {
    let meta = claim.at("metadata");
    let mut errors = meta.at("name").must_be_named(name::subdomain);
    errors.extend(metadata::labels(&meta.at("labels")));
    errors.extend(metadata::annotations(&meta.at("annotations")));
    errors.extend(rules(&claim.at("spec")));
    errors
}

/// Everything wrong with a claim that is named by who makes it.
pub(crate) fn nameless_template(claim: &Field<'_>) -> Errors {
    let meta = claim.at("metadata");
    let mut errors = metadata::annotations(&meta.at("annotations"));
    errors.extend(metadata::labels(&meta.at("labels")));
    let others = meta.entries().filter(|(name, field)| !matches!(*name, "annotations" | "labels") && !field.is_empty());
    errors.extend(others.map(|(name, _)| meta.at(name).forbidden("cannot be set")));
    errors.extend(rules(&claim.at("spec")));
    errors
}

/// Everything wrong with the modes that are given.
pub(crate) fn known_modes(modes: &Field<'_>) -> Errors {
    let unknown = modes.items().filter(|mode| !MODES.contains(&mode.text()));
    let mut errors: Errors = unknown.map(|mode| FieldError::not_supported(modes.path(), mode.text(), MODES)).collect();
    let given = |wanted: fn(&str) -> bool| modes.items().any(|mode| wanted(mode.text()));
    if given(|mode| mode == EXCLUSIVE) && given(|mode| mode != EXCLUSIVE && MODES.contains(&mode)) {
        errors.push(modes.forbidden(format!("may not use {EXCLUSIVE} with other access modes")));
    }
    errors
}

/// An error when the mode is neither of a file system nor of a block device.
pub(crate) fn volume_mode(mode: &Field<'_>) -> Option<FieldError> {
    mode.one_of(VOLUME_MODES)
}

/// Everything wrong with a `spec`.
pub(crate) fn rules(spec: &Field<'_>) -> Errors {
    let modes = spec.at("accessModes");
    let mut errors = Errors::new();
    errors.extend(modes.is_empty().then(|| modes.required("at least 1 access mode is required")));
    errors.extend(pod_spec::label_selector(&spec.at("selector")));
    errors.extend(known_modes(&modes));
    errors.extend(size(spec));
    errors.extend(spec.at("storageClassName").named(name::subdomain));
    errors.extend(volume_mode(&spec.at("volumeMode")));
    errors.extend(sources(spec));
    errors.extend(spec.at("volumeAttributesClassName").named(name::subdomain));
    errors
}

fn size(spec: &Field<'_>) -> Errors {
    let asked = spec.at("resources").at("requests").at("storage");
    let told = asked.clone().told_at(&spec.at("resources").entry("storage"));
    if !asked.is_set() {
        return vec![told.required("")];
    }
    match Quantity::from_value(asked.value) {
        Err(why) => vec![told.invalid(why.to_string())],
        Ok(amount) if amount <= Quantity::ZERO => vec![told.invalid("must be greater than zero")],
        Ok(_) => Errors::new(),
    }
}

/// Everything wrong with what the volume is filled from.
fn sources(spec: &Field<'_>) -> Errors {
    let (old, new) = (spec.at("dataSource"), spec.at("dataSourceRef"));
    let mut errors = Errors::new();
    for source in [&old, &new].into_iter().filter(|source| source.is_set()) {
        errors.extend(source.at("name").must());
        errors.extend(source.at("kind").must());
        let (group, kind) = (source.at("apiGroup"), source.at("kind").text());
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            errors.push(source.invalid_part(kind, why));
        }
        errors.extend(group.named(name::subdomain));
        errors.extend(source.at("namespace").named(name::label));
    }
    if !old.is_set() || !new.is_set() {
        return errors;
    }
    let same = ["apiGroup", "kind", "name"].iter().all(|field| old.at(field).value == new.at(field).value);
    let why = match (new.at("namespace").is_empty(), same) {
        (false, _) => "may not be specified when dataSourceRef.namespace is specified",
        (true, false) => "must match dataSourceRef",
        (true, true) => return errors,
    };
    // Kubernetes shows an empty object in place of the value.
    errors.push(spec.invalid_part(json!({}), why));
    errors
}

/// What works in a `spec` and is probably not meant.
pub(crate) fn warnings(spec: &Field<'_>) -> Vec<String> {
    let resources = spec.at("resources");
    let amounts = ["requests", "limits"].map(|list| resources.at(list).entry("storage"));
    amounts.iter().filter_map(pod_spec::parts_of_bytes).collect()
}
