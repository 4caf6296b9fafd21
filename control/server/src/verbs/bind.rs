//! Bind: pods to nodes, as many as stand side by side in one proposal.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::meta::{Key, Resource, Uid};
use api::record::Record;
use api::requester::Requester;
use api::status::Status;
use api::verbs::Done;
use api::view::View;
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::{Ask, Core, RETRIES_MAX, kind_of, value_of};

/// One binding to make.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// The pod.
    pub(crate) pod: Key,
    /// Must be its uid, when given.
    pub(crate) uid: Option<Uid>,
    /// The node.
    pub(crate) node: Arc<str>,
    /// Annotations that the binding adds to the pod.
    pub(crate) annotations: Value,
}

type Outcome = Option<Result<Done, Status>>;

impl Core {
    /// Binds pods in one proposal; a pod that cannot be bound is left out and told, the others go on.
    pub(crate) async fn bind(
        &self,
        requester: &Requester,
        epoch: Option<api::meta::Epoch>,
        bindings: &[Binding],
        dry_run: bool,
    ) -> Vec<Result<Done, Status>> {
        let mut outcomes: Vec<Outcome> = vec![None; bindings.len()];
        // A round is lost only when some pod moved on meanwhile.
        for _ in 0..RETRIES_MAX + bindings.len() {
            let view = self.store.view();
            let batch = self.batch(&view, bindings, &mut outcomes);
            if batch.positions.is_empty() {
                break;
            }
            tracing::debug!(user = %requester.user, pods = batch.positions.len(), dry_run, "bind");
            let proposed = if dry_run {
                Ok(Ok(view.revision()))
            } else {
                let proposed = self.propose(epoch, batch.preconditions, batch.writes).await;
                proposed.map(|outcome| outcome.map(|applied| applied.revision))
            };
            match proposed {
                Ok(Ok(revision)) => {
                    for at in batch.positions {
                        outcomes[at] = Some(Ok(Done { key: bindings[at].pod.clone(), revision }));
                    }
                }
                // That pod moved on since it was read: the next round reads it again and decides for it alone.
                Ok(Err(unmet)) => {
                    let at = batch.positions.get(unmet.index).copied().unwrap_or_default();
                    if let Err(status) = bound(&bindings[at], unmet.current.as_ref(), self.seam.now()) {
                        outcomes[at] = Some(Err(status));
                    }
                }
                Err(status) => {
                    for at in batch.positions {
                        outcomes[at] = Some(Err(status.clone()));
                    }
                }
            }
        }
        let undecided = |(outcome, binding): (Outcome, &Binding)| outcome.unwrap_or_else(|| Err(conflict(binding)));
        outcomes.into_iter().zip(bindings).map(undecided).collect()
    }

    /// The bindings that are still to be made, as far as they can be made in this state; the others are told why not.
    fn batch(&self, view: &View, bindings: &[Binding], outcomes: &mut [Outcome]) -> Batch {
        let mut batch = Batch::default();
        let mut pods = BTreeSet::new();
        for (at, binding) in bindings.iter().enumerate().filter(|(at, _)| outcomes[*at].is_none()).collect::<Vec<_>>() {
            // A pod that stands twice waits for a round of its own, which then finds it bound.
            if !pods.insert(&binding.pod) {
                continue;
            }
            match self.write(binding, view) {
                Ok((precondition, write)) => batch.push(at, precondition, write),
                Err(status) => outcomes[at] = Some(Err(status)),
            }
        }
        batch
    }

    fn write(&self, binding: &Binding, view: &View) -> Result<(Precondition, Write), Status> {
        let (record, object) = bound(binding, view.get(&binding.pod), self.seam.now())?;
        let kind = kind_of("", "pods").ok_or_else(|| Status::internal("pods are not served"))?;
        Ok((Precondition::At(binding.pod.clone(), record.revision), Self::put(kind, &binding.pod, &object)?))
    }
}

#[derive(Default)]
struct Batch {
    positions: Vec<usize>,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
}

impl Batch {
    fn push(&mut self, at: usize, precondition: Precondition, write: Write) {
        self.positions.push(at);
        self.preconditions.push(precondition);
        self.writes.push(write);
    }
}

fn conflict(binding: &Binding) -> Status {
    let resource = binding.pod.resource();
    Status::conflict(&resource, binding.pod.name(), "the pod changed while it was being bound; look at it again")
}

/// The pod with its node.
fn bound<'a>(
    binding: &Binding,
    record: Option<&'a Arc<Record>>,
    now: api::meta::Timestamp,
) -> Result<(&'a Arc<Record>, Value), Status> {
    let (resource, name) = (binding.pod.resource(), binding.pod.name());
    let record = record.ok_or_else(|| Status::not_found(&resource, name))?;
    let refuse = |why: &str| Err(Status::conflict(&Resource::new("", "pods/binding"), name, why));
    if let Some(uid) = &binding.uid
        && *uid != record.header.uid
    {
        let have = &record.header.uid;
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {have}");
        return Err(Status::conflict(&resource, name, &why));
    }
    if record.header.deletion.is_some() {
        return refuse(&format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    if let Some(node) = record.header.facts.pod().and_then(|facts| facts.node.as_deref()) {
        return refuse(&format!("pod {name} is already assigned to node \"{node}\""));
    }
    let mut object = value_of(record)?;
    if object["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
        return refuse(&format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    object["spec"]["nodeName"] = (&*binding.node).into();
    if let Some(annotations) = binding.annotations.as_object() {
        for (key, value) in annotations {
            object["metadata"]["annotations"][key] = value.clone();
        }
    }
    let condition = json!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": api::time::text(now),
    });
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    let conditions = &mut object["status"]["conditions"];
    match conditions.as_array_mut() {
        Some(list) => {
            list.retain(|one| one["type"] != "PodScheduled");
            list.push(condition);
        }
        None => *conditions = json!([condition]),
    }
    Ok((record, object))
}

impl Binding {
    /// Reads a `v1 Binding` sent for the pod that the URL names.
    ///
    /// # Errors
    /// 400 when URL and body name different pods, 422 when the target is no node.
    pub(crate) fn of(ask: &Ask<'_>, body: &Value) -> Result<Self, Status> {
        let name = crate::stamp::meta_text(body, "name");
        if !ask.name.is_empty() && name != ask.name {
            return Err(Status::bad_request("name in URL does not match name in Binding object"));
        }
        let target = &body["target"];
        let mut errors = Vec::new();
        if !matches!(target["kind"].as_str(), None | Some("" | "Node")) {
            let kind = target["kind"].as_str().unwrap_or_default();
            errors.push(api::validate::FieldError::not_supported("target.kind", kind, &["Node", "<empty>"]));
        }
        let node = target["name"].as_str().unwrap_or_default();
        if node.is_empty() {
            errors.push(api::validate::FieldError::required("target.name", ""));
        }
        if !errors.is_empty() {
            return Err(Status::invalid("", "Binding", name, &errors));
        }
        let uid = body["metadata"]["uid"].as_str().map(Uid::new);
        let annotations = body["metadata"]["annotations"].clone();
        Ok(Self { pod: ask.key(name)?, uid, node: node.into(), annotations })
    }
}
