//! The kinds that are built in: a table of one line each. A kind's own file says all that is its own.

use std::sync::LazyLock;

use crate::kind::{Column, Flags, Kind, Scope, Strategy};

mod cells;
mod config_map;
mod deployment;
mod endpoint_slice;
mod event;
mod lease;
mod namespace;
mod node;
mod pod;
mod replica_set;
mod secret;
mod service;
mod service_account;

/// In the order of discovery: by group, then by the name that people look for first.
const TABLE: &[fn() -> Kind] = &[
    namespace::kind,
    node::kind,
    pod::kind,
    config_map::kind,
    secret::kind,
    service::kind,
    service_account::kind,
    event::kind,
    deployment::kind,
    replica_set::kind,
    lease::kind,
    endpoint_slice::kind,
];

static ALL: LazyLock<Vec<Kind>> = LazyLock::new(|| TABLE.iter().map(|kind| kind()).collect());

/// Every built-in kind.
#[must_use]
pub fn all() -> &'static [Kind] {
    &ALL
}

/// The kind behind a URL's group (empty for core), version and plural.
#[must_use]
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| *kind.group == *group && *kind.version == *version && *kind.plural == *plural)
}

/// The kind that an object's `apiVersion` (as group and version) and `kind` name.
#[must_use]
pub fn by_kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    all().iter().find(|one| *one.group == *group && *one.version == *version && *one.kind == *kind)
}

/// What most kinds share: namespaced, without short name, subresource or flag; the singular is the kind in lower case.
fn base(group: &str, kind: &str, plural: &str, strategy: &'static dyn Strategy) -> Kind {
    Kind {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: plural.into(),
        singular: kind.to_lowercase().into(),
        short: &[],
        categories: &[],
        scope: Scope::Namespaced,
        subresources: &[],
        columns: &[],
        selectable: &[],
        flags: Flags::default(),
        schema: "",
        strategy,
    }
}

/// A column that is always shown.
const fn column(name: &'static str, kind: &'static str, description: &'static str) -> Column {
    Column { name, kind, format: "", description, priority: 0 }
}

/// A column of `-o wide`.
const fn wide(name: &'static str, kind: &'static str, description: &'static str) -> Column {
    Column { name, kind, format: "", description, priority: 1 }
}

const NAME: Column =
    Column { name: "Name", kind: "string", format: "name", description: "Name of the object.", priority: 0 };
const AGE: Column = column("Age", "string", "Time since the object was created.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Timestamp;
    use serde_json::json;

    #[test]
    fn every_kind_is_found_by_url_and_by_kind() {
        for kind in all() {
            assert!(std::ptr::eq(find(&kind.group, "v1", &kind.plural).unwrap(), kind));
            assert!(std::ptr::eq(by_kind(&kind.group, "v1", &kind.kind).unwrap(), kind));
            assert!(kind.schema.ends_with(&format!(".v1.{}", kind.kind)), "{}", kind.schema);
        }
        assert!(find("apps", "v1", "pods").is_none());
    }

    #[test]
    fn every_row_fills_its_columns_even_of_an_empty_object() {
        for kind in all() {
            let cells = kind.strategy.cells(&json!({"metadata": {"name": "a"}}), Timestamp::UNIX_EPOCH);
            assert_eq!(cells.len(), kind.columns.len(), "{}", kind.kind);
        }
    }

    #[test]
    fn no_default_or_check_fails_on_an_object_of_metadata_alone() {
        for kind in all() {
            let mut object = json!({"metadata": {"name": "a"}});
            kind.strategy.default(&mut object);
            kind.strategy.prepare_create(&mut object);
            let once = object.clone();
            kind.strategy.default(&mut object);
            assert_eq!(object, once, "defaults of {} are idempotent", kind.kind);
            let _told = kind.strategy.validate(&object);
            let _told = kind.strategy.validate_update(&object, &once);
        }
    }
}
