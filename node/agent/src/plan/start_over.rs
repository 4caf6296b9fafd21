//! Planning for a pod whose containers all begin again because one of them ended so (`RestartAllContainers`, KEP-5532).

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use seam::Timestamp;

use crate::backoff::{Backoff, written};
use crate::observed::{Observed, moment};
use crate::plan::{Plan, Step};
use crate::policy;

/// The container whose end asks for it, when there is one.
pub(crate) fn trigger<'a>(spec: &'a PodSpec, seen: &Observed) -> Option<&'a Container> {
    policy::init(spec).iter().chain(&spec.containers).find(|container| {
        seen.containers
            .get(&container.name)
            .and_then(|life| life.exit())
            .is_some_and(|exit| policy::restarts_all(container, exit.code))
    })
}

/// Stops what still runs, without its `preStop` hooks, and then begins again with the first init container. Whether it plans.
pub(super) fn plan(pod: &Pod, spec: &PodSpec, seen: &Observed, now: Timestamp, plan: &mut Plan) -> bool {
    let Some(trigger) = trigger(spec, seen) else { return false };
    let mut alive = false;
    for container in policy::init(spec).iter().chain(&spec.containers) {
        let life = seen.life(&container.name);
        alive |= life.alive();
        if let (Some(current), None, true) = (&life.current, life.stopping, life.running()) {
            plan.step(Step::Stop {
                container: container.name.clone(),
                id: current.id.clone(),
                grace: policy::grace(spec),
                why: format!("Stopping container {}", container.name),
                replaced: true,
                hooked: true,
            });
        }
    }
    let life = seen.life(&trigger.name);
    let Some(exit) = life.exit().filter(|_| !alive) else { return true };
    let due = Backoff::due(life.restarts, moment(exit.finished_at));
    if due <= now {
        plan.step(Step::StartOver { because: trigger.name.clone() });
        // The next plan follows from what this changes.
        plan.look(now);
        return true;
    }
    plan.look(due);
    let delay = written(life.restarts.map(Backoff::delay).unwrap_or_default());
    let (name, pod) = (&trigger.name, policy::full_name(pod));
    plan.wait(name, "CrashLoopBackOff", format!("back-off {delay} restarting failed container={name} pod={pod}"));
    true
}
