//! What nodes and pods use, asked of the nodes when somebody wants to know: what stands behind `metrics.k8s.io`.
//!
//! Nodes measure; the server keeps what they said for a moment, so that many who ask cost a node no more than one.

mod objects;
mod summary;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::facts::Phase;
use api::kind::{Kind, Scope};
use api::meta::Resource;
use api::record::Record;
use api::status::Status;
use api::view::View;
use futures::StreamExt;
use http_body_util::{BodyExt, Limited};
use seam::Moment;
use tokio::sync::Mutex;

use crate::app::App;
use crate::computed;
use crate::nodes::NodeCaller;
use crate::verbs::Ask;
use summary::Summary;

/// How long what a node said is good: a node measures every ten seconds, so that this hides little.
const FRESH: Duration = Duration::from_secs(2);
/// Longest wait for all that one node says; as metrics-server waits for a kubelet.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest answer of a node: some kilobytes for each of hundreds of pods.
const ANSWER_MAX: usize = 8 << 20;
/// Nodes that are asked at once.
const NODES_AT_ONCE: usize = 32;

/// What nodes said last, by name. Who asks while another does waits for the same answers.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<BTreeMap<Arc<str>, Kept>>);

/// What a node said, or that it said nothing that can be used.
#[derive(Clone, Debug)]
struct Kept {
    asked: Moment,
    said: Option<Arc<Summary>>,
}

/// Every object of a kind of `metrics.k8s.io`.
pub(crate) async fn view(app: &App, kind: &'static Kind) -> Result<View, Status> {
    let state = app.core.store.view();
    let summaries = app.usage.ask_all(&app.caller, &state).await;
    let now = app.core.seam.now();
    let mut view = View::new();
    for (node, summary) in &summaries {
        let of = objects::Of { kind, now, state: &state };
        let found = if kind.scope == Scope::Cluster {
            of.node(node, summary).into_iter().collect()
        } else {
            of.pods(node, summary)
        };
        for (namespace, name, object) in found {
            view.put(Arc::new(computed::record(kind, &namespace, &name, &object)?));
        }
    }
    Ok(view)
}

/// Why there is no such object, in the words of metrics-server: what is measured is not there, or not measured yet.
pub(crate) fn unknown(state: &View, ask: &Ask<'_>) -> Status {
    let (measured, is_there, name) = match ask.kind.scope {
        Scope::Cluster => ("nodemetrics", state.find("", "nodes", "", ask.name).is_some(), ask.name.to_owned()),
        Scope::Namespaced => {
            let pod = state.find("", "pods", ask.namespace, ask.name);
            ("podmetrics", pod.is_some_and(|pod| runs(pod)), format!("{}/{}", ask.namespace, ask.name))
        }
    };
    if is_there {
        Status::not_found(&Resource::new(&ask.kind.group, measured), &name)
    } else {
        Status::not_found(&Resource::new("", &ask.kind.plural), ask.name)
    }
}

/// Whether a pod is one of those that metrics-server looks at.
fn runs(pod: &Record) -> bool {
    pod.header.facts.pod().is_some_and(|facts| facts.phase == Phase::Running)
}

impl Usage {
    /// What every node says that says anything.
    async fn ask_all(&self, caller: &NodeCaller, state: &View) -> Vec<(Arc<str>, Arc<Summary>)> {
        let mut kept = self.0.lock().await;
        let now = caller.seam.moment();
        let names = state.list(&Resource::new("", "nodes"), None).map(|node| Arc::<str>::from(node.key.name()));
        let names: Vec<Arc<str>> = names.collect();
        kept.retain(|name, one| now.since(one.asked) < FRESH && names.contains(name));
        let stale: Vec<Arc<str>> = names.iter().filter(|name| !kept.contains_key(*name)).cloned().collect();
        let ask = |name: Arc<str>| async move {
            let said = caller.seam.timeout(ANSWER, ask(caller, state, &name)).await;
            let said = said.unwrap_or_else(|elapsed| Err(Status::unavailable(elapsed.to_string(), 1)));
            let said =
                said.inspect_err(|status| tracing::debug!(node = &*name, why = status.message, "no usage known"));
            (name, said.ok().map(Arc::new))
        };
        let answers: Vec<_> = futures::stream::iter(stale).map(ask).buffer_unordered(NODES_AT_ONCE).collect().await;
        let asked = caller.seam.moment();
        kept.extend(answers.into_iter().map(|(name, said)| (name, Kept { asked, said })));
        kept.iter().filter_map(|(name, one)| Some((Arc::clone(name), Arc::clone(one.said.as_ref()?)))).collect()
    }
}

/// Asks one node.
async fn ask(caller: &NodeCaller, state: &View, node: &str) -> Result<Summary, Status> {
    let unreadable = |why: String| Status::internal(format!("cannot read the usage of node \"{node}\": {why}"));
    let (parts, body) = caller.get(state, node, "/stats/summary").await?.into_parts();
    if !parts.status.is_success() {
        return Err(unreadable(parts.status.to_string()));
    }
    let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| unreadable(error.to_string()))
}
