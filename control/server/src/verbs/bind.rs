//! Bind: pods to nodes, as many as stand side by side in one proposal.

use std::sync::Arc;

use api::meta::{Key, Uid};
use api::record::Record;
use api::requester::Requester;
use api::status::Status;
use api::verbs::Done;
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::{Ask, Core, kind_of, value_of};

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

impl Core {
    /// Binds pods in one proposal; a pod that cannot be bound is left out and told, the others go on.
    pub(crate) async fn bind(
        &self,
        requester: &Requester,
        epoch: Option<api::meta::Epoch>,
        bindings: &[Binding],
        dry_run: bool,
    ) -> Vec<Result<Done, Status>> {
        let mut outcomes: Vec<Option<Result<Done, Status>>> = vec![None; bindings.len()];
        loop {
            let view = self.store.view();
            let mut batch = Batch::default();
            for (at, binding) in bindings.iter().enumerate() {
                if outcomes[at].is_some() {
                    continue;
                }
                match bound(binding, view.get(&binding.pod), self.seam.now()).and_then(|next| {
                    let (record, object) = next;
                    let kind = kind_of("", "pods").ok_or_else(|| Status::internal("pods are not served"))?;
                    Ok((Precondition::At(binding.pod.clone(), record.revision), Self::put(kind, &binding.pod, &object)?))
                }) {
                    Ok((precondition, write)) => batch.push(at, precondition, write),
                    Err(status) => outcomes[at] = Some(Err(status)),
                }
            }
            if batch.positions.is_empty() {
                break;
            }
            if dry_run {
                for at in batch.positions {
                    outcomes[at] = Some(Ok(Done { key: bindings[at].pod.clone(), revision: view.revision() }));
                }
                break;
            }
            tracing::debug!(user = %requester.user, pods = batch.positions.len(), "bind");
            match self.propose(epoch, batch.preconditions, batch.writes).await {
                Ok(Ok(applied)) => {
                    for at in batch.positions {
                        outcomes[at] = Some(Ok(Done { key: bindings[at].pod.clone(), revision: applied.revision }));
                    }
                }
                // That pod moved on since it was read: the next round reads it again and decides for it alone.
                Ok(Err(unmet)) => {
                    let at = batch.positions.get(unmet.index).copied().unwrap_or_default();
                    if bound(&bindings[at], unmet.current.as_ref(), self.seam.now()).is_err() {
                        outcomes[at] = Some(Err(conflict(&bindings[at])));
                    }
                }
                Err(status) => {
                    for at in batch.positions {
                        outcomes[at] = Some(Err(status.clone()));
                    }
                }
            }
        }
        let missing = || Err(Status::internal("a binding was not decided"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
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
    let refuse = |why: &str| Err(Status::conflict(&resource, name, why));
    if let Some(uid) = &binding.uid
        && *uid != record.header.uid
    {
        return refuse(&format!("it is another pod of the same name: want uid {uid}, have {}", record.header.uid));
    }
    if record.header.deletion.is_some() {
        return refuse(&format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    if let Some(node) = record.header.facts.pod().and_then(|facts| facts.node.as_deref()) {
        return refuse(&format!("pod {name} is already assigned to node \"{node}\""));
    }
    let mut object = value_of(record)?;
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
        let named = crate::stamp::meta_text(body, "name");
        let name = if ask.name.is_empty() { named } else { ask.name };
        if !named.is_empty() && named != name {
            let message = format!("name in URL does not match name in Binding object: {name} and {named}");
            return Err(Status::bad_request(message));
        }
        let target = &body["target"];
        let mut errors = Vec::new();
        if !matches!(target["kind"].as_str(), None | Some("" | "Node")) {
            let kind = target["kind"].as_str().unwrap_or_default();
            errors.push(api::validate::FieldError::not_supported("target.kind", kind, &["Node", ""]));
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
