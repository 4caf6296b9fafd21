//! Disruption budgets: how many of the pods that one protects may be sent away now.

mod expected;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::change::Change;
use api::disruption::{self, ALLOWED, DELETION_TIMEOUT};
use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::selector::LabelSelector;
use api::view::{Event, View};
use serde_json::{Map, Value, json};

use crate::decision::{Damaged, Decision};
use crate::objects::{candidates, decode, patch, pods};

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    if key.is("policy", "poddisruptionbudgets") {
        return vec![key.clone()];
    }
    if !key.is("", "pods") || event.before.as_deref().map(counted) == event.after.as_deref().map(counted) {
        return Vec::new();
    }
    let states = [&event.before, &event.after];
    let protects = |budget: &&Arc<Record>| {
        let selector = decode::<Value>(budget).ok().and_then(|budget| disruption::protects(&budget));
        selector.is_some_and(|selector| {
            states.iter().any(|state| state.as_ref().is_some_and(|pod| selector.matches_record(pod)))
        })
    };
    let budgets = view.list(&Resource::new("policy", "poddisruptionbudgets"), Some(key.namespace()));
    budgets.filter(protects).map(|budget| budget.key.clone()).collect()
}

/// What of a pod a budget counts: a status that changes otherwise concerns none.
fn counted(pod: &Record) -> impl PartialEq + '_ {
    let ready = pod.header.facts.pod().map(|facts| facts.ready);
    (ready, pod.header.deletion.is_some(), &pod.header.labels, &pod.header.owners)
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(record) = view.get(key) else { return Ok(decision) };
    let budget: Value = decode(record)?;
    let pods = protected(view, record, disruption::protects(&budget).as_ref());
    let status = match expected::of(view, &budget, &pods)? {
        Ok(expected) => {
            let going = going(&budget, &pods, now, &mut decision);
            counts(&budget, &pods, &expected, &going, now)
        }
        Err(why) => {
            tell(record, true, "CalculateExpectedPodCountFailed", failure(&why), &mut decision);
            failed(&budget, &why, now)
        }
    };
    if changes(&budget["status"], &status) {
        if pods.is_empty() {
            tell(record, false, "NoPods", "No matching pods found".to_owned(), &mut decision);
        }
        let status = with_removals(&budget["status"], status);
        decision.change(patch(record, Some("status"), json!({"status": status})));
    } else {
        // What was told when the status changed holds still.
        decision.steps.clear();
    }
    Ok(decision)
}

fn failure(why: &str) -> String {
    format!("Failed to calculate the number of expected pods: {why}")
}

/// The pods that a budget is about.
fn protected<'a>(view: &'a View, budget: &Record, selector: Option<&LabelSelector>) -> Vec<&'a Arc<Record>> {
    let Some(selector) = selector else { return Vec::new() };
    candidates(view, &pods(), budget.key.namespace(), selector).filter(|pod| selector.matches_record(pod)).collect()
}

/// Evicted pods that are still to go, and since when. One that stays too long counts as one that stays.
fn going(
    budget: &Value,
    pods: &[&Arc<Record>],
    now: Timestamp,
    decision: &mut Decision,
) -> BTreeMap<String, Timestamp> {
    let mut going = BTreeMap::new();
    for pod in pods.iter().filter(|pod| pod.header.deletion.is_none()) {
        let since = budget["status"]["disruptedPods"].get(pod.key.name()).and_then(Value::as_str);
        let Some(since) = since.and_then(api::time::parse) else { continue };
        let end = since.checked_add(DELETION_TIMEOUT).unwrap_or(Timestamp::MAX);
        if end < now {
            let namespace = budget["metadata"]["namespace"].as_str().unwrap_or_default();
            let name = budget["metadata"]["name"].as_str().unwrap_or_default();
            let why = format!("Pod was expected by PDB {namespace}/{name} to be deleted but it wasn't");
            tell(pod, true, "NotDeleted", why, decision);
        } else {
            decision.look_at(end.checked_add(std::time::Duration::from_secs(1)).unwrap_or(Timestamp::MAX));
            going.insert(pod.key.name().to_owned(), since);
        }
    }
    going
}

/// The status that follows from what there is.
fn counts(
    budget: &Value,
    pods: &[&Arc<Record>],
    expected: &expected::Expected,
    going: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Value {
    let healthy = |pod: &&&Arc<Record>| {
        pod.header.deletion.is_none()
            && !going.contains_key(pod.key.name())
            && pod.header.facts.pod().is_some_and(|facts| facts.ready)
    };
    let current = i64::try_from(pods.iter().filter(healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected.pods > 0 { (current - expected.healthy).max(0) } else { 0 };
    let generation = budget["metadata"]["generation"].as_i64().unwrap_or_default();
    let mut status = json!({
        "currentHealthy": current, "desiredHealthy": expected.healthy, "expectedPods": expected.pods,
        "disruptionsAllowed": allowed, "observedGeneration": generation,
        "conditions": disruption::with_verdict(&budget["status"], allowed, generation, now),
    });
    if !going.is_empty() {
        let going = going.iter().map(|(pod, since)| (pod.clone(), api::time::text(*since).into()));
        status["disruptedPods"] = going.collect::<Map<_, _>>().into();
    }
    status
}

/// The status of a budget that cannot be computed: it allows nothing and says why.
fn failed(budget: &Value, why: &str, now: Timestamp) -> Value {
    let mut status = budget["status"].clone();
    let generation = status["observedGeneration"].as_i64().unwrap_or_default();
    status["disruptionsAllowed"] = 0.into();
    status["conditions"] = disruption::with_failure(&budget["status"], why, generation, now).into();
    status
}

/// Whether a status says something else than before.
fn changes(before: &Value, after: &Value) -> bool {
    let told = |status: &Value| {
        let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let verdict = disruption::condition(conditions, ALLOWED);
        verdict.map(|one| ["status", "reason", "message", "observedGeneration"].map(|field| one[field].clone()))
    };
    let counts = ["currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed", "observedGeneration"];
    let number = |status: &Value, field: &str| status[field].as_i64().unwrap_or_default();
    counts.iter().any(|field| number(before, field) != number(after, field))
        || before["disruptedPods"] != after["disruptedPods"]
        || told(before) != told(after)
}

/// A merge patch takes away only what it names.
fn with_removals(before: &Value, mut after: Value) -> Value {
    let known: BTreeSet<&String> = before["disruptedPods"].as_object().into_iter().flat_map(Map::keys).collect();
    for pod in known {
        if after["disruptedPods"].get(pod).is_none() {
            after["disruptedPods"][pod] = Value::Null;
        }
    }
    after
}

fn tell(about: &Record, warning: bool, reason: &'static str, message: String, decision: &mut Decision) {
    let (key, uid) = (about.key.clone(), about.header.uid.clone());
    decision.change(Change::Event { about: key, uid, warning, reason, message });
}

#[cfg(test)]
mod tests;
