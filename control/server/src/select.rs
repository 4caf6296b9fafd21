//! Which objects of a kind a list or watch is about.

use std::sync::Arc;

use api::kind::{Kind, Scope};
use api::meta::Resource;
use api::record::Record;
use api::selector::{FieldSelector, LabelSelector};
use api::status::Status;
use api::view::View;

use crate::query::Query;
use crate::route::Target;

/// A kind, a namespace (empty for all), labels and fields.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) kind: &'static Kind,
    /// Under which the objects are stored.
    resource: Resource,
    namespace: String,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors of a request.
    pub(crate) fn of(target: &Target, query: &Query) -> Result<Self, Status> {
        let labels = query.get("labelSelector").unwrap_or_default();
        let labels = LabelSelector::parse(labels).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut fields = query.get("fieldSelector").unwrap_or_default().to_owned();
        if !target.name.is_empty() {
            // A watch of one object by its own URL is a watch of the collection for that name.
            fields = format!("metadata.name={}", target.name);
        }
        let fields =
            FieldSelector::parse(&fields, target.kind).map_err(|error| Status::bad_request(error.to_string()))?;
        let namespace = if target.kind.scope == Scope::Cluster { String::new() } else { target.namespace.clone() };
        Ok(Self { kind: target.kind, resource: target.kind.stored_resource(), namespace, labels, fields })
    }

    /// Where the keys of these objects begin.
    pub(crate) fn prefix(&self) -> String {
        let mut prefix = self.resource.prefix();
        if !self.namespace.is_empty() {
            prefix.push_str(&self.namespace);
            prefix.push('/');
        }
        prefix
    }

    /// Whether every object of kind and namespace is meant.
    pub(crate) fn is_whole(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether this object is meant.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.is_of(record) && self.fields.matches(record) && self.labels.matches_record(record)
    }

    fn is_of(&self, record: &Record) -> bool {
        record.key.is(&self.resource.group, &self.resource.plural)
            && (self.namespace.is_empty() || record.key.namespace() == self.namespace)
    }

    /// The objects meant, in key order, from that key on.
    pub(crate) fn records<'a>(
        &'a self,
        view: &'a View,
        start: &str,
    ) -> Box<dyn Iterator<Item = &'a Arc<Record>> + Send + 'a> {
        let after = start.to_owned();
        let meant = move |record: &&Arc<Record>| record.key.as_str() >= after.as_str() && self.matches(record);
        if let Some(name) = self.fields.exact("metadata.name")
            && (!self.namespace.is_empty() || self.kind.scope == Scope::Cluster)
        {
            let found = view.find(&self.resource.group, &self.resource.plural, &self.namespace, name);
            return Box::new(found.into_iter().filter(meant));
        }
        if let Some(node) = self.fields.exact("spec.nodeName").filter(|node| !node.is_empty())
            && self.resource.plural.as_ref() == "pods"
        {
            return Box::new(view.on_node(node).filter(meant));
        }
        if !self.namespace.is_empty()
            && let Some((key, value)) = self.labels.exact()
        {
            return Box::new(view.labelled(&self.resource, &self.namespace, key, value).filter(meant));
        }
        let prefix = self.prefix();
        let start = if start.is_empty() { prefix.clone() } else { start.to_owned() };
        Box::new(view.from(&start, prefix).filter(move |record| self.matches(record)))
    }
}
