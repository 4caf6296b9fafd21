//! Eviction: whether a pod may be asked to go, given the budgets that protect pods (`pods/eviction`).

use serde_json::{Value, json};

use crate::disruption::{self, ALLOWED, SYNC_FAILED};
use crate::meta::{Resource, Timestamp};
use crate::status::{Cause, Details, Status};
use crate::{json, time};

/// Evicted pods that a budget remembers, at most: more than that means that nobody keeps the budget up to date.
const DISRUPTED_MAX: usize = 2000;
/// Seconds after which an eviction is worth another try when the budget is behind its own spec.
const BEHIND_RETRY: u32 = 10;
/// Cause that tells clients that a budget refuses.
const CAUSE: &str = "DisruptionBudget";

/// What an eviction costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Toll {
    /// Nothing.
    Free,
    /// One disruption: the budget at that place must be stored as this.
    Budget(usize, Box<Value>),
}

/// Decides about a pod, given every budget of its namespace.
///
/// # Errors
/// 429 when a budget has nothing left or is behind its spec, 403 when its status cannot be true, 500 when several apply.
pub fn judge(pod: &Value, budgets: &[Value], now: Timestamp) -> Result<Toll, Status> {
    let phase = json::text(pod, "/status/phase");
    let goes_anyway = !pod["metadata"]["deletionTimestamp"].is_null();
    // Such a pod serves nobody, so that its end disrupts nothing.
    if goes_anyway || matches!(phase, "Succeeded" | "Failed" | "Pending" | "") {
        return Ok(Toll::Free);
    }
    let labels = &pod["metadata"]["labels"];
    let protects = |budget: &Value| {
        !json::is_empty(labels) && disruption::protects(budget).is_some_and(|selector| selector.matches_labels(labels))
    };
    let protecting: Vec<usize> = (0..budgets.len()).filter(|at| protects(&budgets[*at])).collect();
    match protecting.as_slice() {
        [] => Ok(Toll::Free),
        [at] if !is_ready(pod) && lets_unready_go(&budgets[*at]) => Ok(Toll::Free),
        [at] => Ok(Toll::Budget(*at, Box::new(spend(&budgets[*at], json::text(pod, "/metadata/name"), now)?))),
        _ => {
            let message =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            Err(Status::new(500, "", message))
        }
    }
}

/// Writes into a pod that it goes because somebody evicted it.
pub fn tell(pod: &mut Value, now: Timestamp) {
    const TARGET: &str = "DisruptionTarget";
    let generation = json::integer(pod, "/metadata/generation");
    let conditions = json::items(pod, "/status/conditions");
    let since = disruption::condition(conditions, TARGET).filter(|known| known["status"] == "True");
    let since = since.map_or_else(|| time::text(now).into(), |known| known["lastTransitionTime"].clone());
    let mut told = json!({
        "type": TARGET, "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        "lastProbeTime": null, "lastTransitionTime": since,
    });
    if generation > 0 {
        told["observedGeneration"] = generation.into();
    }
    let mut conditions: Vec<Value> = conditions.iter().filter(|one| one["type"] != TARGET).cloned().collect();
    conditions.push(told);
    if let Some(status) = json::section(pod, "status") {
        status.insert("conditions".into(), conditions.into());
    }
}

fn is_ready(pod: &Value) -> bool {
    disruption::condition(json::items(pod, "/status/conditions"), "Ready").is_some_and(|one| one["status"] == "True")
}

/// Whether a pod that is not ready may go without payment: always, or while enough others are healthy.
fn lets_unready_go(budget: &Value) -> bool {
    let desired = json::integer(budget, "/status/desiredHealthy");
    json::text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow"
        || (desired > 0 && json::integer(budget, "/status/currentHealthy") >= desired)
}

