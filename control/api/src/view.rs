//! An immutable picture of the whole truth at one revision, cheap to clone.
//!
//! The store's state machine holds one and replaces it at every transaction; lists, watches, controllers and scheduler read
//! clones of it. Trees are persistent: a clone shares all nodes with its origin.

use std::sync::Arc;

use immutable_chunkmap::map::{MapL, MapM};
use immutable_chunkmap::set::SetS;

use crate::meta::{Key, Resource, Revision, Uid};
use crate::record::Record;

/// One change to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The transaction that made it. Several events of one transaction share it.
    pub revision: Revision,
    /// State before; `None` when the object was created.
    pub before: Option<Arc<Record>>,
    /// State after; `None` when the object was deleted.
    pub after: Option<Arc<Record>>,
}

impl Event {
    /// Key of the object; `None` only for an event with neither state, which nothing makes.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.after.as_ref().or(self.before.as_ref()).map(|record| &record.key)
    }
}

/// See the module.
#[derive(Clone, Default)]
pub struct View {
    revision: Revision,
    objects: MapL<Key, Arc<Record>>,
    by_owner: MapM<Uid, SetS<Key>>,
    by_node: MapM<Arc<str>, SetS<Key>>,
    by_label: MapM<Arc<str>, SetS<Key>>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("revision", &self.revision).field("objects", &self.objects.len()).finish()
    }
}

impl View {
    /// Nothing, at revision zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The last transaction that this view has seen.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no object at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.len() == 0
    }

    /// The object of that key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Record>> {
        self.objects.get(key)
    }

    /// The object of that resource, namespace (empty when cluster-scoped) and name.
    #[must_use]
    pub fn find(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<&Arc<Record>> {
        self.objects.get(format!("{group}/{plural}/{namespace}/{name}").as_str())
    }

    /// Every object of the resource, in key order; of one namespace when it is given.
    pub fn list<'a>(
        &'a self,
        resource: &Resource,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        let mut prefix = resource.prefix();
        if let Some(namespace) = namespace {
            prefix.push_str(namespace);
            prefix.push('/');
        }
        self.from(&prefix.clone(), prefix)
    }

    /// Objects whose key is at or after `start` and begins with `prefix`, in key order: a page of a list.
    pub fn from<'a>(&'a self, start: &str, prefix: String) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        let range = self.objects.range::<str, From>(From(start.into()));
        range.map(|(_, record)| record).take_while(move |record| record.key.as_str().starts_with(&prefix))
    }

    /// Everything, in key order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        (&self.objects).into_iter().map(|(_, record)| record)
    }

    /// Objects that name this uid among their owners.
    pub fn owned_by<'a>(&'a self, owner: &Uid) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        self.indexed(self.by_owner.get(owner))
    }

    /// Pods bound to the node.
    pub fn on_node<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        self.indexed(self.by_node.get(node))
    }

    /// Objects of the resource in the namespace that carry the label with this value.
    pub fn labelled<'a>(
        &'a self,
        resource: &Resource,
        namespace: &str,
        key: &str,
        value: &str,
    ) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        self.indexed(self.by_label.get(term(&resource.group, &resource.plural, namespace, key, value).as_str()))
    }

    fn indexed<'a>(&'a self, keys: Option<&'a SetS<Key>>) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        keys.into_iter().flatten().filter_map(|key| self.objects.get(key))
    }

    /// Puts the object in, replacing the one of the same key, which is returned. The view moves to the object's revision.
    pub fn put(&mut self, record: Arc<Record>) -> Option<Arc<Record>> {
        let before = self.objects.get(&record.key).cloned();
        if let Some(before) = &before {
            self.unindex(before, Some(&record));
        }
        self.index(&record, before.as_deref());
        self.revision = self.revision.max(record.revision);
        self.objects.insert_cow(record.key.clone(), record);
        before
    }

    /// Takes the object out at that revision.
    pub fn remove(&mut self, key: &Key, revision: Revision) -> Option<Arc<Record>> {
        let before = self.objects.remove_cow(key);
        if let Some(before) = &before {
            self.unindex(before, None);
        }
        self.revision = self.revision.max(revision);
        before
    }

    /// Moves on to a revision whose writes the view holds already: what a store does that has loaded all objects.
    pub fn advance(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    /// This view with one event on top; used to follow a feed.
    pub fn follow(&mut self, event: &Event) {
        match (&event.after, &event.before) {
            (Some(after), _) => {
                self.put(Arc::clone(after));
            }
            (None, Some(before)) => {
                self.remove(&before.key, event.revision);
            }
            (None, None) => {}
        }
    }

    fn index(&mut self, record: &Record, before: Option<&Record>) {
        if before.is_none_or(|before| before.header.owners != record.header.owners) {
            for owner in record.header.owners.iter() {
                self.by_owner.get_or_default_cow(owner.uid.clone()).insert_cow(record.key.clone());
            }
        }
        if let Some(node) = node_of(record)
            && before.and_then(node_of) != Some(node)
        {
            self.by_node.get_or_default_cow(Arc::clone(node)).insert_cow(record.key.clone());
        }
        if before.is_none_or(|before| before.header.labels != record.header.labels) {
            for (key, value) in record.header.labels.iter() {
                let term = term(record.key.group(), record.key.plural(), record.key.namespace(), key, value);
                self.by_label.get_or_default_cow(term.into()).insert_cow(record.key.clone());
            }
        }
    }

    fn unindex(&mut self, before: &Record, after: Option<&Record>) {
        if after.is_none_or(|after| after.header.owners != before.header.owners) {
            for owner in before.header.owners.iter() {
                drop_from(&mut self.by_owner, &owner.uid, &before.key);
            }
        }
        if let Some(node) = node_of(before)
            && after.and_then(node_of) != Some(node)
        {
            drop_from(&mut self.by_node, node, &before.key);
        }
        if after.is_none_or(|after| after.header.labels != before.header.labels) {
            for (key, value) in before.header.labels.iter() {
                let term = term(before.key.group(), before.key.plural(), before.key.namespace(), key, value);
                drop_from(&mut self.by_label, &Arc::from(term), &before.key);
            }
        }
    }
}

