//! Tells the API about one pod: the latest status, however long the server was away, and at last that the pod is gone.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use seam::Seam;
use tokio::sync::watch;

use crate::cluster::{Cluster, ClusterError};

/// Wait after the first failed write; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// For how long a pod that is only being set up keeps that to itself. Most pods run before it is over, and each write that
/// they save is a commit of the control plane that the news "Running" would have waited for.
const SET_UP_UNTOLD: Duration = Duration::from_millis(60);

/// What the API should know.
#[derive(Clone, Debug, Default)]
struct Wanted {
    pod: Arc<Pod>,
    status: Option<PodStatus>,
    deleted: bool,
}

impl Wanted {
    /// Whether nobody misses this for a moment: the pod is being set up, and nothing has gone wrong.
    fn can_wait(&self) -> bool {
        let Some(status) = self.status.as_ref().filter(|_| !self.deleted) else { return false };
        let of = |list: &Option<Vec<ContainerStatus>>| list.iter().flatten().all(is_being_set_up);
        status.phase.as_deref() == Some("Pending")
            && of(&status.container_statuses)
            && of(&status.init_container_statuses)
    }
}

fn is_being_set_up(status: &ContainerStatus) -> bool {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
    matches!(reason, Some("ContainerCreating" | "PodInitializing")) && waiting.is_some_and(|w| w.message.is_none())
}

/// The writer of one pod's status. Only the latest status is kept, so a slow server never holds up the pod. When this goes,
/// the writer ends after the answer that it waits for: a request that is cut off would cost a connection.
#[derive(Debug)]
pub(crate) struct Reporter {
    wanted: watch::Sender<Wanted>,
}

impl Reporter {
    /// Starts the writer.
    pub(crate) fn start(seam: &Seam, cluster: Arc<dyn Cluster>) -> Self {
        let (wanted, changes) = watch::channel(Wanted::default());
        drop(seam.spawn("pod status", write(seam.clone(), cluster, changes)));
        Self { wanted }
    }

    /// Wants the API to know this status.
    pub(crate) fn status(&self, pod: &Arc<Pod>, status: PodStatus) {
        self.wanted.send_if_modified(|wanted| {
            let other = wanted.pod.metadata.uid != pod.metadata.uid;
            let news = other || wanted.status.as_ref() != Some(&status);
            wanted.pod = Arc::clone(pod);
            wanted.status = Some(status);
            news
        });
    }

    /// Wants the API to forget the pod, after it knows its last status.
    pub(crate) fn deleted(&self, pod: &Arc<Pod>) {
        self.wanted.send_modify(|wanted| {
            wanted.pod = Arc::clone(pod);
            wanted.deleted = true;
        });
    }
}

async fn write(seam: Seam, cluster: Arc<dyn Cluster>, mut changes: watch::Receiver<Wanted>) {
    let mut known: Option<PodStatus> = None;
    let mut told: Option<String> = None;
    let mut wait = RETRY_FIRST;
    let begun = seam.moment();
    loop {
        let wanted = changes.borrow_and_update().clone();
        if known.is_none() || told != wanted.pod.metadata.uid {
            known.clone_from(&wanted.pod.status);
            told.clone_from(&wanted.pod.metadata.uid);
        }
        let left = SET_UP_UNTOLD.saturating_sub(seam.moment().since(begun));
        if wanted.can_wait() && !left.is_zero() {
            tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                () = seam.sleep(left) => {}
            }
        }
        match bring_up(cluster.as_ref(), &wanted, &mut known).await {
            // The API has forgotten the pod: there is nothing more to tell.
            Ok(()) if wanted.deleted => return,
            Ok(()) => {
                wait = RETRY_FIRST;
                if changes.changed().await.is_err() {
                    return;
                }
            }
            Err(ClusterError::Gone { .. }) if !wanted.deleted => {
                // The watch will say so too; until then there is nobody to tell.
                if changes.changed().await.is_err() {
                    return;
                }
            }
            Err(ClusterError::Gone { .. }) => return,
            // Nobody wants anything any more.
            Err(ClusterError::Failed { .. }) if changes.has_changed().is_err() => return,
            Err(error @ ClusterError::Failed { .. }) => {
                tracing::warn!(%error, ?wait, "will tell again");
                seam.sleep(wait).await;
                wait = (wait * 2).min(RETRY_LONGEST);
            }
        }
    }
}

async fn bring_up(cluster: &dyn Cluster, wanted: &Wanted, known: &mut Option<PodStatus>) -> Result<(), ClusterError> {
    if let Some(status) = wanted.status.as_ref().filter(|status| known.as_ref() != Some(status)) {
        cluster.report(&wanted.pod, status).await?;
        *known = Some(status.clone());
    }
    if wanted.deleted { cluster.confirm_deletion(&wanted.pod).await } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use seam::sim::Simulation;
    use serde_json::json;

    use super::*;
    use crate::fake::{FakeCluster, lock};

    /// The phases that the API is told when a pod comes to these states, so many milliseconds apart.
    fn told(states: &[(u64, &str, &str)]) -> Vec<String> {
        let world = Simulation::new(1);
        let (seam, cluster) = (world.seam(), Arc::new(FakeCluster::default()));
        let story = async {
            let reporter = Reporter::start(&seam, Arc::clone(&cluster) as _);
            for (after, phase, reason) in states {
                seam.sleep(Duration::from_millis(*after)).await;
                let state =
                    if reason.is_empty() { json!({"running": {}}) } else { json!({"waiting": {"reason": reason}}) };
                let container =
                    json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
                let status = json!({"phase": phase, "containerStatuses": [container]});
                reporter.status(&Arc::default(), serde_json::from_value(status).unwrap());
            }
            seam.sleep(Duration::from_secs(1)).await;
        };
        world.run(story).unwrap();
        lock(&cluster.phases).clone()
    }

    #[test]
    fn a_pod_that_soon_runs_is_told_once() {
        assert_eq!(told(&[(0, "Pending", "ContainerCreating"), (40, "Running", "")]), ["Running"]);
    }

    #[test]
    fn a_pod_that_is_long_in_coming_is_told_on_the_way() {
        assert_eq!(told(&[(0, "Pending", "ContainerCreating"), (90, "Running", "")]), ["Pending", "Running"]);
    }

    #[test]
    fn what_went_wrong_is_told_at_once() {
        let states = [(0, "Pending", "ContainerCreating"), (1, "Pending", "ErrImagePull"), (1, "Running", "")];
        assert_eq!(told(&states), ["Pending", "Running"]);
    }
}
