//! One task per pod: look, plan, begin what the plan says, tell the API, wait for something to happen.

mod resizing;
mod taking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use k8s_openapi::api::core::v1::{Container as Spec, Pod, PodStatus};
use runtime::contract::{Container, ContainerState, Sandbox};
use seam::Task;

use crate::backoff::{Backoff, Pace};
use crate::carry::{Carrier, Done};
use crate::cluster::is_own;
use crate::context::Context;
use crate::events::Weight;
use crate::given::Given;
use crate::observed::{Attempt, Farewell, Life, Observed, SandboxLife, moment};
use crate::plan::{self, Plan, Step, Waiting};
use crate::policy;
use crate::probes::{self, Purpose};
use crate::reporter::Reporter;
use crate::seat::{LogFiles, News, ProbeNews, Seat};
use crate::static_pods::is_static;
use crate::status::{self, Facts};
use crate::verdict::{self, Verdict};
use crate::worker::resizing::Sized;

/// Most of a container's log that becomes its termination message, in bytes (`FallbackToLogsOnError` in the API reference).
const MESSAGE_MAX: usize = 2048;

/// What the runtime already has of a pod when its worker begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Adopted {
    /// Its sandbox.
    pub sandbox: Option<Sandbox>,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// See the module.
pub(crate) struct Worker {
    context: Arc<Context>,
    seat: Arc<Seat>,
    seen: Observed,
    reporter: Reporter,
    told: Option<PodStatus>,
    waiting: BTreeMap<String, Waiting>,
    /// Why the node ends the pod, once it was told.
    failed: Option<&'static str>,
    probes: BTreeMap<String, Vec<(Purpose, Task)>>,
    jobs: FuturesUnordered<BoxFuture<'static, Done>>,
    sized: Sized,
}

impl Worker {
    /// A worker that takes up what runs already.
    pub(crate) fn new(context: Arc<Context>, seat: Arc<Seat>, adopted: Adopted) -> Self {
        let pod = seat.pod();
        let mut seen = Observed::default();
        if let Some(sandbox) = adopted.sandbox {
            seen.start = Some(moment(sandbox.created_at));
            seen.sandbox = if sandbox.ready { SandboxLife::Ready } else { SandboxLife::Lost };
            seen.making = Attempt::already(());
            seen.addresses = sandbox.config.addresses;
        }
        let mut containers = adopted.containers;
        containers.sort_by_key(|container| container.attempt);
        containers.into_iter().for_each(|container| seen.heard(with_message(&pod, container)));
        let known = pod.status.as_ref();
        if matches!(seen.sandbox, SandboxLife::Absent) {
            seen.rejected = taking::refused(&context, &pod);
        }
        let told = known.and_then(|status| status.start_time.as_ref()).map(|time| time.0);
        seen.start = told.or(seen.start).or_else(|| Some(context.seam.now()));
        let sized = Sized::new(context.allocations.turns());
        let mut worker = Self {
            reporter: Reporter::start(&context.seam, Arc::clone(&context.cluster)),
            context,
            seat,
            seen,
            told: None,
            waiting: BTreeMap::new(),
            failed: None,
            probes: BTreeMap::new(),
            jobs: FuturesUnordered::new(),
            sized,
        };
        worker.take_up(&pod);
        worker.recall(&pod);
        worker.take(&pod);
        worker
    }

