//! What both kinds of binding share: a role and who has it.

use serde_json::Value;

use super::GROUP;
use crate::field::{Errors, Field};
use crate::kind::{Column, Scope};
use crate::kinds::{AGE, NAME, cells, column, wide};
use crate::meta::Timestamp;
use crate::{json, name};

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    column("Role", "string", "Role that is given."),
    AGE,
    wide("Users", "string", "Users who have it."),
    wide("Groups", "string", "Groups that have it."),
    wide("ServiceAccounts", "string", "Service accounts that have it."),
];

/// Fills groups that may be left out.
pub(super) fn default(object: &mut Value) {
    if let Some(role) = object.get_mut("roleRef") {
        json::fill(role, "apiGroup", GROUP);
    }
    for subject in json::items_mut(object, "subjects") {
        if matches!(json::text(subject, "/kind"), "User" | "Group") {
            json::fill(subject, "apiGroup", GROUP);
        }
    }
}

/// Everything wrong with a binding of that reach, which may name roles of those kinds.
pub(super) fn validate(object: &Value, reach: Scope, roles: &[&str]) -> Errors {
    let root = Field::root(object);
    let role = root.at("roleRef");
    let kind = role.at("kind");
    let mut errors = Errors::new();
    errors.extend(of_group(&role));
    errors.extend((!roles.contains(&kind.text())).then(|| kind.not_one_of(roles)));
    errors.extend(role.at("name").must_be_named(name::path_segment));
    errors.extend(root.at("subjects").items().flat_map(|one| subject(&one, reach)));
    errors
}

/// What a binding binds to stays, or granting it could not be checked.
pub(super) fn validate_update(object: &Value, old: &Value) -> Errors {
    let role = Field::root(object).at("roleRef");
    (*role.value != old["roleRef"]).then(|| role.invalid("cannot change roleRef")).into_iter().collect()
}

fn of_group(reference: &Field<'_>) -> Option<crate::validate::FieldError> {
    let group = reference.at("apiGroup");
    (group.text() != GROUP).then(|| group.not_one_of(&[GROUP]))
}

fn subject(subject: &Field<'_>, reach: Scope) -> Errors {
    let (kind, own, group) = (subject.at("kind"), subject.at("name"), subject.at("apiGroup"));
    let mut errors: Errors = own.must().into_iter().collect();
    match kind.text() {
        "ServiceAccount" => {
            errors.extend(own.named(name::subdomain));
            errors.extend((!group.is_empty()).then(|| group.not_one_of(&[""])));
            let namespace = subject.at("namespace");
            errors.extend(namespace.must().filter(|_| reach == Scope::Cluster));
        }
        "User" | "Group" => {
            let why = format!("{} name cannot be empty", kind.text().to_lowercase());
            errors.extend(own.is_empty().then(|| own.invalid_part("", why)));
            errors.extend(of_group(subject));
        }
        _ => errors.push(kind.not_one_of(&["ServiceAccount", "User", "Group"])),
    }
    errors
}

/// Cells for [`COLUMNS`].
pub(super) fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let role = format!("{}/{}", json::text(object, "/roleRef/kind"), json::text(object, "/roleRef/name"));
    let of = |kind: &str, shown: fn(&Value) -> String| -> Value {
        let subjects = json::items(object, "/subjects").iter().filter(|one| one["kind"] == kind);
        subjects.map(shown).collect::<Vec<_>>().join(", ").into()
    };
    let named = |one: &Value| json::text(one, "/name").to_owned();
    let placed = |one: &Value| format!("{}/{}", json::text(one, "/namespace"), json::text(one, "/name"));
    vec![
        cells::name(object),
        role.into(),
        cells::age(object, now),
        of("User", named),
        of("Group", named),
        of("ServiceAccount", placed),
    ]
}
