//! Events: what our own components tell people, counted instead of multiplied.

use api::meta::{Epoch, Key, Uid};
use api::requester::Requester;
use api::status::Status;
use api::verbs::Done;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::carry::done;
use super::modify::{Part, Wanted};
use super::{Ask, Core, kind_of, owners};
use crate::options::WriteOptions;

/// Longest message of an event, as Kubernetes cuts it.
const MESSAGE_MAX: usize = 1024;
/// Bytes of the hash that names an event: enough that two different ones about an object do not meet.
const HASH_BYTES: usize = 8;
/// A name must leave room for the hash.
const NAME_MAX: usize = 200;

/// What is tried again and again until it succeeds, for another reason each time: one event of an object tells it, in the words
/// of the last try.
const ONE_OF_AN_OBJECT: [&str; 1] = ["FailedScheduling"];

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact<'a> {
    pub(crate) about: &'a Key,
    pub(crate) uid: &'a Uid,
    pub(crate) warning: bool,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

impl Core {
    /// Records a fact: a new Event, or one more count of an equal one. Equal facts have equal names, so that no search is
    /// needed.
    pub(crate) async fn record(
        &self,
        requester: &Requester,
        epoch: Option<Epoch>,
        fact: &Fact<'_>,
    ) -> Result<Done, Status> {
        let kind = kind_of("", "events").ok_or_else(|| Status::internal("events are not served"))?;
        let name = name(fact);
        let namespace = if fact.about.namespace().is_empty() { "default" } else { fact.about.namespace() };
        let options = WriteOptions::default();
        let manager = owners::of_component(requester);
        let ask = Ask { requester, epoch, kind, namespace, name: &name, manager, options };
        if self.store.view().get(&ask.key(&name)?).is_none() {
            match self.create(&ask, self.fresh(requester, fact, namespace)?).await {
                Err(status) if status.reason == "AlreadyExists" => {}
                outcome => return done(&ask, &outcome?),
            }
        }
        let now = api::time::text(self.seam.now());
        let again = |old: &Value| {
            let mut object = old.clone();
            object["count"] = (old["count"].as_i64().unwrap_or(1) + 1).into();
            object["lastTimestamp"] = now.clone().into();
            object["message"] = said(fact).into();
            Ok(Wanted::relative(object))
        };
        done(&ask, &self.modify(&ask, Part::Whole, again).await?)
    }

    fn fresh(&self, requester: &Requester, fact: &Fact<'_>, namespace: &str) -> Result<Value, Status> {
        let about = fact.about;
        let kind = kind_of(about.group(), about.plural());
        let kind =
            kind.ok_or_else(|| Status::internal(format!("cannot tell about {about}: its kind is not served")))?;
        let component = requester.user.strip_prefix("system:bireme:").unwrap_or(&requester.user);
        let now = api::time::text(self.seam.now());
        let mut involved = json!({
            "apiVersion": kind.api_version(), "kind": &*kind.kind, "name": about.name(), "uid": fact.uid.as_str(),
        });
        if !about.namespace().is_empty() {
            involved["namespace"] = about.namespace().into();
        }
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name(fact), "namespace": namespace},
            "involvedObject": involved,
            "type": if fact.warning { "Warning" } else { "Normal" },
            "reason": fact.reason,
            "message": said(fact),
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }))
    }
}

fn said(fact: &Fact<'_>) -> String {
    fact.message.chars().take(MESSAGE_MAX).collect()
}

fn name(fact: &Fact<'_>) -> String {
    let mut hash = Sha256::new();
    let message = if ONE_OF_AN_OBJECT.contains(&fact.reason) { "" } else { fact.message };
    for part in [fact.uid.as_str(), fact.reason, message] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let base: String = fact.about.name().chars().take(NAME_MAX).collect();
    format!("{base}.{}", hex::encode(&digest[..HASH_BYTES]))
}
