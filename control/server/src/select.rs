//! Which objects of a kind a list or watch is about.

use std::sync::Arc;

use api::kind::{Kind, Scope};
use api::meta::Resource;
use api::record::Record;
use api::selector::{FieldSelector, LabelSelector};
use api::status::Status;
use api::view::{Event, View};

use crate::query::Query;
use crate::route::Target;

/// The field that makes a selection a look-up of one object.
const NAME: &str = "metadata.name";
/// The field that makes a selection one of a namespace.
const NAMESPACE: &str = "metadata.namespace";
/// The field of pods that has an index, because every node asks for its own.
const NODE: &str = "spec.nodeName";

/// A kind, and which of its objects.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) kind: &'static Kind,
    /// Under which the objects are stored.
    pub(crate) resource: Resource,
    pub(crate) filter: Filter,
}

/// Which objects of a kind: a namespace (empty for all), labels and fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    namespace: String,
    labels: LabelSelector,
    fields: FieldSelector,
}

/// The narrowest part of a kind's objects that a selection surely lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoped<'a> {
    /// Every object.
    Whole,
    /// Those of a namespace.
    Namespace(&'a str),
    /// One object: its namespace (empty when cluster-scoped) and name.
    Object(&'a str, &'a str),
    /// The pods bound to a node.
    Node(&'a str),
}

/// What an event is to somebody who sees only a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The object came, or began to match.
    Added,
    /// It changed.
    Modified,
    /// It went, or ceased to match.
    Deleted,
}

impl Selection {
    /// Reads the selectors of a request.
    ///
    /// # Errors
    /// 400 for selectors that cannot be read, or that name another object than the URL.
    pub(crate) fn of(target: &Target, query: &Query) -> Result<Self, Status> {
        let refused = |error: &dyn std::error::Error| Status::bad_request(error.to_string());
        let labels = LabelSelector::parse(query.get("labelSelector").unwrap_or_default());
        let labels = labels.map_err(|error| refused(&error))?;
        let fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default(), target.kind);
        let mut fields = fields.map_err(|error| refused(&error))?;
        // A watch of one object by its own URL is a watch of the collection for that name.
        if !target.name.is_empty() && fields.is_empty() {
            fields = FieldSelector::equal(NAME, &target.name);
        } else if !target.name.is_empty() && fields.exact(NAME) != Some(&target.name) {
            return Err(Status::bad_request("fieldSelector metadata.name doesn't match requested name"));
        }
        let mut namespace = String::new();
        if target.kind.scope == Scope::Namespaced {
            namespace.clone_from(&target.namespace);
            if namespace.is_empty() {
                namespace = fields.exact(NAMESPACE).unwrap_or_default().to_owned();
            }
        }
        Ok(Self {
            kind: target.kind,
            resource: target.kind.stored_resource(),
            filter: Filter { namespace, labels, fields },
        })
    }

    /// Where the keys of these objects begin.
    pub(crate) fn prefix(&self) -> String {
        let mut prefix = self.resource.prefix();
        if !self.filter.namespace.is_empty() {
            prefix.push_str(&self.filter.namespace);
            prefix.push('/');
        }
        prefix
    }

    /// Whether every object of kind and namespace is meant.
    pub(crate) fn is_whole(&self) -> bool {
        self.filter.labels.is_empty() && self.filter.fields.is_empty()
    }

    /// The part of the kind's objects in which to look.
    pub(crate) fn scoped(&self) -> Scoped<'_> {
        let Filter { namespace, fields, .. } = &self.filter;
        if let Some(name) = fields.exact(NAME)
            && (!namespace.is_empty() || self.kind.scope == Scope::Cluster)
        {
            return Scoped::Object(namespace, name);
        }
        if let Some(node) = fields.exact(NODE).filter(|node| !node.is_empty())
            && self.resource.plural.as_ref() == "pods"
        {
            return Scoped::Node(node);
        }
        if namespace.is_empty() { Scoped::Whole } else { Scoped::Namespace(namespace) }
    }

    /// What an event is to who sees only this selection, and the state to tell: of what ceased to match, the last one that
    /// did.
    pub(crate) fn sees<'a>(&self, event: &'a Event) -> Option<(Happening, &'a Arc<Record>)> {
        let before = event.before.as_ref().filter(|record| self.matches(record));
        let after = event.after.as_ref().filter(|record| self.matches(record));
        match (before, after) {
            (None, Some(after)) => Some((Happening::Added, after)),
            (Some(_), Some(after)) => Some((Happening::Modified, after)),
            (Some(before), None) => Some((Happening::Deleted, before)),
            (None, None) => None,
        }
    }

    fn matches(&self, record: &Record) -> bool {
        let Filter { namespace, labels, fields } = &self.filter;
        record.key.is(&self.resource.group, &self.resource.plural)
            && (namespace.is_empty() || record.key.namespace() == namespace)
            && fields.matches(record)
            && labels.matches_record(record)
    }

    /// The objects meant, in key order, from that key on.
    pub(crate) fn records<'a>(
        &'a self,
        view: &'a View,
        start: &str,
    ) -> Box<dyn Iterator<Item = &'a Arc<Record>> + Send + 'a> {
        let after = start.to_owned();
        let meant = move |record: &&Arc<Record>| record.key.as_str() >= after.as_str() && self.matches(record);
        match (self.scoped(), self.filter.labels.exact()) {
            (Scoped::Object(namespace, name), _) => {
                let found = view.find(&self.resource.group, &self.resource.plural, namespace, name);
                Box::new(found.into_iter().filter(meant))
            }
            (Scoped::Node(node), _) => Box::new(view.on_node(node).filter(meant)),
            (Scoped::Namespace(namespace), Some((key, value))) => {
                Box::new(view.labelled(&self.resource, namespace, key, value).filter(meant))
            }
            (Scoped::Namespace(_) | Scoped::Whole, _) => {
                let prefix = self.prefix();
                let start = if start.is_empty() { prefix.clone() } else { start.to_owned() };
                Box::new(view.from(&start, prefix).filter(move |record| self.matches(record)))
            }
        }
    }
}