/// The budget with one disruption less and the pod among those that go.
fn spend(budget: &Value, pod: &str, now: Timestamp) -> Result<Value, Status> {
    let name = json::text(budget, "/metadata/name");
    let observed = json::integer(budget, "/status/observedGeneration");
    if observed < json::integer(budget, "/metadata/generation") {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(BEHIND_RETRY, why));
    }
    let allowed = json::integer(budget, "/status/disruptionsAllowed");
    let start = format!("The disruption budget {name} does not allow evicting pods currently");
    if allowed < 0 {
        let why = "pdb disruptions allowed is negative";
        return Err(forbidden(name, why, format!("{start}: {why}")));
    }
    if json::entries(budget, "/status/disruptedPods").count() > DISRUPTED_MAX {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        let cause = format!("{start}: too many pending evictions not confirmed by PDB controller");
        return Err(forbidden(name, why, cause));
    }
    if allowed == 0 {
        return Err(too_many(0, exhausted(budget, name, start)));
    }
    let mut next = budget.clone();
    next["status"]["disruptionsAllowed"] = (allowed - 1).into();
    if allowed == 1 {
        next["status"]["conditions"] = disruption::with_verdict(&budget["status"], 0, observed, now).into();
    }
    next["status"]["disruptedPods"][pod] = time::text(now).into();
    Ok(next)
}

/// Why nothing is left of a budget.
fn exhausted(budget: &Value, name: &str, start: String) -> String {
    let refusing = disruption::condition(json::items(budget, "/status/conditions"), ALLOWED)
        .filter(|one| one["status"] == "False" && !json::text(one, "/message").is_empty());
    let told = |one: &Value| (json::text(one, "/reason").to_owned(), json::text(one, "/message").to_owned());
    let (desired, current) =
        (json::integer(budget, "/status/desiredHealthy"), json::integer(budget, "/status/currentHealthy"));
    match refusing.map(told) {
        Some((reason, why)) if reason == SYNC_FAILED => format!("{start} because it failed sync: {why}"),
        _ if current <= desired => {
            format!("The disruption budget {name} needs {desired} healthy pods and has {current} currently")
        }
        Some((reason, why)) => format!("{start} ({reason}): {why}"),
        None => start,
    }
}

fn causes(message: String) -> Vec<Cause> {
    vec![Cause { reason: CAUSE.into(), message, field: String::new() }]
}

fn too_many(retry_after_seconds: u32, why: String) -> Status {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut status = Status::new(429, "TooManyRequests", message);
    status.details = Some(Box::new(Details { causes: causes(why), retry_after_seconds, ..Details::default() }));
    status
}

