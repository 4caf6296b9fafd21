//! Tells the API about one pod: the latest status, however long the server was away, and at last that the pod is gone.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use seam::Seam;
use tokio::sync::watch;

use crate::cluster::{Cluster, ClusterError};

/// Wait after the first failed write; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// What the API should know.
#[derive(Clone, Debug, Default)]
struct Wanted {
    pod: Arc<Pod>,
    status: Option<PodStatus>,
    deleted: bool,
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
            let news = wanted.status.as_ref() != Some(&status);
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
    let mut wait = RETRY_FIRST;
    loop {
        let wanted = changes.borrow_and_update().clone();
        if known.is_none() {
            known.clone_from(&wanted.pod.status);
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
