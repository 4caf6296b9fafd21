//! Measures now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use runtime::contract::{self, ContainerId, ContainerState, Sandbox, Usage};
use seam::{Moment, Timestamp};

use super::Usages;
use super::board::{Board, Container, Measured, Node, Pod};
use super::{machine, network};
use crate::context::Context;
use crate::pods::Pods;
use crate::policy;

/// How often everything is measured, as often as the kubelet does.
const EVERY: Duration = Duration::from_secs(10);

/// Measures, for ever.
pub(crate) async fn watch(context: Arc<Context>, pods: Arc<Pods>, usages: Arc<Usages>) {
    loop {
        let sampler = Sampler { context: &context, before: &usages.latest(), time: context.seam.now() };
        let board = sampler.measure(&pods).await;
        usages.replace(board);
        context.seam.sleep(EVERY).await;
    }
}

/// One round.
struct Sampler<'a> {
    context: &'a Context,
    before: &'a Board,
    time: Timestamp,
}

impl Sampler<'_> {
    async fn measure(&self, pods: &Pods) -> Board {
        let mut board = Board { node: self.node(), ..Board::default() };
        let running = self.context.runtime.list_containers().await;
        let sandboxes = self.context.runtime.list_pod_sandboxes().await;
        let (Ok(running), Ok(sandboxes)) = (running, sandboxes) else {
            board.failures = 1;
            return board;
        };
        let containers: BTreeMap<ContainerId, contract::Container> =
            running.into_iter().map(|one| (one.id.clone(), one)).collect();
        let mut ready: BTreeMap<&str, &Sandbox> =
            sandboxes.iter().filter(|one| one.ready).map(|one| (&*one.config.id.0, one)).collect();
        for seat in pods.all() {
            let pod = seat.pod();
            let Some(sandbox) = ready.remove(policy::uid(&pod)) else { continue };
            match self.pod(&pod, sandbox, &containers).await {
                Ok(measured) => drop(board.pods.insert(policy::uid(&pod).to_owned(), measured)),
                Err(error) => {
                    tracing::debug!(pod = policy::name(&pod), %error, "a pod's use of resources was not read");
                    board.failures += 1;
                }
            }
        }
        board
    }

    fn measured(&self, usage: Usage, before: Option<&Measured>, started: Option<Timestamp>) -> Measured {
        let now = Measured { time: self.time, moment: self.moment(), usage, rate: None };
        now.after(before, started.and_then(|started| Duration::try_from(self.context.seam.now() - started).ok()))
    }

    fn moment(&self) -> Moment {
        self.context.seam.moment()
    }

    fn node(&self) -> Option<Node> {
        let machine = machine::read();
        let machine =
            machine.inspect_err(|error| tracing::warn!(%error, "the node's use of resources was not read")).ok()?;
        let before = self.before.node.as_ref().map(|node| &node.measured);
        Some(Node {
            name: self.context.facts.name.clone(),
            booted: machine.booted(),
            measured: self.measured(machine.usage, before, None),
            available: machine.available,
            disk: machine::disk(&self.context.dir),
        })
    }

    async fn pod(
        &self,
        pod: &k8s_openapi::api::core::v1::Pod,
        sandbox: &Sandbox,
        known: &BTreeMap<ContainerId, contract::Container>,
    ) -> contract::Result<Pod> {
        let usage = self.context.runtime.usage(&sandbox.config.id).await?;
        let before = self.before.pods.get(policy::uid(pod));
        let containers = usage.containers.into_iter().map(|one| {
            let known = known.get(&one.id);
            let started = known.and_then(started);
            let before = before.and_then(|pod| pod.containers.get(&*one.id.0)).map(|container| &container.measured);
            let measured = self.measured(one.usage, before, started);
            let image = known.map(|known| known.image.clone()).unwrap_or_default();
            (one.id.0.to_string(), Container { name: one.name, image, started, measured })
        });
        let own_network = pod.spec.as_ref().is_none_or(|spec| spec.host_network != Some(true));
        let started = Timestamp::from_nanosecond(sandbox.created_at.into()).ok();
        Ok(Pod {
            namespace: policy::namespace(pod).to_owned(),
            name: policy::name(pod).to_owned(),
            started,
            containers: containers.collect(),
            measured: self.measured(usage.total, before.map(|pod| &pod.measured), started),
            interfaces: if own_network { network::of_process(sandbox.shim) } else { Vec::new() },
        })
    }
}

/// When a container started.
fn started(container: &contract::Container) -> Option<Timestamp> {
    let ContainerState::Running { started_at, .. } = container.state else { return None };
    Timestamp::from_nanosecond(started_at.into()).ok()
}