    /// Takes readiness of running containers from the API, so that an agent's restart does not take them out of service.
    fn take_up(&mut self, pod: &Arc<Pod>) {
        let status = pod.status.clone().unwrap_or_default();
        for known in status.init_container_statuses.iter().chain(&status.container_statuses).flatten() {
            let life = self.seen.life_mut(&known.name);
            let same =
                |current: &Container| known.container_id.as_deref() == Some(status::written_id(&current.id).as_str());
            if life.current.as_ref().is_some_and(same) && life.running() {
                life.asked = Some(known.image.clone()).filter(|image| !image.is_empty());
                life.probed.started = known.started == Some(true);
                life.probed.ready = known.ready;
                life.given = known.resources.as_ref().map(Given::from).unwrap_or_default();
            }
        }
        let names: Vec<String> =
            self.seen.containers.iter().filter(|(_, life)| life.running()).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.begin_probes(pod, &name);
        }
    }

    /// Works until the pod is gone from API and node.
    pub(crate) async fn run(mut self) {
        loop {
            let pod = self.size(&self.seat.pod());
            self.seen.gone = self.seat.is_gone();
            for news in self.seat.take_news() {
                self.hear(&pod, news);
            }
            let now = self.context.seam.now();
            let plan = plan::plan(&pod, &self.seen, now);
            self.tell_waits(&pod, &plan);
            self.finish_resize(&pod);
            self.publish(&pod, &plan);
            if plan.steps.contains(&Step::Forget) {
                self.probes.values().flatten().for_each(|(_, task)| task.abort());
                self.context.allocations.release(policy::uid(&pod));
                return;
            }
            for step in plan.steps {
                self.begin(&pod, step);
            }
            let wait = plan.look_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
            let (seam, seat) = (self.context.seam.clone(), Arc::clone(&self.seat));
            let waits = self.seen.resize.pending.is_some();
            tokio::select! {
                Some(done) = self.jobs.next() => self.end(&pod, done),
                () = seat.woken() => {}
                () = self.sized.turn(), if waits => {}
                () = async { match wait { Some(wait) => seam.sleep(wait).await, None => std::future::pending().await } } => {}
            }
        }
    }

    fn carrier(&self, pod: &Arc<Pod>) -> Carrier {
        let running = self.seen.containers.iter().filter(|(_, life)| life.running());
        let id = |life: &Life| life.current.as_ref().map(|container| container.id.clone());
        Carrier {
            context: Arc::clone(&self.context),
            pod: Arc::clone(pod),
            addresses: self.seen.addresses.clone(),
            running: running.filter_map(|(name, life)| Some((name.clone(), id(life)?))).collect(),
        }
    }

    fn job(&self, job: impl Future<Output = Done> + Send + 'static) {
        self.jobs.push(Box::pin(job));
    }

    /// Begins a step and marks it as under way.
    fn begin(&mut self, pod: &Arc<Pod>, step: Step) {
        let carrier = self.carrier(pod);
        let now = self.context.seam.now();
        match step {
            Step::Volumes => {
                self.seen.volumes.begin();
                self.seen.volumes_stale = false;
                self.job(carrier.volumes());
            }
            Step::Sandbox => {
                self.seen.making.begin();
                self.job(carrier.sandbox());
            }
            Step::Image { container } => {
                self.seen.life_mut(&container).image.begin();
                self.job(carrier.image(container));
            }
            Step::Start { container, attempt } => self.begin_container(pod, container, attempt),
            Step::Resume { container, .. } => {
                let life = self.seen.life_mut(&container);
                let Some(current) = life.current.clone() else { return };
                life.making.begin();
                self.job(async move { Done::Started(container, Ok(carrier.run(current).await)) });
            }
            Step::Farewell { container, id, grace } => {
                self.seen.life_mut(&container).farewell = Farewell::Underway;
                self.job(carrier.farewell(container, id, grace));
            }
            Step::Resize { container, id } => {
                let Some(asked) = find(pod, &container).as_ref().map(Given::asked) else { return };
                let life = self.seen.life_mut(&container);
                life.resizing = Attempt { done: None, ..life.resizing.clone() };
                life.resizing.begin();
                let given = life.given.clone();
                self.job(carrier.resize(container, id, given, asked));
            }
            Step::Stop { container, id, grace, why, replaced, hooked } => {
                let life = self.seen.life_mut(&container);
                life.stopping = Some(crate::backoff::later(now, grace));
                life.replaced |= replaced;
                // Whether it takes traffic is asked until its end.
                self.stop_probes(&container, &[Purpose::Readiness]);
                self.job(carrier.stop(container, id, grace, why, hooked));
            }
            Step::StartOver { because } => self.seen.start_over(pod, &because, now),
            Step::Renew => {
                self.seen.ending.begin();
                self.job(carrier.renew());
            }
            Step::Retire => {
                self.seen.ending.begin();
                self.job(carrier.retire());
            }
            Step::Remove => {
                self.seen.ending.begin();
                self.job(carrier.remove());
            }
            Step::ConfirmDeletion => self.reporter.deleted(pod),
            Step::Forget => {}
        }
    }

    fn begin_container(&mut self, pod: &Arc<Pod>, container: String, attempt: u32) {
        let carrier = self.carrier(pod);
        let now = self.context.seam.now();
        let life = self.seen.life_mut(&container);
        let Some(image) = life.image.done.clone() else { return };
        life.making.begin();
        let spec = find(pod, &container);
        life.giving = spec.as_ref().map(Given::asked).unwrap_or_default();
        life.asked = spec.and_then(|spec| spec.image);
        if let Some(exit) = life.exit() {
            let ended = moment(exit.finished_at);
            life.restarts = Some(Backoff::next(life.restarts, Pace::CRASH, ended, now));
        }
        let stale = life.current.as_ref().and(life.last.as_ref()).map(|last| last.id.clone());
        self.job(carrier.start(container, attempt, image, stale));
    }

    /// Takes over how a step ended.
    fn end(&mut self, pod: &Arc<Pod>, done: Done) {
        let now = self.context.seam.now();
        match done {
            Done::Volumes(outcome) => self.seen.volumes.end(outcome.map(|()| now), Pace::SOON, now),
            Done::Sandbox(outcome) => {
                if let Ok(addresses) = &outcome {
                    self.seen.sandbox = SandboxLife::Ready;
                    self.seen.addresses.clone_from(addresses);
                    // Files may hold the pod's addresses.
                    self.seen.volumes_stale = true;
                }
                self.seen.making.end(outcome.map(drop), Pace::SOON, now);
            }
            Done::Image(name, outcome) => self.seen.life_mut(&name).image.end(outcome, Pace::CRASH, now),
            Done::Resized(name, given, outcome) => self.resized(pod, &name, given, outcome),
            Done::Started(name, outcome) => self.started(pod, &name, outcome),
            Done::FarewellSaid(name) => self.seen.life_mut(&name).farewell = Farewell::Said,
            Done::Stopped(name, Ok(found)) => {
                let life = self.seen.life_mut(&name);
                life.stopping = None;
                life.hooking = false;
                if let Some(container) = found {
                    self.hear(pod, News::Ended(container));
                }
            }
            Done::Stopped(name, Err((_, message))) => {
                tracing::warn!(container = name, message, "not stopped, will try again");
                self.seen.life_mut(&name).stopping = None;
            }
            Done::Renewed(outcome) => {
                let renewed = outcome.is_ok();
                self.seen.ending.end(outcome, Pace::SOON, now);
                if renewed {
                    self.seen.ending = Attempt::default();
                    self.seen.begin_again();
                }
            }
            Done::Retired(outcome) => self.ended(pod, outcome, SandboxLife::Stopped),
            Done::Removed(outcome) => self.ended(pod, outcome, SandboxLife::Removed),
            Done::Hooked(name, id) => {
                let life = self.seen.life_mut(&name);
                if life.current.as_ref().is_some_and(|current| current.id == id) {
                    life.hooking = false;
                    self.begin_probes(pod, &name);
                }
            }
        }
    }

    fn ended(&mut self, pod: &Pod, outcome: Result<(), (String, String)>, life: SandboxLife) {
        if outcome.is_ok() {
            self.context.allocations.release(policy::uid(pod));
        }
        if outcome.is_ok() {
            self.seen.sandbox = life;
            self.seen.ending = Attempt::default();
        } else {
            self.seen.ending.end(outcome, Pace::SOON, self.context.seam.now());
        }
    }

    fn started(&mut self, pod: &Arc<Pod>, name: &str, outcome: Result<Container, (String, String)>) {
        let now = self.context.seam.now();
        let life = self.seen.life_mut(name);
        match outcome {
            Err(refusal) => life.making.end(Err(refusal), Pace::SOON, now),
            Ok(container) => {
                life.making = Attempt::default();
                // The next one decides anew whether to pull.
                life.image = Attempt::default();
                let id = container.id.clone();
                self.seen.heard(container);
                self.context.allocations.applied(policy::uid(pod), name, &self.seen.life(name).given);
                if !self.seen.life(name).running() {
                    return;
                }
                let spec = find(pod, name);
                match spec.filter(|spec| spec.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some())) {
                    Some(spec) => {
                        self.seen.life_mut(name).hooking = true;
                        self.job(self.carrier(pod).post_start(spec, id));
                    }
                    None => self.begin_probes(pod, name),
                }
            }
        }
    }

    /// Takes over news.
    fn hear(&mut self, pod: &Arc<Pod>, news: News) {
        match news {
            News::Ended(container) => {
                if matches!(container.state, ContainerState::Exited(_)) {
                    self.stop_probes(&container.name, &[]);
                }
                if let Some(trap) = crate::trap::news(&container, self.seen.containers.get(&container.name)) {
                    self.carrier(pod).note(Some(&container.name), Weight::Warning, crate::trap::REASON, trap);
                }
                self.seen.heard(with_message(pod, container));
            }
            News::Ends(ending) => {
                if self.seen.ended_by_node.is_none() {
                    let weight = if ending.reason == "Evicted" { Weight::Warning } else { Weight::Normal };
                    self.carrier(pod).note(None, weight, ending.reason, ending.message.clone());
                    self.failed = Some(ending.reason);
                    self.seen.ended_by_node = Some(ending);
                }
            }
            // The status is told to the new one.
            News::Mirrored => self.told = None,
            News::Lost => {
                self.seen.lost(self.context.seam.now());
                let names: Vec<String> = self.probes.keys().cloned().collect();
                names.iter().for_each(|name| self.stop_probes(name, &[]));
            }
            News::Probe(id, news) => {
                let of = |life: &Life| life.running() && life.current.as_ref().is_some_and(|c| c.id == id);
                let Some((name, life)) = self.seen.containers.iter_mut().find(|(_, life)| of(life)) else { return };
                match news {
                    ProbeNews::Started => life.probed.started = true,
                    ProbeNews::Ready(ready) => life.probed.ready = ready,
                    ProbeNews::Failed(probe) => life.probed.failed = Some(probe),
                }
                let name = name.clone();
                if news == ProbeNews::Started {
                    self.begin_probes(pod, &name);
                }
            }
        }
    }

    /// Begins the probes of a running container: the startup probe, and after it the others.
    fn begin_probes(&mut self, pod: &Arc<Pod>, name: &str) {
        let life = self.seen.life(name);
        let (Some(container), Some(current)) = (find(pod, name), life.current) else { return };
        let probes = match &container.startup_probe {
            Some(startup) if !life.probed.started => vec![(Purpose::Startup, startup)],
            _ => [(Purpose::Readiness, &container.readiness_probe), (Purpose::Liveness, &container.liveness_probe)]
                .into_iter()
                .filter_map(|(purpose, probe)| Some((purpose, probe.as_ref()?)))
                .collect(),
        };
        for (purpose, probe) in probes {
            let (carrier, seat) = (self.carrier(pod), Arc::clone(&self.seat));
            let watch = probes::watch(carrier, seat, container.clone(), current.clone(), purpose, probe.clone());
            self.probes.entry(name.to_owned()).or_default().push((purpose, self.context.seam.spawn("probe", watch)));
        }
    }

    /// Ends the probes of a container but those for a purpose that is kept.
    fn stop_probes(&mut self, name: &str, kept: &[Purpose]) {
        if let Some(probes) = self.probes.get_mut(name) {
            probes.extract_if(.., |(purpose, _)| !kept.contains(purpose)).for_each(|(_, task)| task.abort());
        }
    }

    /// Notes back-offs that begin, and that the node ends the pod.
    fn tell_waits(&mut self, pod: &Arc<Pod>, plan: &Plan) {
        let carrier = self.carrier(pod);
        for (name, waiting) in &plan.waiting {
            if self.waiting.get(name).is_some_and(|before| before.reason == waiting.reason) {
                continue;
            }
            match waiting.reason.as_str() {
                "CrashLoopBackOff" => {
                    let pod = policy::full_name(pod);
                    let message = format!("Back-off restarting failed container {name} in pod {pod}");
                    carrier.note(Some(name), Weight::Warning, "BackOff", message);
                }
                "ImagePullBackOff" => {
                    let image = find(pod, name).and_then(|container| container.image).unwrap_or_default();
                    carrier.note(Some(name), Weight::Normal, "BackOff", format!("Back-off pulling image \"{image}\""));
                    carrier.note(Some(name), Weight::Warning, "Failed", "Error: ImagePullBackOff");
                }
                _ => {}
            }
        }
        self.waiting.clone_from(&plan.waiting);
        if let Verdict::Failed { reason, message, .. } = verdict::verdict(pod, &self.seen, self.context.seam.now())
            && self.failed != Some(reason)
        {
            carrier.note(None, Weight::Normal, reason, message);
            self.failed = Some(reason);
        }
    }

    /// The pod as the API shows it.
    fn shown(&self, pod: &Arc<Pod>) -> Option<Arc<Pod>> {
        if !is_static(pod) {
            return Some(Arc::clone(pod));
        }
        let mut shown = Pod::clone(pod);
        shown.metadata.uid = Some(self.context.mirrors.uid_of(pod)?);
        Some(Arc::new(shown))
    }

    /// Makes known what others may know: the status, and where the logs are.
    fn publish(&mut self, pod: &Arc<Pod>, plan: &Plan) {
        let before = before(pod, self.told.as_ref());
        let (seen, node) = (&self.seen, self.context.facts.addresses.as_slice());
        let status = status::status(&Facts { pod, before: &before, seen, plan, node, now: self.context.seam.now() });
        self.give_back(pod, &status);
        if !self.seen.gone && self.told.as_ref() != Some(&status) {
            // Nobody can be told of a static pod until the API shows it.
            if let Some(shown) = self.shown(pod) {
                self.reporter.status(&shown, status.clone());
            }
            self.told = Some(status);
        }
        let files = |life: &Life| LogFiles {
            current: life.current.as_ref().or(life.last.as_ref()).map(|container| container.log_path.clone()),
            running: life.running(),
            previous: life.current.as_ref().and(life.last.as_ref()).map(|container| container.log_path.clone()),
        };
        self.seat.set_logs(self.seen.containers.iter().map(|(name, life)| (name.clone(), files(life))).collect());
    }
}

