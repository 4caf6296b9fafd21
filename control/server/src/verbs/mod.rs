//! The verbs: one implementation each for all kinds, behind HTTP and behind [`api::verbs::Verbs`] alike.

pub(crate) mod apply;
pub(crate) mod bind;
mod carry;
mod create;
mod delete;
pub(crate) mod event;
pub(crate) mod evict;
pub(crate) mod modify;
pub(crate) mod owners;
pub(crate) mod patch;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use api::kind::{Kind, Scope};
use api::meta::{Epoch, Key, Revision};
use api::range::Range;
use api::record::{Body, NotStorable, Record};
use api::requester::Requester;
use api::status::Status;
use api::{header, kinds};
use seam::Seam;
use serde_json::Value;
use store::{Applied, Command, Precondition, ProposeError, Refused, Store, Write};

use crate::admit::Admission;
use crate::components::Component;
use crate::fail;
use crate::options::WriteOptions;

pub(crate) use carry::InProcess;
pub(crate) use delete::Deleted;
pub(crate) use patch::Patch;

/// How often a verb decides anew when the object moved on meanwhile; as kube-apiserver.
pub(crate) const RETRIES_MAX: usize = 5;
/// How often a proposal is sent again while there is no leader: with waits of up to a second this outlives an election.
const LEADERLESS_MAX: usize = 10;
/// What a revision adds to a stored object, in bytes, at most.
const REVISION_LENGTH: usize = 44;
/// Longest single wait for a leader.
const LEADERLESS_WAIT_MAX: Duration = Duration::from_secs(1);

/// What all verbs need.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) seam: Seam,
    /// Ranges of Service addresses, the primary family first.
    pub(crate) service_cidrs: Vec<Range>,
    /// Who else is asked before a write.
    pub(crate) admission: Vec<Arc<dyn Admission>>,
    /// What else the control plane is made of.
    pub(crate) components: Vec<Component>,
}

/// A request to write one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// Who asks.
    pub(crate) requester: &'a Requester,
    /// Leadership under which one of our own components decided.
    pub(crate) epoch: Option<Epoch>,
    /// Kind of the object, which may be a form of a stored one; every verb works on the stored form.
    pub(crate) kind: &'static Kind,
    /// Its namespace; empty when cluster-scoped.
    pub(crate) namespace: &'a str,
    /// Its name; empty when it is generated.
    pub(crate) name: &'a str,
    /// Who owns what the request sets.
    pub(crate) manager: &'a str,
    /// How.
    pub(crate) options: WriteOptions,
}

/// State of an object after a verb, in the form that is stored.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// As it is stored.
    Stored(Arc<Record>),
    /// As it would be stored, or as it was when it went.
    Loose(Value),
    /// A part of it that has a kind of its own, as `Scale`.
    Part(Value),
}

impl Object {
    /// As JSON text, in the form of the kind.
    pub(crate) fn to_bytes(&self, kind: &Kind) -> Result<Vec<u8>, Status> {
        match self {
            Self::Stored(record) => {
                let mut out = Vec::with_capacity(record.body.len() + REVISION_LENGTH);
                write_as(kind, record, record.revision, &mut out)?;
                Ok(out)
            }
            Self::Part(value) => Ok(value.to_string().into_bytes()),
            Self::Loose(value) if kind.is_stored() => Ok(value.to_string().into_bytes()),
            Self::Loose(value) => Ok(shown(kind, value.clone()).to_string().into_bytes()),
        }
    }

    /// As a value, in the form that is stored.
    pub(crate) fn to_value(&self) -> Result<Value, Status> {
        match self {
            Self::Stored(record) => value_of(record),
            Self::Loose(value) | Self::Part(value) => Ok(value.clone()),
        }
    }
}

/// Appends a stored object as it is at a revision, in the form of the kind. The form that is stored costs no parse.
pub(crate) fn write_as(kind: &Kind, record: &Record, revision: Revision, out: &mut Vec<u8>) -> Result<(), Status> {
    if kind.is_stored() {
        record.body.write(revision, out);
        return Ok(());
    }
    let mut object = value_of(record)?;
    modify::set_revision(&mut object, revision);
    out.extend_from_slice(shown(kind, object).to_string().as_bytes());
    Ok(())
}

