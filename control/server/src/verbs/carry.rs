//! The verbs without a socket: how scheduler and controllers read and write.

use std::collections::HashMap;
use std::sync::Arc;

use api::change::Change;
use api::meta::{Epoch, Key, Resource, Revision};
use api::requester::Requester;
use api::status::Status;
use api::verbs::{Done, TooOld, Verbs};
use api::view::{Event, View};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::bind::Binding;
use super::modify::{Part, Wanted};
use super::owners;
use super::runs::runs;
use super::{Ask, Core, Deleted, Object, Patch, Written, kind_of};
use crate::fail;
use crate::options::{DeleteOptions, WriteOptions};
use crate::stamp;

/// Changes of one run under way at once: enough that the log makes them durable together, few enough that one batch of a
/// component leaves room for everybody else.
const BESIDE_MAX: usize = 64;

/// [`Verbs`] over the same code that serves HTTP.
#[derive(Clone, Debug)]
pub(crate) struct InProcess(pub(crate) Arc<Core>);

/// Who decided, and under which leadership.
#[derive(Clone, Copy)]
struct By<'a> {
    requester: &'a Requester,
    epoch: Option<Epoch>,
}

#[async_trait]
impl Verbs for InProcess {
    fn view(&self) -> View {
        self.0.store.view()
    }

    async fn events(&self, after: Revision) -> Result<Vec<Event>, TooOld> {
        self.0.store.events(after).await
    }

    async fn carry_out(
        &self,
        requester: &Requester,
        epoch: Option<Epoch>,
        changes: Vec<Change>,
    ) -> Vec<Result<Done, Status>> {
        let by = By { requester, epoch };
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut moved = Moved::default();
        for mut run in runs(changes) {
            if matches!(run.first(), Some(Change::Bind { .. })) {
                let bindings: Vec<Binding> = run.into_iter().filter_map(binding).collect();
                outcomes.extend(self.0.bind(by.requester, by.epoch, &bindings, false).await);
                continue;
            }
            let seen: Vec<Option<Seen>> = run.iter_mut().map(|change| moved.carry_over(change)).collect();
            let mut beside = stream::iter(run).map(|change| self.one(by, change)).buffered(BESIDE_MAX);
            for seen in seen {
                let Some(outcome) = beside.next().await else { break };
                if let (Some(seen), Ok(done)) = (seen, &outcome) {
                    moved.note(seen, done.revision);
                }
                outcomes.push(outcome);
            }
        }
        outcomes
    }
}

/// An object and the revision at which a change was decided.
type Seen = (Key, Revision);

/// Where the changes of a batch left the objects that they found as they were seen.
#[derive(Debug, Default)]
struct Moved(HashMap<Seen, Revision>);

impl Moved {
    /// Makes a change that was decided about a state that an earlier one of the batch has changed a change of what that one
    /// left: both were decided together. Answers what was seen when it was decided.
    fn carry_over(&self, change: &mut Change) -> Option<Seen> {
        let (key, if_revision) = match change {
            Change::Patch { key, if_revision, .. } | Change::Delete { key, if_revision, .. } => (key, if_revision),
            Change::Create { .. } | Change::Bind { .. } | Change::FinalizeNamespace { .. } | Change::Event { .. } => {
                return None;
            }
        };
        let seen = (key.clone(), (*if_revision)?);
        *if_revision = Some(self.0.get(&seen).copied().unwrap_or(seen.1));
        Some(seen)
    }

    fn note(&mut self, seen: Seen, left: Revision) {
        self.0.insert(seen, left);
    }
}

/// A change that binds, as the store's batch of bindings takes it.
fn binding(change: Change) -> Option<Binding> {
    match change {
        Change::Bind { pod, uid, node } => Some(Binding { pod, uid: Some(uid), node, annotations: Value::Null }),
        _ => None,
    }
}

