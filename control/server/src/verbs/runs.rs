//! Which changes of a batch may go to the store side by side.
//!
//! A component decides in an order that may matter: a new ReplicaSet before the old one shrinks, a namespace before what is in
//! it. Neighbours of one sort about different objects of one kind cannot matter to each other, and those are the many: the
//! pods of a ReplicaSet, the objects of a namespace that goes.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};

use api::change::Change;
use api::meta::Resource;

use crate::stamp;

/// The batch in runs, each of changes that may go side by side, in the order given.
pub(super) fn runs(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut runs: Vec<Vec<Change>> = Vec::new();
    let (mut sort, mut subjects) = (None, BTreeSet::new());
    for change in changes {
        let next = Some(sort_of(&change));
        let subject = subject_of(&change);
        let distinct = subject.is_none_or(|subject| subjects.insert(subject));
        match runs.last_mut() {
            Some(run) if sort == next && distinct => run.push(change),
            _ => {
                subjects.clear();
                subjects.extend(subject_of(&change));
                sort = next;
                runs.push(vec![change]);
            }
        }
    }
    runs
}

/// What is done, to which kind.
fn sort_of(change: &Change) -> (Discriminant<Change>, Option<Resource>) {
    let resource = match change {
        Change::Create { resource, .. } => Some(resource.clone()),
        Change::Patch { key, .. } | Change::Delete { key, .. } | Change::FinalizeNamespace { key } => {
            Some(key.resource())
        }
        Change::Bind { .. } | Change::Event { .. } => None,
    };
    (discriminant(change), resource)
}

/// What must not stand twice in a run. Objects whose names are generated are all different; bindings judge for themselves.
fn subject_of(change: &Change) -> Option<String> {
    match change {
        Change::Create { object, .. } => {
            let name = stamp::meta_text(object, "name");
            (!name.is_empty()).then(|| format!("{}/{name}", stamp::meta_text(object, "namespace")))
        }
        Change::Patch { key, .. } | Change::Delete { key, .. } | Change::FinalizeNamespace { key } => {
            Some(key.as_str().to_owned())
        }
        Change::Event { about, reason, message, .. } => Some(format!("{about} {reason} {message}")),
        Change::Bind { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::meta::{Key, Uid};
    use serde_json::json;

    fn key(name: &str) -> Key {
        Key::new(&Resource::new("", "pods"), "default", name).unwrap()
    }

    fn create(plural: &str, name: &str) -> Change {
        let object = json!({"metadata": {"name": name, "namespace": "default"}});
        Change::Create { resource: Resource::new("", plural), object }
    }

    fn patch(name: &str, subresource: Option<&'static str>) -> Change {
        Change::Patch { key: key(name), subresource, if_revision: None, patch: json!({}) }
    }

    fn bind(name: &str) -> Change {
        Change::Bind { pod: key(name), uid: Uid::new("u"), node: "n".into() }
    }

    fn check(changes: &[Change], lengths: &[usize]) {
        let runs = runs(changes.to_vec());
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
        assert_eq!(runs.concat(), changes, "the order stays");
    }

    #[test]
    fn equal_sorts_about_different_objects_go_side_by_side() {
        check(&[], &[]);
        check(&[create("pods", "a"), create("pods", "b"), create("pods", ""), create("pods", "")], &[4]);
        check(&[create("namespaces", "a"), create("pods", "a")], &[1, 1]);
        check(&[create("pods", "a"), create("pods", "a")], &[1, 1]);
        check(&[patch("a", None), patch("b", None), patch("a", Some("status")), patch("b", None)], &[2, 2]);
        check(&[bind("a"), bind("a"), patch("a", None), bind("b")], &[2, 1, 1]);
    }
}
