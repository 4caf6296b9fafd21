//! Planning for a pod that should run.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use runtime::contract::{ContainerState, SandboxKind};
use seam::Timestamp;

use crate::backoff::{Backoff, later, written};
use crate::given::Given;
use crate::observed::{Attempt, Failure, Life, Observed, SandboxLife};
use crate::plan::{Plan, Step};
use crate::policy::{self, RestartPolicy, Role};

/// How often volumes are brought up to date when no change was heard of, as often as the kubelet synchronises a pod.
const VOLUMES_EVERY: Duration = Duration::from_mins(1);

/// For how long a failed pull is shown as such before its wait is shown.
const SHOW_FAILURE: Duration = Duration::from_secs(1);

/// What an attempt allows now.
enum Next<'a, T> {
    Have(&'a T),
    Begin,
    Busy,
    After(&'a Failure),
}

fn next<T>(attempt: &Attempt<T>, now: Timestamp) -> Next<'_, T> {
    match attempt {
        Attempt { done: Some(done), .. } => Next::Have(done),
        Attempt { busy: true, .. } => Next::Busy,
        Attempt { failure: Some(failure), .. } if failure.retry_at() > now => Next::After(failure),
        _ => Next::Begin,
    }
}

pub(super) fn plan(pod: &Pod, spec: &PodSpec, seen: &Observed, now: Timestamp, plan: &mut Plan) {
    let volumes = volumes(seen, now, plan);
    let sandbox = volumes && sandbox(seen, now, plan);
    let mut planner = Planner { pod, spec, seen, now, sandbox, plan, held: false };
    // Whoever looks into a pod may do so while it begins, too.
    for ephemeral in policy::ephemeral(spec) {
        planner.container(&ephemeral, Role::Ephemeral);
    }
    if planner.init() {
        for container in &spec.containers {
            planner.container(container, Role::Main);
        }
    }
}

/// Whether the volumes are there.
fn volumes(seen: &Observed, now: Timestamp, plan: &mut Plan) -> bool {
    match next(&seen.volumes, now) {
        Next::Have(&at) => {
            let refresh = later(at, VOLUMES_EVERY);
            if (refresh <= now || seen.volumes_stale) && !seen.volumes.busy {
                plan.step(Step::Volumes);
            } else {
                plan.look(refresh);
            }
            true
        }
        Next::Begin => {
            plan.step(Step::Volumes);
            false
        }
        Next::Busy => false,
        Next::After(failure) => {
            plan.look(failure.retry_at());
            false
        }
    }
}

/// Whether the sandbox is there.
fn sandbox(seen: &Observed, now: Timestamp, plan: &mut Plan) -> bool {
    match seen.sandbox {
        SandboxLife::Ready => return true,
        SandboxLife::Lost | SandboxLife::Stopped => attempt(&seen.ending, now, Step::Renew, plan),
        SandboxLife::Absent | SandboxLife::Removed => attempt(&seen.making, now, Step::Sandbox, plan),
    }
    false
}

/// Begins a step, or looks again when it may be repeated.
pub(super) fn attempt(attempt: &Attempt<()>, now: Timestamp, step: Step, plan: &mut Plan) {
    match next(attempt, now) {
        Next::Begin => plan.step(step),
        Next::After(failure) => plan.look(failure.retry_at()),
        Next::Have(()) | Next::Busy => {}
    }
}

struct Planner<'a> {
    pod: &'a Pod,
    spec: &'a PodSpec,
    seen: &'a Observed,
    now: Timestamp,
    sandbox: bool,
    plan: &'a mut Plan,
    /// A container is on its way through its `postStart` hook, and those after it are not started before.
    held: bool,
}

