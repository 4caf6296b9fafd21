//! The ServiceCIDR `kubernetes`, which says the ranges that the server is configured with. It is made again when somebody
//! deletes it, and grows from one family to two with the configuration; another difference is told and left to people.

use std::sync::Arc;
use std::time::Duration;

use api::meta::Timestamp;
use api::record::Record;
use api::requester::Requester;
use api::service_range::{DEFAULT, GROUP, PLURAL, READY, ready};
use api::status::Status;
use api::time;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::given::{self, Given};
use crate::options::WriteOptions;
use crate::verbs::event::Fact;
use crate::verbs::modify::{Part, Wanted};
use crate::verbs::{Ask, Core, kind_of, owners, value_of};

/// Between two looks, as kube-apiserver does.
const INTERVAL: Duration = Duration::from_secs(10);
/// Who tells what is wrong, by the name that it has in Kubernetes.
const NAME: &str = "kubernetes-service-cidr-controller";

/// The object for the configured ranges; none when there are none.
pub(super) fn given(core: &Core) -> Result<Option<Given>, Status> {
    let ranges = configured(core);
    if ranges.is_empty() {
        return Ok(None);
    }
    let object = json!({"metadata": {"name": DEFAULT}, "spec": {"cidrs": ranges}});
    Given::of(GROUP, PLURAL, object, json!({"conditions": [condition(core.seam.now())]})).map(Some)
}

fn configured(core: &Core) -> Vec<String> {
    core.service_cidrs.iter().map(ToString::to_string).collect()
}

fn condition(now: Timestamp) -> Value {
    json!({"type": READY, "status": "True", "reason": "", "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": time::text(now)})
}

/// Looks after the object until the server stops.
pub(crate) async fn keep(core: Arc<Core>, stop: CancellationToken) {
    let mut told = None;
    loop {
        match look(&core, told.as_ref()).await {
            Ok(now) => told = now,
            // Most often there is no leader; the next look finds one.
            Err(status) => tracing::debug!(%status, "the default ServiceCIDR could not be looked after"),
        }
        if stop.run_until_cancelled(core.seam.sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// What is to be done about the object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// It has the first of two configured ranges: the second comes.
    Grow,
    /// Nobody has said yet that it is ready.
    SayReady,
    Warn(Warning),
}

/// What people should know, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Warning {
    reason: String,
    message: String,
}

/// Decides by the stored object and the configured ranges.
fn decide(stored: &Value, configured: &[String]) -> Step {
    let ranges: Vec<&str> =
        stored["spec"]["cidrs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let ([only], [first, _]) = (ranges.as_slice(), configured)
        && only == first
    {
        return Step::Grow;
    }
    if !stored["metadata"]["deletionTimestamp"].is_null() {
        return Step::Nothing;
    }
    if ranges != configured {
        let (reason, stored, flags) =
            ("KubernetesDefaultServiceCIDRInconsistent".to_owned(), ranges.join(" "), configured.join(" "));
        let message =
            format!("The default ServiceCIDR [{stored}] does not match the controller flag configurations [{flags}]");
        return Step::Warn(Warning { reason, message });
    }
    let Some(condition) = ready(stored) else { return Step::SayReady };
    let text = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
    match text("status").as_str() {
        "True" => Step::Nothing,
        "False" => {
            let message = format!("Configuration matches, but {}", text("message"));
            Step::Warn(Warning { reason: text("reason"), message })
        }
        _ => Step::SayReady,
    }
}

/// One look. Answers what is wrong and told.
async fn look(core: &Core, told: Option<&Warning>) -> Result<Option<Warning>, Status> {
    let view = core.store.view();
    let Some(record) = view.find(GROUP, PLURAL, "", DEFAULT) else {
        given::ensure(core, given(core)?.as_slice()).await?;
        return Ok(None);
    };
    let ranges = configured(core);
    match decide(&value_of(record)?, &ranges) {
        Step::Nothing => Ok(None),
        Step::SayReady => {
            let status = json!([condition(core.seam.now())]);
            change(core, Part::Status, "/status", &json!({"conditions": status})).await.map(|()| None)
        }
        Step::Grow => match change(core, Part::Whole, "/spec/cidrs", &json!(ranges)).await {
            Ok(()) => Ok(None),
            Err(status) => {
                let (first, all) = (ranges.first().map_or("", String::as_str), ranges.join(" "));
                let message = format!(
                    "The default ServiceCIDR can not be upgraded from {first} to dual stack [{all}] : {status}"
                );
                let reason = "KubernetesDefaultServiceCIDRError".to_owned();
                warn(core, record, Warning { reason, message }, told).await
            }
        },
        Step::Warn(warning) => warn(core, record, warning, told).await,
    }
}

/// Sets one part of the object.
async fn change(core: &Core, part: Part, pointer: &str, value: &Value) -> Result<(), Status> {
    let kind = kind_of(GROUP, PLURAL).ok_or_else(|| Status::internal(format!("{PLURAL} are not served")))?;
    let requester = Requester::component("bootstrap");
    let (manager, options) = (owners::of_component(&requester), WriteOptions::default());
    let ask = Ask { requester: &requester, epoch: None, kind, namespace: "", name: DEFAULT, manager, options };
    let change = |old: &Value| {
        let mut next = old.clone();
        if let Some(place) = next.pointer_mut(pointer) {
            *place = value.clone();
        }
        Ok(Wanted::relative(next))
    };
    core.modify(&ask, part, change).await.map(drop)
}

/// Tells people, once.
async fn warn(
    core: &Core,
    record: &Record,
    warning: Warning,
    told: Option<&Warning>,
) -> Result<Option<Warning>, Status> {
    if told != Some(&warning) {
        tracing::warn!(reason = warning.reason, "{}", warning.message);
        let (reason, message) = (&*warning.reason, &*warning.message);
        let fact = Fact { about: &record.key, uid: &record.header.uid, warning: true, reason, message };
        core.record(&Requester::component(NAME), None, &fact).await?;
    }
    Ok(Some(warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &Value, configured: &[&str], expected: &Step) {
        let configured: Vec<String> = configured.iter().map(|&one| one.to_owned()).collect();
        assert_eq!(decide(object, &configured), *expected, "{object} {configured:?}");
    }

    fn of(ranges: &[&str], status: &str) -> Value {
        let condition = json!({"type": "Ready", "status": status, "reason": "Why", "message": "so"});
        json!({"metadata": {"name": DEFAULT}, "spec": {"cidrs": ranges}, "status": {"conditions": [condition]}})
    }

    fn warning(reason: &str, message: &str) -> Step {
        Step::Warn(Warning { reason: reason.into(), message: message.into() })
    }

    #[test]
    fn a_second_family_comes_and_other_differences_are_told() {
        let (four, six) = ("10.96.0.0/16", "fd96::/112");
        check(&of(&[four], "True"), &[four], &Step::Nothing);
        check(&of(&[four], "True"), &[four, six], &Step::Grow);
        let told = "The default ServiceCIDR [10.96.0.0/16 fd96::/112] does not match the controller flag configurations \
                    [fd96::/112]";
        check(&of(&[four, six], "True"), &[six], &warning("KubernetesDefaultServiceCIDRInconsistent", told));
        check(&of(&[four], "Unknown"), &[four], &Step::SayReady);
        check(&json!({"spec": {"cidrs": [four]}}), &[four], &Step::SayReady);
        check(&of(&[four], "False"), &[four], &warning("Why", "Configuration matches, but so"));
        let mut going = of(&[six], "False");
        going["metadata"]["deletionTimestamp"] = "t".into();
        check(&going, &[four], &Step::Nothing);
    }
}