fn node_of(record: &Record) -> Option<&Arc<str>> {
    record.header.facts.pod().and_then(|facts| facts.node.as_ref())
}

/// Name of a label's value in the index. Label keys may hold `/`, values may not hold `=`.
fn term(group: &str, plural: &str, namespace: &str, key: &str, value: &str) -> String {
    format!("{group}/{plural}/{namespace}/{key}={value}")
}

fn drop_from<I: Ord + Clone + std::fmt::Debug>(index: &mut MapM<I, SetS<Key>>, at: &I, key: &Key) {
    let Some(keys) = index.get_mut_cow(at) else { return };
    keys.remove_cow(key);
    if keys.len() == 0 {
        index.remove_cow(at);
    }
}

/// Range of keys from a text on, owning that text.
struct From(Box<str>);

impl std::ops::RangeBounds<str> for From {
    fn start_bound(&self) -> std::ops::Bound<&str> {
        std::ops::Bound::Included(&self.0)
    }

    fn end_bound(&self) -> std::ops::Bound<&str> {
        std::ops::Bound::Unbounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, PodFacts};
    use crate::record::{Body, Header};
    use serde_json::json;

    fn pod(name: &str, node: Option<&str>, app: &str, revision: u64) -> Arc<Record> {
        let key = Key::new(&Resource::new("", "pods"), "default", name).unwrap();
        let facts = PodFacts { node: node.map(Into::into), ..PodFacts::default() };
        Arc::new(Record {
            key,
            revision: Revision(revision),
            header: Header {
                uid: Uid::new(name),
                labels: [("app".into(), app.into())].into(),
                owners: [].into(),
                fields: [].into(),
                deletion: None,
                finalizers: false,
                facts: Facts::Pod(Box::new(facts)),
            },
            body: Body::encode(&json!({"metadata": {"name": name}})).unwrap(),
        })
    }

    fn names<'a>(records: impl Iterator<Item = &'a Arc<Record>>) -> Vec<&'a str> {
        records.map(|record| record.key.name()).collect()
    }

    #[test]
    fn a_clone_keeps_its_moment_while_the_origin_moves_on() {
        let mut view = View::new();
        view.put(pod("a", None, "x", 1));
        let old = view.clone();
        view.put(pod("b", Some("n1"), "x", 2));
        view.remove(&pod("a", None, "x", 1).key, Revision(3));
        let pods = Resource::new("", "pods");
        assert_eq!(names(old.list(&pods, None)), ["a"]);
        assert_eq!(old.revision(), Revision(1));
        assert_eq!(names(view.list(&pods, Some("default"))), ["b"]);
        assert_eq!(view.revision(), Revision(3));
        assert_eq!(names(view.list(&pods, Some("def"))), [] as [&str; 0]);
    }

    #[test]
    fn indexes_follow_changes() {
        let mut view = View::new();
        let pods = Resource::new("", "pods");
        view.put(pod("a", None, "x", 1));
        view.put(pod("a", Some("n1"), "y", 2));
        assert_eq!(names(view.on_node("n1")), ["a"]);
        assert_eq!(names(view.labelled(&pods, "default", "app", "x")), [] as [&str; 0]);
        assert_eq!(names(view.labelled(&pods, "default", "app", "y")), ["a"]);
        view.remove(&pod("a", None, "y", 2).key, Revision(3));
        assert_eq!(names(view.on_node("n1")), [] as [&str; 0]);
    }
}