impl Planner<'_> {
    /// Plans the init containers; whether the others may run.
    fn init(&mut self) -> bool {
        // Once a container of the pod proper was made in this sandbox, initialisation is over for this sandbox.
        let over = self.spec.containers.iter().any(|container| self.seen.life(&container.name).current.is_some());
        for init in policy::init(self.spec) {
            let life = self.seen.life(&init.name);
            match Role::of_init(init) {
                Role::Sidecar => {
                    self.container(init, Role::Sidecar);
                    if !over && !started(init, &life) {
                        return false;
                    }
                }
                role => {
                    if !over && life.exit().is_none_or(|exit| exit.code != 0) {
                        self.container(init, role);
                        return false;
                    }
                }
            }
        }
        true
    }

    fn container(&mut self, container: &Container, role: Role) {
        let life = self.seen.life(&container.name);
        self.next(container, role, &life);
        // The kubelet starts the containers of a pod one after another and waits for each hook, and pods rely on it.
        let hooked = container.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.post_start.is_some());
        let first = life.current.is_none() && life.making.failure.is_none() && life.image.failure.is_none();
        self.held |= hooked && (life.hooking || first);
    }

    fn next(&mut self, container: &Container, role: Role, life: &Life) {
        let Some(current) = &life.current else { return self.begin(container, life) };
        match &current.state {
            ContainerState::Created if life.making.busy => {}
            ContainerState::Created => {
                self.plan.step(Step::Resume { container: container.name.clone(), id: current.id.clone() });
            }
            ContainerState::Running { .. } if life.asked.is_some() && life.asked != container.image => {
                self.change(container, life);
            }
            ContainerState::Running { .. } => {
                self.probe(container, role, life);
                self.resize(container, life);
            }
            ContainerState::Exited(exit) => {
                if !life.replaced && !policy::restarts(self.spec, role, container, exit.code) {
                    return;
                }
                let due = Backoff::due(life.restarts, crate::observed::moment(exit.finished_at));
                if due <= self.now {
                    return self.begin(container, life);
                }
                self.plan.look(due);
                let delay = written(life.restarts.map(Backoff::delay).unwrap_or_default());
                let message = format!(
                    "back-off {delay} restarting failed container={} pod={}",
                    container.name,
                    policy::full_name(self.pod)
                );
                self.plan.wait(&container.name, "CrashLoopBackOff", message);
            }
        }
    }

    /// Stops a container whose image was changed in the specification, so that another takes its place.
    fn change(&mut self, container: &Container, life: &Life) {
        let (Some(current), None) = (&life.current, life.stopping) else { return };
        self.plan.step(Step::Stop {
            container: container.name.clone(),
            id: current.id.clone(),
            grace: policy::grace(self.spec),
            why: format!("Container {} definition changed, will be restarted", container.name),
            replaced: true,
            hooked: false,
        });
    }

    /// Stops a container whose probe has failed for good; its restart follows from its end.
    fn probe(&mut self, container: &Container, role: Role, life: &Life) {
        let (Some(probe), Some(current), None) = (life.probed.failed, &life.current, life.stopping) else { return };
        let own = match probe {
            "startup" => &container.startup_probe,
            _ => &container.liveness_probe,
        };
        let own = own.as_ref().and_then(|probe| probe.termination_grace_period_seconds);
        let grace = own.map_or_else(|| policy::grace(self.spec), policy::seconds);
        let name = &container.name;
        let restarted = policy::of_pod(self.spec) != RestartPolicy::Never;
        let why = match role {
            Role::Sidecar => format!("Init container {name} failed {probe} probe"),
            _ if restarted => format!("Container {name} failed {probe} probe, will be restarted"),
            _ => format!("Container {name} failed {probe} probe"),
        };
        let (container, id) = (name.clone(), current.id.clone());
        self.plan.step(Step::Stop { container, id, grace, why, replaced: false, hooked: false });
    }

    /// Gives a running container what it asks for now, or restarts it where it wants that (`resizePolicy`).
    fn resize(&mut self, container: &Container, life: &Life) {
        let asked = Given::asked(container);
        let (Some(current), None) = (&life.current, life.stopping) else { return };
        let restarts = |resource: &str| {
            let policies = container.resize_policy.iter().flatten();
            policies.clone().any(|p| p.resource_name == resource && p.restart_policy == "RestartContainer")
        };
        // The linear memory of a Wasm container was bounded when it was made, so it is made anew where it may be.
        let bounded = current.kind == SandboxKind::Wasm && asked.limit("memory") != life.given.limit("memory");
        let renewed = bounded && policy::of_pod(self.spec) != RestartPolicy::Never;
        if renewed || asked.changed(&life.given).any(restarts) {
            let grace = policy::grace(self.spec);
            let why = format!("Container {} resize requires restart", container.name);
            return self.plan.step(Step::Stop {
                container: container.name.clone(),
                id: current.id.clone(),
                grace,
                why,
                replaced: true,
                hooked: false,
            });
        }
        if asked != life.given {
            self.resize_step(container, current, life);
        }
    }

    fn resize_step(&mut self, container: &Container, current: &runtime::contract::Container, life: &Life) {
        match next(&life.resizing, self.now) {
            Next::Begin | Next::Have(()) => {
                self.plan.step(Step::Resize { container: container.name.clone(), id: current.id.clone() });
            }
            Next::After(failure) => self.plan.look(failure.retry_at()),
            Next::Busy => {}
        }
    }

    /// Plans the next attempt: its image, then the container itself.
    fn begin(&mut self, container: &Container, life: &Life) {
        let name = &container.name;
        if life.making.busy {
            return self.waiting_for(name, life.making.failure.as_ref());
        }
        if let Next::After(failure) = next(&life.making, self.now) {
            self.plan.look(failure.retry_at());
            return self.waiting_for(name, Some(failure));
        }
        match next(&life.image, self.now) {
            Next::Begin => {
                self.plan.step(Step::Image { container: name.clone() });
                self.image_waits(container, life.image.failure.as_ref());
            }
            Next::Busy => self.image_waits(container, life.image.failure.as_ref()),
            Next::After(failure) => {
                self.plan.look(failure.retry_at());
                self.image_waits(container, Some(failure));
            }
            Next::Have(_) if self.sandbox && !self.held => {
                // A failure is shown until the next attempt has ended, so that nobody who looks finds it gone meanwhile.
                self.waiting_for(name, life.making.failure.as_ref());
                let attempt = attempt_of(self.pod, name, life);
                self.plan.step(Step::Start { container: name.clone(), attempt });
            }
            Next::Have(_) => {}
        }
    }

    fn waiting_for(&mut self, name: &str, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            self.plan.wait(name, &failure.reason, failure.message.clone());
        }
    }

    /// A pull that has just failed is shown as it failed, then as a wait, as `kubectl get pods` users know it.
    fn image_waits(&mut self, container: &Container, failure: Option<&Failure>) {
        let Some(failure) = failure else { return };
        let shown_until = later(failure.at, SHOW_FAILURE);
        let pulled = failure.reason == "ErrImagePull" || failure.reason == "RegistryUnavailable";
        if !pulled || self.now < shown_until {
            if pulled {
                self.plan.look(shown_until);
            }
            return self.plan.wait(&container.name, &failure.reason, failure.message.clone());
        }
        let image = container.image.as_deref().unwrap_or_default();
        let message = format!("Back-off pulling image \"{image}\": {}: {}", failure.reason, failure.message);
        self.plan.wait(&container.name, "ImagePullBackOff", message);
    }
}

/// Whether a sidecar lets the next init container begin.
fn started(init: &Container, life: &Life) -> bool {
    life.running() && !life.hooking && (init.startup_probe.is_none() || life.probed.started)
}

/// The number of the next attempt. The API remembers it when the node has forgotten, after a reboot.
fn attempt_of(pod: &Pod, name: &str, life: &Life) -> u32 {
    if let Some(before) = life.current.as_ref().or(life.last.as_ref()) {
        return before.attempt.saturating_add(1);
    }
    let Some(status) = &pod.status else { return 0 };
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    let mut all = lists.into_iter().flatten().flatten();
    let made = all.find(|status| status.name == name && status.container_id.is_some());
    made.map_or(0, |status| u32::try_from(status.restart_count).unwrap_or(0).saturating_add(1))
}