fn forbidden(name: &str, why: &str, cause: String) -> Status {
    let mut status = Status::forbidden(&Resource::new("policy", "poddisruptionbudget"), name, why);
    if let Some(details) = &mut status.details {
        details.causes = causes(cause);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_435_200).unwrap()
    }

    fn pod(ready: bool) -> Value {
        json!({
            "metadata": {"name": "web-1", "labels": {"app": "web"}, "generation": 1},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
        })
    }

    fn budget(status: &Value) -> Value {
        json!({
            "metadata": {"name": "b", "generation": 1},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": status,
        })
    }

    fn check(pod: &Value, budgets: &[Value], expected: &Expect) {
        let got = match judge(pod, budgets, now()) {
            Ok(Toll::Free) => "free".to_owned(),
            Ok(Toll::Budget(at, next)) => format!("{at} {}", next["status"]),
            Err(status) => {
                let details = serde_json::to_string(&status.details).unwrap();
                format!("{} {} {}\n{details}", status.code, status.reason, status.message)
            }
        };
        expected.assert_eq(&got);
    }

    #[test]
    fn an_eviction_spends_one_disruption_and_remembers_the_pod() {
        let two = budget(&json!({"observedGeneration": 1, "disruptionsAllowed": 2}));
        check(
            &pod(true),
            &[two],
            &expect![[
                r#"0 {"disruptedPods":{"web-1":"2026-11-23T12:00:00Z"},"disruptionsAllowed":1,"observedGeneration":1}"#
            ]],
        );
        let last = budget(&json!({"observedGeneration": 1, "disruptionsAllowed": 1}));
        check(
            &pod(true),
            &[last],
            &expect![[
                r#"0 {"conditions":[{"lastTransitionTime":"2026-11-23T12:00:00Z","message":"","observedGeneration":1,"reason":"InsufficientPods","status":"False","type":"DisruptionAllowed"}],"disruptedPods":{"web-1":"2026-11-23T12:00:00Z"},"disruptionsAllowed":0,"observedGeneration":1}"#
            ]],
        );
    }

    #[test]
    fn a_pod_that_serves_nobody_goes_free() {
        let none = [budget(&json!({"observedGeneration": 1, "disruptionsAllowed": 0}))];
        for phase in ["Pending", "Succeeded", "Failed"] {
            let mut pod = pod(true);
            pod["status"]["phase"] = phase.into();
            check(&pod, &none, &expect!["free"]);
        }
        let mut going = pod(true);
        going["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z".into();
        check(&going, &none, &expect!["free"]);
        let mut other = pod(true);
        other["metadata"]["labels"] = json!({"app": "db"});
        check(&other, &none, &expect!["free"]);
    }

    #[test]
    fn an_unready_pod_goes_free_as_the_policy_allows() {
        let healthy =
            json!({"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2, "disruptionsAllowed": 0});
        check(&pod(false), &[budget(&healthy)], &expect!["free"]);
        let short = json!({"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 2, "disruptionsAllowed": 0});
        let mut short = budget(&short);
        check(
            &pod(false),
            &[short.clone()],
            &expect![[r#"
            429 TooManyRequests Cannot evict pod as it would violate the pod's disruption budget.
            {"causes":[{"reason":"DisruptionBudget","message":"The disruption budget b needs 2 healthy pods and has 1 currently"}]}"#]],
        );
        short["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow".into();
        check(&pod(false), &[short], &expect!["free"]);
    }

    #[test]
    fn what_a_budget_refuses_is_told_with_its_cause() {
        let mut behind = budget(&json!({"observedGeneration": 1, "disruptionsAllowed": 1}));
        behind["metadata"]["generation"] = 2.into();
        check(
            &pod(true),
            &[behind.clone()],
            &expect![[r#"
            429 TooManyRequests Cannot evict pod as it would violate the pod's disruption budget.
            {"causes":[{"reason":"DisruptionBudget","message":"The disruption budget b is still being processed by the server."}],"retryAfterSeconds":10}"#]],
        );
        check(
            &pod(true),
            &[behind.clone(), behind],
            &expect![[r#"
            500  This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.
            null"#]],
        );
        let failed = json!({"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "found no controllers for pod \"x\""});
        let failed = json!({"observedGeneration": 1, "disruptionsAllowed": 0, "conditions": [failed]});
        check(
            &pod(true),
            &[budget(&failed)],
            &expect![[r#"
            429 TooManyRequests Cannot evict pod as it would violate the pod's disruption budget.
            {"causes":[{"reason":"DisruptionBudget","message":"The disruption budget b does not allow evicting pods currently because it failed sync: found no controllers for pod \"x\""}]}"#]],
        );
        check(
            &pod(true),
            &[budget(&json!({"observedGeneration": 1, "disruptionsAllowed": -1}))],
            &expect![[r#"
            403 Forbidden poddisruptionbudget.policy "b" is forbidden: pdb disruptions allowed is negative
            {"name":"b","group":"policy","kind":"poddisruptionbudget","causes":[{"reason":"DisruptionBudget","message":"The disruption budget b does not allow evicting pods currently: pdb disruptions allowed is negative"}]}"#]],
        );
    }

    #[test]
    fn an_evicted_pod_says_why_it_goes() {
        let mut evicted = pod(true);
        tell(&mut evicted, now());
        let told = evicted["status"]["conditions"][1].clone();
        assert_eq!(
            (&told["type"], &told["reason"], &told["observedGeneration"]),
            (&json!("DisruptionTarget"), &json!("EvictionByEvictionAPI"), &json!(1))
        );
        let later = Timestamp::from_second(1_795_435_300).unwrap();
        tell(&mut evicted, later);
        assert_eq!(evicted["status"]["conditions"][1], told, "told twice it is the same");
    }
}
