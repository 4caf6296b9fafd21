//! Pods of the bench, and when a watch says what of them.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt};
use serde_json::json;

/// Longest wait for one pod. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A kind of container with an image for it.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// For people, and for names of pods.
    pub(crate) name: &'static str,
    container: serde_json::Value,
}

impl Kind {
    /// A component that serves HTTP.
    pub(crate) fn wasm(image: &str) -> Self {
        Self {
            name: "wasm",
            container: json!({ "name": "main", "image": image, "ports": [{ "containerPort": 8080 }] }),
        }
    }

    /// A shell that waits until it is asked to end.
    pub(crate) fn linux(image: &str) -> Self {
        let script = "trap 'exit 0' TERM; sleep 100000 & wait";
        Self { name: "linux", container: json!({ "name": "main", "image": image, "args": ["sh", "-c", script] }) }
    }

    /// A pod of one such container, without probes: it is Ready as soon as it runs.
    pub(crate) fn pod(&self, name: &str) -> serde_json::Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": { "restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [self.container] },
        })
    }
}

/// What a pod is waited for to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its phase is Running.
    Running,
    /// Its condition Ready is True.
    Ready,
}

impl State {
    fn holds(self, pod: &Pod) -> bool {
        let Some(status) = &pod.status else { return false };
        match self {
            Self::Running => status.phase.as_deref() == Some("Running"),
            Self::Ready => {
                let conditions = status.conditions.as_deref().unwrap_or_default();
                conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
            }
        }
    }
}

/// The pods of namespace `default`, followed by a watch.
pub(crate) struct Pods {
    api: Api<Pod>,
    events: Pin<Box<dyn Stream<Item = watcher::Result<Event<Pod>>>>>,
}

impl Pods {
    /// Begins to follow.
    pub(crate) async fn of(client: &Client) -> anyhow::Result<Self> {
        let api: Api<Pod> = Api::namespaced(client.clone(), "default");
        let events = Box::pin(watcher::watcher(api.clone(), watcher::Config::default()));
        let mut pods = Self { api, events };
        pods.until("the first list", |event| matches!(event, Event::InitDone)).await?;
        Ok(pods)
    }

    /// Creates a pod; returns the time from the request to the event that shows it in that state.
    pub(crate) async fn create(&mut self, pod: &serde_json::Value, state: State) -> anyhow::Result<Duration> {
        let pod: Pod = serde_json::from_value(pod.clone())?;
        let name = pod.name_any();
        let begun = Instant::now();
        self.api.create(&PostParams::default(), &pod).await.with_context(|| format!("cannot create pod {name}"))?;
        let reached = |event: &Event<Pod>| {
            let (Event::Apply(pod) | Event::InitApply(pod)) = event else { return false };
            pod.name_any() == name && state.holds(pod)
        };
        self.until(&format!("pod {name} is {state:?}"), reached).await?;
        Ok(begun.elapsed())
    }

    /// Deletes a pod with its own grace, and waits until it is gone.
    pub(crate) async fn delete(&mut self, name: &str) -> anyhow::Result<()> {
        let deleted = self.api.delete(name, &DeleteParams::default()).await;
        deleted.with_context(|| format!("cannot delete pod {name}"))?;
        let gone = |event: &Event<Pod>| matches!(event, Event::Delete(pod) if pod.name_any() == name);
        self.until(&format!("pod {name} is gone"), gone).await
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Event<Pod>) -> bool) -> anyhow::Result<()> {
        let look = async {
            while let Some(event) = self.events.next().await {
                if wanted(&event?) {
                    return Ok(());
                }
            }
            anyhow::bail!("the watch ended before: {what}")
        };
        tokio::time::timeout(LIMIT, look).await.with_context(|| format!("not within {LIMIT:?}: {what}"))?
    }
}