/// Appends a stored object as an item of a list of the kind, which says for all of them what they are.
pub(crate) fn write_item(kind: &Kind, record: &Record, out: &mut Vec<u8>) -> Result<(), Status> {
    if kind.is_stored() {
        record.body.write_item(record.revision, out);
        return Ok(());
    }
    let mut object = shown(kind, value_of(record)?);
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, _| name != "apiVersion" && name != "kind");
    }
    out.extend_from_slice(object.to_string().as_bytes());
    Ok(())
}

/// A stored object in the form of the kind.
pub(crate) fn shown(kind: &Kind, mut object: Value) -> Value {
    kind.from_stored(&mut object);
    object
}

/// What a write gives back.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The object.
    pub(crate) object: Object,
    /// Whether it is new.
    pub(crate) created: bool,
    /// What to warn about.
    pub(crate) warnings: Vec<String>,
}

/// A stored object as a value.
pub(crate) fn value_of(record: &Record) -> Result<Value, Status> {
    record.to_value().map_err(|error| Status::internal(format!("{} is damaged in the store: {error}", record.key)))
}

/// The kind of a resource, in the version that is stored.
pub(crate) fn kind_of(group: &str, plural: &str) -> Option<&'static Kind> {
    kinds::stored(group, plural)
}

impl Ask<'_> {
    /// Key of an object of this kind and namespace.
    pub(crate) fn key(&self, name: &str) -> Result<Key, Status> {
        let namespace = if self.kind.scope == Scope::Cluster { "" } else { self.namespace };
        Key::new(&self.kind.stored_resource(), namespace, name).map_err(|error| Status::bad_request(error.to_string()))
    }

    /// The kind in the form that is stored.
    pub(crate) fn stored(&self) -> &'static Kind {
        let stored = self.kind.stored_resource();
        kinds::stored(&stored.group, &stored.plural).unwrap_or(self.kind)
    }

    /// 404 for the object that is asked for.
    pub(crate) fn not_found(&self) -> Status {
        Status::not_found(&self.kind.resource(), self.name)
    }
}

impl Core {
    /// Encodes an object for the store.
    pub(crate) fn put(kind: &Kind, key: &Key, object: &Value) -> Result<Write, Status> {
        let body = Body::encode(object).map_err(|error| match error {
            NotStorable::TooLong(_) => fail::too_large(Body::LENGTH_MAX),
            NotStorable::NoMetadata => Status::bad_request(error.to_string()),
        })?;
        Ok(Write::Put { key: key.clone(), header: header::extract(kind, object), body })
    }

    /// Sends a command to the store, again while there is no leader.
    ///
    /// # Errors
    /// The inner error is a precondition that does not hold: its index and the object as it is now.
    pub(crate) async fn propose(
        &self,
        epoch: Option<Epoch>,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Result<Applied, Unmet>, Status> {
        let command = Command { request: self.store.new_request_id(), epoch, preconditions, writes };
        for _ in 0..LEADERLESS_MAX {
            match self.store.propose(command.clone()).await {
                Ok(applied) => return Ok(Ok(applied)),
                Err(ProposeError::Refused(Refused::Precondition { index, current })) => {
                    // Whoever decides again must see at least what refused the first decision; a follower may lag.
                    if let Some(current) = &current {
                        self.reach(current.revision).await?;
                    }
                    return Ok(Err(Unmet { index, current }));
                }
                Err(ProposeError::Refused(refused @ Refused::Epoch(_))) => {
                    return Err(Status::new(409, "Conflict", refused.to_string()));
                }
                Err(ProposeError::Unavailable { retry_after }) => {
                    self.seam.sleep(retry_after.min(LEADERLESS_WAIT_MAX)).await;
                }
                Err(ProposeError::TooLarge { max, .. }) => return Err(fail::too_large(max)),
                Err(error @ ProposeError::Stopped { .. }) => return Err(Status::unavailable(error.to_string(), 1)),
            }
        }
        Err(Status::unavailable("the control plane has no leader at the moment; try again", 1))
    }
}

/// A precondition that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Unmet {
    /// Its index.
    pub(crate) index: usize,
    /// The object of its key now.
    pub(crate) current: Option<Arc<Record>>,
}

/// The record that the first write of a command left.
pub(crate) fn first(applied: Applied) -> Result<Arc<Record>, Status> {
    applied
        .records
        .into_iter()
        .next()
        .flatten()
        .ok_or_else(|| Status::internal("the store did not return what it wrote"))
}
