//! Planning for a pod that should not run, or no longer.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use seam::Timestamp;

use crate::backoff::later;
use crate::observed::{Farewell, Observed, SandboxLife};
use crate::plan::run::attempt;
use crate::plan::{Plan, Step};
use crate::policy;
use crate::verdict::Verdict;

/// The least grace of a pod, for pods deleted by force too, as the kubelet has it.
const GRACE_MIN: Duration = Duration::from_secs(1);

/// A stop that is under way is shortened only when that saves at least this much.
const SHORTEN_BY: Duration = Duration::from_secs(1);

pub(super) fn plan(spec: &PodSpec, seen: &Observed, verdict: &Verdict, now: Timestamp, plan: &mut Plan) {
    let grace = grace(spec, verdict, now);
    if stop_containers(spec, seen, grace, now, plan) {
        return;
    }
    // What is still being made is waited for, so that nothing appears after everything was removed.
    let busy = seen.making.busy || seen.volumes.busy || seen.containers.values().any(|life| life.making.busy);
    if busy || seen.ending.busy {
        return;
    }
    let leaves_records = matches!(verdict, Verdict::Finished(_) | Verdict::Failed { .. });
    match seen.sandbox {
        SandboxLife::Removed if matches!(verdict, Verdict::Deleted(_)) => plan.step(Step::ConfirmDeletion),
        SandboxLife::Removed if *verdict == Verdict::Gone => plan.step(Step::Forget),
        SandboxLife::Removed => {}
        SandboxLife::Stopped | SandboxLife::Absent if leaves_records => {}
        SandboxLife::Ready | SandboxLife::Lost if leaves_records => attempt(&seen.ending, now, Step::Retire, plan),
        SandboxLife::Absent | SandboxLife::Ready | SandboxLife::Lost | SandboxLife::Stopped => {
            attempt(&seen.ending, now, Step::Remove, plan);
        }
    }
}

/// How long containers have from now.
fn grace(spec: &PodSpec, verdict: &Verdict, now: Timestamp) -> Duration {
    let full = policy::grace(spec);
    let left = match verdict {
        // The API has added the grace period to the time of the request: an agent that restarts does not begin it anew.
        Verdict::Deleted(until) => Duration::try_from(until.duration_since(now)).unwrap_or_default(),
        Verdict::Gone => GRACE_MIN,
        Verdict::Failed { grace: Some(most), .. } => full.min(*most),
        Verdict::Run | Verdict::Finished(_) | Verdict::Failed { .. } => full,
    };
    left.max(GRACE_MIN)
}

/// Stops what runs, sidecars only after everything else and in reverse order (KEP-753); their hooks are run at once, as the
/// kubelet runs them. Whether anything still runs.
fn stop_containers(spec: &PodSpec, seen: &Observed, grace: Duration, now: Timestamp, plan: &mut Plan) -> bool {
    let (sidecars, init): (Vec<_>, Vec<_>) = policy::init(spec).iter().partition(|init| policy::is_sidecar(init));
    let mut running = false;
    let first = spec.containers.iter().chain(init).map(|container| &container.name);
    let looking = spec.ephemeral_containers.iter().flatten().map(|container| &container.name);
    for name in first.chain(looking) {
        running |= stop(name, seen, grace, now, plan);
    }
    for sidecar in sidecars.iter().rev() {
        if running {
            farewell(sidecar, seen, grace, plan);
        }
        running = running || stop(&sidecar.name, seen, grace, now, plan);
    }
    running
}

fn farewell(sidecar: &Container, seen: &Observed, grace: Duration, plan: &mut Plan) {
    let life = seen.life(&sidecar.name);
    let Some(current) = life.current.as_ref().filter(|_| life.running() && life.stopping.is_none()) else { return };
    let hook = sidecar.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    if hook.is_some() && life.farewell == Farewell::Unsaid {
        plan.step(Step::Farewell { container: sidecar.name.clone(), id: current.id.clone(), grace });
    }
}

fn stop(name: &str, seen: &Observed, grace: Duration, now: Timestamp, plan: &mut Plan) -> bool {
    let life = seen.life(name);
    let Some(current) = life.current.as_ref().filter(|_| life.running()) else { return false };
    let until = later(now, grace);
    let due = life.stopping.is_none_or(|before| later(until, SHORTEN_BY) < before);
    // Its hook may take what is left of the grace, also when a second deletion leaves less of it.
    let waits = life.farewell == Farewell::Underway && grace > GRACE_MIN;
    if waits {
        plan.look(later(now, grace.saturating_sub(GRACE_MIN)));
    } else if due {
        let why = format!("Stopping container {name}");
        let hooked = life.farewell != Farewell::Unsaid;
        let (container, id) = (name.to_owned(), current.id.clone());
        plan.step(Step::Stop { container, id, grace, why, replaced: false, hooked });
    }
    true
}
