//! Follows the feed, asks the decisions, carries them out. Knows no controller by name.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api::change::Change;
use api::meta::{Epoch, Key, Revision, Timestamp};
use api::requester::Requester;
use api::status::{Class, Status};
use api::verbs::{Done, Verbs};
use api::view::{Event, View};
use controllers::{Controller, Step};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seam::Seam;

use crate::figures::Figures;
use crate::placing::{self, Stir};
use crate::queue::Queue;

/// Decisions carried out at once. Writes of all of them share the store's group commit.
const IN_FLIGHT_MAX: usize = 64;
/// Pods placed in one batch: one proposal stays well below the store's limit for a command.
const BATCH_MAX: usize = 1000;
/// Wait after a conflict: long enough that whoever was faster may finish what he does.
const OVERTAKEN_WAIT: Duration = Duration::from_millis(10);
/// Least wait when the store cannot take writes: an election takes several of these.
const UNAVAILABLE_WAIT: Duration = Duration::from_millis(100);
/// Least wait after a refusal that only somebody else's change can lift, such as a full quota.
const REFUSED_WAIT: Duration = Duration::from_secs(1);
/// Every waiting pod is tried again after this time even if nothing stirred, as kube-scheduler flushes its queue.
const RETRY_ALL: Duration = Duration::from_secs(60);

/// Who is due: a controller (by its place in the table) and a key, or the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Due {
    Controller(usize, Key),
    Scheduler,
}

/// How the work on one key ended.
enum Outcome {
    /// As it should.
    Well,
    /// Something had changed meanwhile; decide anew.
    Overtaken,
    /// Something was refused; try again, not before so much time.
    Again(Duration),
}

/// Work on one key. Pods whose binding was refused come back to be tried again.
type Work = Pin<Box<dyn Future<Output = (Due, Outcome, Vec<Key>)> + Send>>;

/// Name of the scheduler as whoever asks, and in figures.
const SCHEDULER: &str = "default-scheduler";

/// One term of leadership.
pub(crate) struct Runner {
    verbs: Arc<dyn Verbs>,
    epoch: Epoch,
    seam: Seam,
    table: &'static [Controller],
    queue: Queue<Due>,
    figures: Figures,
    /// Pods to try in the next batch.
    pods: BTreeSet<Key>,
    /// Pods that fit nowhere when they were last tried.
    stuck: BTreeSet<Key>,
}