impl InProcess {
    async fn one(&self, by: By<'_>, change: Change) -> Result<Done, Status> {
        match change {
            Change::Create { resource, object } => self.create(by, &resource, object).await,
            Change::Patch { key, subresource, if_revision, patch } => {
                self.patch(by, &key, subresource, if_revision, patch).await
            }
            Change::Delete { key, uid, if_revision, propagation, grace } => {
                let options = DeleteOptions {
                    dry_run: false,
                    grace,
                    propagation: Some(propagation),
                    uid: Some(uid),
                    revision: if_revision.map(|revision| revision.to_string()),
                    accepts: false,
                };
                self.delete(by, &key, &options).await
            }
            Change::Bind { pod, uid, node } => {
                let binding = Binding { pod, uid: Some(uid), node, annotations: Value::Null };
                let mut outcome = self.0.bind(by.requester, by.epoch, &[binding], false).await;
                outcome.pop().unwrap_or_else(|| Err(Status::internal("a binding was not decided")))
            }
            Change::FinalizeNamespace { key } => self.finalize(by, &key).await,
            Change::Event { about, uid, warning, reason, message } => {
                let fact = super::event::Fact { about: &about, uid: &uid, warning, reason, message: &message };
                self.0.record(by.requester, by.epoch, &fact).await
            }
        }
    }

    async fn create(&self, by: By<'_>, resource: &Resource, mut object: Value) -> Result<Done, Status> {
        let kind = kind_of(&resource.group, &resource.plural).ok_or_else(fail::no_resource)?;
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = (&*kind.kind).into();
        let namespace = stamp::meta_text(&object, "namespace").to_owned();
        let options = WriteOptions::default();
        let manager = owners::of_component(by.requester);
        let ask =
            Ask { requester: by.requester, epoch: by.epoch, kind, namespace: &namespace, name: "", manager, options };
        done(&ask, &self.0.create(&ask, object).await?)
    }

    async fn patch(
        &self,
        by: By<'_>,
        key: &Key,
        subresource: Option<&'static str>,
        if_revision: Option<Revision>,
        mut patch: Value,
    ) -> Result<Done, Status> {
        if let Some(revision) = if_revision {
            patch["metadata"]["resourceVersion"] = revision.to_string().into();
        }
        let part = match subresource {
            None => Part::Whole,
            Some("status") => Part::Status,
            Some(other) => return Err(Status::bad_request(format!("cannot patch the subresource \"{other}\""))),
        };
        let ask = ask(by, key)?;
        done(&ask, &self.0.patch(&ask, part, &Patch::merge(&patch)).await?)
    }

    async fn delete(&self, by: By<'_>, key: &Key, options: &DeleteOptions) -> Result<Done, Status> {
        let ask = ask(by, key)?;
        let object = match self.0.delete(&ask, options).await? {
            Deleted::Gone(object, _) | Deleted::Marked(object) => object,
        };
        done(&ask, &Written { object, created: false, warnings: Vec::new() })
    }

    async fn finalize(&self, by: By<'_>, key: &Key) -> Result<Done, Status> {
        let ask = ask(by, key)?;
        let change = |old: &Value| {
            let mut object = old.clone();
            let left = old["spec"]["finalizers"].as_array().into_iter().flatten().filter(|one| *one != "kubernetes");
            object["spec"]["finalizers"] = json!(left.collect::<Vec<_>>());
            Ok(Wanted::relative(object))
        };
        done(&ask, &self.0.modify(&ask, Part::Finalizers, change).await?)
    }
}

fn ask<'a>(by: By<'a>, key: &'a Key) -> Result<Ask<'a>, Status> {
    let kind = kind_of(key.group(), key.plural()).ok_or_else(fail::no_resource)?;
    let (namespace, name) = (key.namespace(), key.name());
    let manager = owners::of_component(by.requester);
    Ok(Ask {
        requester: by.requester,
        epoch: by.epoch,
        kind,
        namespace,
        name,
        manager,
        options: WriteOptions::default(),
    })
}

/// Where the change went. An object that went with its last finalizer is told at the revision at which it was read.
pub(super) fn done(ask: &Ask<'_>, written: &Written) -> Result<Done, Status> {
    match &written.object {
        Object::Stored(record) => Ok(Done { key: record.key.clone(), revision: record.revision }),
        Object::Loose(value) | Object::Part(value) => {
            let revision = stamp::meta_text(value, "resourceVersion").parse().map(Revision).unwrap_or_default();
            Ok(Done { key: ask.key(stamp::meta_text(value, "name"))?, revision })
        }
    }
}
