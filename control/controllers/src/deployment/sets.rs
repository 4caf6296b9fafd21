//! The ReplicaSets of a Deployment, told apart by template.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::facts::ReplicaSetFacts;
use api::record::Record;
use api::view::View;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{DESIRED, REVISION, Seen, TEMPLATE_HASH};
use crate::decision::Damaged;
use crate::objects::{decode, managed};

/// One ReplicaSet.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) record: Arc<Record>,
    pub(super) replicas: i32,
    pub(super) facts: ReplicaSetFacts,
    pub(super) revision: i64,
    /// Replicas that the Deployment wanted when it last scaled this set.
    pub(super) desired: Option<i32>,
    /// Whether a pod of it exists in any state, one that is being deleted included.
    pub(super) has_pods: bool,
    created: String,
    template: Value,
    annotations: Value,
}

impl Set {
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).and_then(Value::as_str)
    }
}

/// All of a Deployment's ReplicaSets, and its template.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) template: Value,
    /// The one of the current template.
    pub(super) new: Option<Set>,
    /// The others, oldest first.
    pub(super) old: Vec<Set>,
}

impl Sets {
    pub(super) fn of(view: &View, seen: &Seen<'_>, claimed: &[&Arc<Record>]) -> Result<Self, Damaged> {
        let value: Value = decode(seen.record)?;
        let template = value.pointer("/spec/template").cloned().unwrap_or_default();
        let mut sets = claimed.iter().map(|record| read(view, record)).collect::<Result<Vec<_>, _>>()?;
        sets.sort_by(|a, b| (&a.created, a.record.key.name()).cmp(&(&b.created, b.record.key.name())));
        // The oldest of equal ones is the current one, so that two made by accident do not take turns.
        let new = sets.iter().position(|set| set.template == template).map(|at| sets.remove(at));
        Ok(Self { template, new, old: sets })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Set> {
        self.old.iter().chain(&self.new)
    }

    /// The number that a new template gets.
    pub(super) fn next_revision(&self) -> i64 {
        self.all().map(|set| set.revision).max().unwrap_or(0) + 1
    }
}

fn read(view: &View, record: &Arc<Record>) -> Result<Set, Damaged> {
    let value: Value = decode(record)?;
    let mut template = value.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(TEMPLATE_HASH);
    }
    let annotations = value.pointer("/metadata/annotations").cloned().unwrap_or_default();
    let note = |name: &str| annotations.get(name)?.as_str();
    let created = value.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default();
    let facts = record.header.facts.replica_set().copied().unwrap_or_default();
    Ok(Set {
        record: Arc::clone(record),
        replicas: facts.replicas,
        facts,
        revision: note(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0),
        desired: note(DESIRED).and_then(|text| text.parse().ok()),
        has_pods: managed(view, record, &crate::objects::pods()).next().is_some(),
        created: created.to_owned(),
        template,
        annotations: annotations.clone(),
    })
}

pub(super) fn annotations(metadata: &ObjectMeta) -> BTreeMap<String, String> {
    metadata.annotations.clone().unwrap_or_default()
}
