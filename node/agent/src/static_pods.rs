//! Static pods: those that the node runs because a file or an address says so, with or without a control plane. The API shows
//! each as a mirror pod, which only reflects it.

mod folder;
mod manifest;
mod mirror;
mod url;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use seam::{Seam, Task};

pub(crate) use self::manifest::{is_mirror, is_static};
pub(crate) use self::mirror::Mirrors;
use crate::cluster::Cluster;
use crate::pods::Pods;
use crate::policy;

/// How often the folder is looked at. A look reads names, times and lengths alone when nothing changed.
const LOOK: Duration = Duration::from_secs(1);
/// How often the address is asked, as by the kubelet.
const ASK: Duration = Duration::from_secs(20);
/// Wait before a mirror pod that could not be made or removed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Where static pods come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticPods {
    /// A folder of manifests, one pod a file; names that begin with a dot are passed over.
    pub folder: Option<PathBuf>,
    /// An address that answers with a pod or a list of pods, in YAML or JSON.
    pub url: Option<String>,
}

/// A source that is looked at again and again.
struct Source<R> {
    read: R,
    every: Duration,
    /// What it last said; none before it could be read for the first time.
    said: Option<Vec<Pod>>,
}

/// Reads the sources, at first and for ever, and keeps the node's pods and their mirrors as they say.
pub(crate) struct Keeper {
    pods: Arc<Pods>,
    folder: Option<Source<folder::Folder>>,
    url: Option<Source<url::Url>>,
    /// What waits for another pod of its name to end.
    wanted: BTreeMap<String, Pod>,
}

impl Keeper {
    /// A keeper that has read the folder once, so that nothing that it names is taken for an orphan. An address may be away for
    /// long; what runs of it is left alone until it answers.
    pub(crate) async fn new(sources: StaticPods, pods: Arc<Pods>, node: &str) -> Self {
        let folder = sources.folder.map(|path| folder::Folder::new(path, node));
        let url = sources.url.map(|address| url::Url::new(address, node));
        let mut keeper = Self {
            pods,
            folder: folder.map(|read| Source { read, every: LOOK, said: None }),
            url: url.map(|read| Source { read, every: ASK, said: None }),
            wanted: BTreeMap::new(),
        };
        keeper.look().await;
        keeper
    }

    /// Starts looking, and mirroring.
    pub(crate) fn start(mut self, seam: &Seam, cluster: Arc<dyn Cluster>) -> Vec<Task> {
        let (own, pods) = (seam.clone(), Arc::clone(&self.pods));
        let looking = seam.spawn("static pods", async move {
            let mut asked = own.moment();
            loop {
                own.sleep(LOOK).await;
                if self.url.as_ref().is_some_and(|url| own.moment().since(asked) >= url.every) {
                    self.ask().await;
                    asked = own.moment();
                }
                if self.folder.is_some() || !self.wanted.is_empty() {
                    self.look().await;
                }
            }
        });
        let own = seam.clone();
        let mirroring = seam.spawn("mirror pods", async move { mirror(&own, &pods, cluster.as_ref()).await });
        vec![looking, mirroring]
    }
}

impl Keeper {
    async fn look(&mut self) {
        if let Some(folder) = &mut self.folder {
            folder.said = Some(folder.read.look());
        }
        if self.url.as_ref().is_some_and(|url| url.said.is_none()) {
            self.ask().await;
        }
        self.settle();
    }

    async fn ask(&mut self) {
        if let Some(url) = &mut self.url
            && let Some(said) = url.read.ask(self.pods.seam()).await
        {
            url.said = Some(said);
        }
        self.settle();
    }

    /// Makes the node's static pods those that the sources name.
    fn settle(&mut self) {
        let folder = self.folder.as_ref().map(|folder| folder.said.as_deref());
        let url = self.url.as_ref().map(|url| url.said.as_deref());
        let all_read = folder.is_none_or(|said| said.is_some()) && url.is_none_or(|said| said.is_some());
        let said = [folder, url].into_iter().flatten().flatten().flatten();
        self.wanted = said.map(|pod| (policy::uid(pod).to_owned(), pod.clone())).collect();
        self.pods.set_static(&mut self.wanted, all_read);
    }
}

/// Keeps the mirror pods as the static pods are, for ever.
async fn mirror(seam: &Seam, pods: &Pods, cluster: &dyn Cluster) {
    loop {
        let mirrors = pods.mirrors();
        let changed = mirrors.changed();
        let mut all_done = true;
        for step in mirrors.plan(&pods.static_pods()) {
            if let Err(error) = step.carry_out(cluster).await {
                tracing::debug!(%error, "mirror pods will be tried again");
                all_done = false;
            }
        }
        if all_done {
            changed.await;
        } else {
            seam.sleep(RETRY).await;
        }
    }
}