/// The status to go on from: what was last told, with the conditions that others have written since.
fn before(pod: &Pod, told: Option<&PodStatus>) -> PodStatus {
    let api = pod.status.clone().unwrap_or_default();
    let Some(told) = told else { return api };
    let own = told.conditions.iter().flatten().filter(|condition| is_own(condition));
    let foreign = api.conditions.iter().flatten().filter(|condition| !is_own(condition));
    PodStatus { conditions: Some(own.chain(foreign).cloned().collect()), qos_class: api.qos_class, ..told.clone() }
}

/// A container of the pod's specification.
fn find(pod: &Pod, name: &str) -> Option<Spec> {
    pod.spec.as_ref().and_then(|spec| policy::find(spec, name)).map(|(_, container)| container.into_owned())
}

/// A container that ended, with the message that its specification asks for: the end of its log when it failed without one
/// and `FallbackToLogsOnError` says so.
fn with_message(pod: &Pod, mut container: Container) -> Container {
    let log = container.log_path.clone();
    let ContainerState::Exited(exit) = &mut container.state else { return container };
    let falls_back = |spec: Spec| spec.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    if exit.code == 0 || !exit.message.is_empty() || !find(pod, &container.name).is_some_and(falls_back) {
        return container;
    }
    match crate::logs::tail(&log, MESSAGE_MAX) {
        Ok(tail) => exit.message = tail,
        Err(error) => tracing::debug!(%error, log = %log.display(), "no log for the termination message"),
    }
    container
}
