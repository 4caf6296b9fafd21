//! Pods of the bench, and when a watch says what of them.

use std::collections::BTreeSet;
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

    /// Creates pods at once; returns the time from the first request to the event that shows the last one in that state.
    pub(crate) async fn create_all(&mut self, pods: &[serde_json::Value], state: State) -> anyhow::Result<Duration> {
        let pods: Vec<Pod> = pods.iter().cloned().map(serde_json::from_value).collect::<Result<_, _>>()?;
        let mut left: BTreeSet<String> = pods.iter().map(ResourceExt::name_any).collect();
        let (api, parameters) = (self.api.clone(), PostParams::default());
        let begun = Instant::now();
        futures::future::try_join_all(pods.iter().map(|pod| api.create(&parameters, pod)))
            .await
            .context("cannot create pods at once")?;
        let what = format!("{} pods are {state:?}", pods.len());
        let last = |event: &Event<Pod>| {
            if let Event::Apply(pod) | Event::InitApply(pod) = event
                && state.holds(pod)
            {
                left.remove(&pod.name_any());
            }
            left.is_empty()
        };
        self.until(&what, last).await?;
        Ok(begun.elapsed())
    }

    /// Deletes pods at once, and waits until all are gone.
    pub(crate) async fn delete_all(&mut self, names: &[String]) -> anyhow::Result<()> {
        let (api, parameters) = (self.api.clone(), DeleteParams::default());
        futures::future::try_join_all(names.iter().map(|name| api.delete(name, &parameters)))
            .await
            .context("cannot delete pods at once")?;
        let mut left: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let last = |event: &Event<Pod>| {
            if let Event::Delete(pod) = event {
                left.remove(pod.name_any().as_str());
            }
            left.is_empty()
        };
        self.until("all pods are gone", last).await
    }

    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Event<Pod>) -> bool) -> anyhow::Result<()> {
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