impl Runner {
    pub(crate) fn new(verbs: Arc<dyn Verbs>, epoch: Epoch, seam: Seam, figures: Figures) -> Self {
        Self {
            verbs,
            epoch,
            seam,
            table: controllers::table(),
            queue: Queue::new(),
            figures,
            pods: BTreeSet::new(),
            stuck: BTreeSet::new(),
        }
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut seen = self.take_all();
        let mut work = FuturesUnordered::new();
        loop {
            let now = self.seam.now();
            while work.len() < IN_FLIGHT_MAX
                && let Some((due, since)) = self.queue.pop(now)
            {
                self.figures.begun(self.name(&due), since, now);
                let (seam, begun) = (self.seam.clone(), self.seam.moment());
                let one = self.begin(due, now);
                work.push(async move {
                    let done = one.await;
                    (done, seam.moment().since(begun))
                });
            }
            self.figures.pods(self.pods.len(), self.stuck.len());
            let next = if work.len() < IN_FLIGHT_MAX { self.queue.next() } else { None };
            let alarm = async {
                match next {
                    Some(at) => self.seam.sleep(until(now, at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(((due, outcome, pods), took)) = work.next() => {
                    self.figures.ended(self.name(&due), took);
                    self.end(&due, &outcome, pods);
                }
                events = self.verbs.events(seen) => match events {
                    Ok(events) => {
                        seen = events.last().map_or(seen, |event| event.revision);
                        self.follow(&events);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the manager takes a new view");
                        seen = self.take_all();
                    }
                },
                () = alarm => {}
            }
        }
    }

    /// Name of who is due.
    fn name(&self, due: &Due) -> &'static str {
        match due {
            Due::Controller(at, _) => self.table[*at].name,
            Due::Scheduler => SCHEDULER,
        }
    }

    fn push(&mut self, due: Due, at: Timestamp) {
        let name = self.name(&due);
        if self.queue.push(due, at) {
            self.figures.due(name);
        }
    }

    /// Makes every key of every controller due; returns the revision from which the feed goes on.
    fn take_all(&mut self) -> Revision {
        let view = self.verbs.view();
        let now = self.seam.now();
        for (at, controller) in self.table.iter().enumerate() {
            for key in (controller.all)(&view) {
                self.push(Due::Controller(at, key), now);
            }
        }
        self.pods.extend(scheduler::waiting(&view).cloned());
        self.push(Due::Scheduler, now);
        view.revision()
    }

    fn follow(&mut self, events: &[Event]) {
        let view = self.verbs.view();
        let now = self.seam.now();
        for event in events {
            for (at, controller) in self.table.iter().enumerate() {
                for key in (controller.due)(&view, event) {
                    self.push(Due::Controller(at, key), now);
                }
            }
            match placing::stir(event) {
                Stir::None => continue,
                Stir::Pod(pod) => {
                    self.pods.insert(pod);
                }
                Stir::Room if self.stuck.is_empty() => continue,
                Stir::Room => self.pods.append(&mut self.stuck),
            }
            self.push(Due::Scheduler, now);
        }
    }

    fn begin(&mut self, due: Due, now: Timestamp) -> Work {
        let view = self.verbs.view();
        match &due {
            Due::Controller(at, key) => {
                let controller = self.table[*at];
                match (controller.decide)(&view, key, now) {
                    Ok(decision) => {
                        if let Some(at) = decision.look_again {
                            self.push(due.clone(), at);
                        }
                        let (verbs, epoch) = (Arc::clone(&self.verbs), self.epoch);
                        Box::pin(async move {
                            let outcome = carry_out(verbs.as_ref(), epoch, controller.name, decision.steps).await;
                            (due, outcome, Vec::new())
                        })
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::error!(controller = controller.name, %error, cause, "an incident: skipped until it changes");
                        Box::pin(std::future::ready((due, Outcome::Well, Vec::new())))
                    }
                }
            }
            Due::Scheduler => self.schedule(&view, now),
        }
    }

    fn schedule(&mut self, view: &View, now: Timestamp) -> Work {
        if self.pods.is_empty() {
            // Nothing new: this is the flush of what is stuck.
            self.pods.append(&mut self.stuck);
        }
        let batch: Vec<Key> = self.pods.iter().take(BATCH_MAX).cloned().collect();
        for key in &batch {
            self.pods.remove(key);
        }
        if !self.pods.is_empty() {
            self.push(Due::Scheduler, now);
        }
        let begun = self.seam.moment();
        let placements = scheduler::place(view, &batch);
        self.figures.placed(self.seam.moment().since(begun));
        for placement in &placements {
            if let scheduler::Placement::Nowhere { pod, .. } = placement {
                self.stuck.insert(pod.clone());
                self.figures.attempt("unschedulable");
            }
        }
        if !self.stuck.is_empty()
            && let Ok(at) = now.checked_add(RETRY_ALL)
        {
            self.push(Due::Scheduler, at);
        }
        let changes = placing::changes(view, placements, now);
        let (verbs, epoch, figures) = (Arc::clone(&self.verbs), self.epoch, self.figures.clone());
        Box::pin(async move {
            let (outcome, refused) = bind(verbs.as_ref(), epoch, changes, &figures).await;
            (Due::Scheduler, outcome, refused)
        })
    }

    fn end(&mut self, due: &Due, outcome: &Outcome, pods: Vec<Key>) {
        self.pods.extend(pods);
        match outcome {
            Outcome::Well => self.queue.finished(due),
            // Somebody, perhaps we ourselves, was faster: that is no failure, and the next decision sees what they did.
            Outcome::Overtaken => {
                self.queue.finished(due);
                let soon = self.seam.now().checked_add(OVERTAKEN_WAIT).unwrap_or(Timestamp::MAX);
                let fresh = self.queue.push(due.clone(), soon);
                self.figures.again(self.name(due), fresh);
            }
            Outcome::Again(at_least) => {
                let name = self.name(due);
                let fresh = self.queue.failed(due, self.seam.now(), *at_least);
                self.figures.again(name, fresh);
            }
        }
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    u64::try_from(at.as_millisecond() - now.as_millisecond()).map_or(Duration::ZERO, Duration::from_millis)
        + Duration::from_millis(1)
}

/// Carries a decision out, then tells people what became of it.
async fn carry_out(verbs: &dyn Verbs, epoch: Epoch, name: &'static str, steps: Vec<Step>) -> Outcome {
    if steps.is_empty() {
        return Outcome::Well;
    }
    let requester = Requester::component(name);
    let (changes, tells): (Vec<_>, Vec<_>) = steps.into_iter().map(|step| (step.change, step.tell)).unzip();
    let results = verbs.carry_out(&requester, Some(epoch), changes).await;
    let outcome = judge(name, &results);
    let told: Vec<Change> = tells.into_iter().zip(&results).filter_map(|(tell, result)| event(tell?, result)).collect();
    if !told.is_empty() {
        judge(name, &verbs.carry_out(&requester, Some(epoch), told).await);
    }
    outcome
}

fn event(tell: controllers::Tell, result: &Result<Done, Status>) -> Option<Change> {
    let (warning, reason, message) = match result {
        Ok(_) => {
            let (reason, message) = tell.done?;
            (false, reason, message)
        }
        // A conflict is our own haste, and is tried again at once.
        Err(status) if status.class() == Class::Conflict => return None,
        Err(status) => {
            let (reason, attempt) = tell.refused?;
            (true, reason, format!("{attempt}: {status}"))
        }
    };
    Some(Change::Event { about: tell.about, uid: tell.uid, warning, reason, message })
}

/// Carries bindings out; returns the pods whose binding was refused for another reason than that they are gone.
async fn bind(verbs: &dyn Verbs, epoch: Epoch, changes: Vec<Change>, figures: &Figures) -> (Outcome, Vec<Key>) {
    if changes.is_empty() {
        return (Outcome::Well, Vec::new());
    }
    let requester = Requester::component(SCHEDULER);
    let pods: Vec<Option<Key>> = changes.iter().map(bound).collect();
    let events: Vec<Option<Change>> = changes.iter().map(placing::scheduled).collect();
    let results = verbs.carry_out(&requester, Some(epoch), changes).await;
    for (_, result) in pods.iter().zip(&results).filter(|(pod, _)| pod.is_some()) {
        figures.attempt(if result.is_ok() { "scheduled" } else { "error" });
    }
    let told: Vec<Change> =
        events.into_iter().zip(&results).filter_map(|(event, result)| event.filter(|_| result.is_ok())).collect();
    let lost = |result: &Result<Done, Status>| result.as_ref().is_err_and(|status| status.code != 404);
    let refused = pods.into_iter().zip(&results).filter_map(|(pod, result)| pod.filter(|_| lost(result))).collect();
    let outcome = judge(SCHEDULER, &results);
    if !told.is_empty() {
        judge(SCHEDULER, &verbs.carry_out(&requester, Some(epoch), told).await);
    }
    (outcome, refused)
}

fn bound(change: &Change) -> Option<Key> {
    if let Change::Bind { pod, .. } = change { Some(pod.clone()) } else { None }
}

/// What refusals mean: gone objects need nothing, conflicts are tried again soon, the rest with growing patience.
fn judge(name: &'static str, results: &[Result<Done, Status>]) -> Outcome {
    let mut outcome = Outcome::Well;
    for status in results.iter().filter_map(|result| result.as_ref().err()) {
        let wait = match status.class() {
            Class::Invalid if status.code == 404 => continue,
            Class::Conflict => {
                if matches!(outcome, Outcome::Well) {
                    outcome = Outcome::Overtaken;
                }
                continue;
            }
            Class::Retry(seconds) => Duration::from_secs(seconds.into()),
            Class::Unavailable => UNAVAILABLE_WAIT,
            Class::Invalid | Class::Denied | Class::Bug => {
                tracing::warn!(controller = name, error = %status, code = status.code, "a decision was refused");
                REFUSED_WAIT
            }
        };
        outcome = Outcome::Again(match outcome {
            Outcome::Again(known) => known.max(wait),
            Outcome::Well | Outcome::Overtaken => wait,
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use api::meta::{Resource, Uid};

    use super::*;

    fn told(refused: Option<(&'static str, &'static str)>, result: &Result<Done, Status>) -> Option<String> {
        let about = Key::new(&Resource::new("apps", "replicasets"), "default", "web").unwrap();
        let tell = controllers::Tell { about, uid: Uid::new("u"), done: Some(("Made", "Made it".into())), refused };
        match event(tell, result)? {
            Change::Event { warning, reason, message, .. } => Some(format!("{warning} {reason} {message}")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn people_are_told_what_was_attempted_and_why_it_was_refused() {
        let pods = Resource::new("", "pods");
        let refusal = || Err(Status::forbidden(&pods, "p", "quota"));
        let deleting = Some(("FailedDelete", "Error deleting"));
        assert_eq!(
            told(deleting, &refusal()).as_deref(),
            Some("true FailedDelete Error deleting: pods \"p\" is forbidden: quota")
        );
        assert_eq!(told(None, &refusal()), None);
        assert_eq!(told(deleting, &Err(Status::modified(&pods, "p"))), None);
        let done = Done { key: Key::new(&pods, "default", "p").unwrap(), revision: Revision(1) };
        assert_eq!(told(None, &Ok(done)).as_deref(), Some("false Made Made it"));
    }
}
