//! Mirror pods: what the API shows of static pods.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tokio::sync::Notify;

use super::manifest::{HASH, MIRROR, annotation};
use crate::cluster::{Cluster, ClusterError};
use crate::policy;

/// A namespace and a name.
pub(super) type Name = (String, String);

pub(super) fn name_of(pod: &Pod) -> Name {
    (policy::namespace(pod).to_owned(), policy::name(pod).to_owned())
}

/// A mirror pod of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mirror {
    uid: String,
    /// Hash of what it mirrors.
    hash: String,
    /// Somebody deletes it.
    leaving: bool,
}

/// The node's mirror pods as the API has them.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// Before the first list nobody can say what is missing.
    listed: bool,
    mirrors: BTreeMap<Name, Mirror>,
    /// The Node, as owner.
    owner: Option<OwnerReference>,
}

/// What to do about a mirror pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Make it.
    Create(Box<Pod>),
    /// Remove it, by its uid.
    Delete(Name, String),
}

impl Mirrors {
    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_waiters();
    }

    /// Takes over a mirror pod as the API has it.
    pub(crate) fn apply(&self, pod: &Pod) {
        let mirror = Mirror {
            uid: policy::uid(pod).to_owned(),
            hash: annotation(pod, MIRROR).unwrap_or_default().to_owned(),
            leaving: pod.metadata.deletion_timestamp.is_some(),
        };
        self.change(|known| drop(known.mirrors.insert(name_of(pod), mirror)));
    }

    /// The API no longer has it.
    pub(crate) fn remove(&self, pod: &Pod) {
        let same = |known: &Mirror| known.uid == policy::uid(pod);
        self.change(|known| {
            if known.mirrors.get(&name_of(pod)).is_some_and(same) {
                known.mirrors.remove(&name_of(pod));
            }
        });
    }

    /// The API has these pods and no other.
    pub(crate) fn settle(&self, uids: &std::collections::BTreeSet<String>) {
        self.change(|known| {
            known.listed = true;
            known.mirrors.retain(|_, mirror| uids.contains(&mirror.uid));
        });
    }

    /// The static pods have changed.
    pub(crate) fn poke(&self) {
        self.wake.notify_waiters();
    }

    /// Who owns mirror pods from now on: the Node.
    pub(crate) fn set_owner(&self, owner: OwnerReference) {
        self.change(|known| known.owner = Some(owner));
    }

    /// The uid of the mirror of a static pod, when the API has it.
    pub(crate) fn uid_of(&self, pod: &Pod) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mirror = known.mirrors.get(&name_of(pod))?;
        (mirror.hash == policy::uid(pod) && !mirror.leaving).then(|| mirror.uid.clone())
    }

    /// Waits for a change after this call.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.wake.notified()
    }

    /// What brings the mirrors in line with the static pods. A mirror that somebody deletes goes at once and comes again.
    pub(super) fn plan(&self, pods: &[std::sync::Arc<Pod>]) -> Vec<Step> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (true, Some(owner)) = (known.listed, &known.owner) else { return Vec::new() };
        let wanted: BTreeMap<Name, &Pod> = pods.iter().map(|pod| (name_of(pod), pod.as_ref())).collect();
        let fits = |name: &Name, mirror: &Mirror| {
            !mirror.leaving && wanted.get(name).is_some_and(|pod| policy::uid(pod) == mirror.hash)
        };
        let stale = known.mirrors.iter().filter(|(name, mirror)| !fits(name, mirror));
        let mut steps: Vec<Step> = stale.map(|(name, mirror)| Step::Delete(name.clone(), mirror.uid.clone())).collect();
        let missing = wanted.iter().filter(|(name, _)| !known.mirrors.contains_key(*name));
        steps.extend(missing.map(|(_, pod)| Step::Create(Box::new(mirror_of(pod, owner)))));
        steps
    }
}

/// The mirror of a static pod.
fn mirror_of(pod: &Pod, owner: &OwnerReference) -> Pod {
    let mut mirror = pod.clone();
    let hash = annotation(pod, HASH).unwrap_or_else(|| policy::uid(pod)).to_owned();
    mirror.metadata.annotations.get_or_insert_default().insert(MIRROR.to_owned(), hash);
    mirror.metadata.owner_references = Some(vec![owner.clone()]);
    mirror.metadata.uid = None;
    mirror.metadata.creation_timestamp = None;
    mirror.status = None;
    mirror
}

impl Step {
    /// Asks the API for it. What is done already is no error.
    pub(super) async fn carry_out(&self, cluster: &dyn Cluster) -> Result<(), ClusterError> {
        match self {
            Self::Create(pod) => cluster.create_mirror(pod).await,
            Self::Delete((namespace, name), uid) => match cluster.delete_mirror(namespace, name, uid).await {
                Err(ClusterError::Gone { .. }) => Ok(()),
                other => other,
            },
        }
    }
}
