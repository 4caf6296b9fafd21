//! ServiceCIDRs: one that is there is ready, and one that goes stays until no Service has an address of it alone (KEP-1880).

use std::net::IpAddr;

use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::service_address::{self, MANAGED_BY, MANAGER};
use api::service_range::{FINALIZER, GROUP, PLURAL, Pool, READY, ServiceRange, ready};
use api::view::{Event, View};
use serde_json::{Value, json};

use crate::decision::{Damaged, Decision};
use crate::objects::{decode, patch, seconds};

/// What the condition `Ready` says.
struct Ready {
    status: &'static str,
    reason: &'static str,
    message: &'static str,
}

const OPEN: Ready = Ready { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" };
const HELD: Ready = Ready {
    status: "False",
    reason: "Terminating",
    message: "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
};

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    let range = key.is(GROUP, PLURAL);
    let came_or_went = event.before.is_none() || event.after.is_none();
    let address = key.is(GROUP, service_address::PLURAL) && came_or_went;
    if !range && !address {
        return Vec::new();
    }
    // Those that go may be held by this address, or be let go of because this range has what they had.
    let going = records(view).filter(|record| record.header.deletion.is_some() && record.key != *key);
    let own = (range && event.after.is_some()).then(|| key.clone());
    own.into_iter().chain(going.map(|record| record.key.clone())).collect()
}

fn records(view: &View) -> impl Iterator<Item = &std::sync::Arc<Record>> {
    view.list(&Resource::new(GROUP, PLURAL), None)
}

/// Every ServiceCIDR there is.
pub(crate) fn ranges(view: &View) -> Result<Vec<ServiceRange>, Damaged> {
    records(view).map(|record| Ok(ServiceRange::of(&decode(record)?))).collect()
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(record) = view.get(key) else { return Ok(decision) };
    let object: Value = decode(record)?;
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    let kept = finalizers.iter().any(|one| one == FINALIZER);
    let range = ServiceRange::of(&object);
    let wanted = match (range.going, kept) {
        (false, _) => &OPEN,
        (true, false) => return Ok(decision),
        (true, true) if is_held(view, &range)? => &HELD,
        (true, true) => {
            let left: Vec<&Value> = finalizers.iter().filter(|one| *one != FINALIZER).collect();
            decision.change(patch(record, None, json!({"metadata": {"finalizers": left}})));
            return Ok(decision);
        }
    };
    if !kept {
        let all: Vec<Value> = finalizers.into_iter().chain([FINALIZER.into()]).collect();
        decision.change(patch(record, None, json!({"metadata": {"finalizers": all}})));
    }
    if !says(ready(&object), wanted) {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let others = conditions.filter(|condition| condition["type"] != READY).cloned();
        let all: Vec<Value> = others.chain([condition(wanted, now)]).collect();
        decision.change(patch(record, Some("status"), json!({"status": {"conditions": all}})));
    }
    Ok(decision)
}

fn says(condition: Option<&Value>, wanted: &Ready) -> bool {
    let Ready { status, reason, message } = *wanted;
    let known = |name: &str| condition.and_then(|condition| condition[name].as_str()).unwrap_or_default();
    (known("status"), known("reason"), known("message")) == (status, reason, message)
}

fn condition(wanted: &Ready, now: Timestamp) -> Value {
    let Ready { status, reason, message } = wanted;
    json!({"type": READY, "status": status, "reason": reason, "message": message, "lastTransitionTime": seconds(now)})
}

/// Whether a Service has an address that no other range would hold once this one is gone.
fn is_held(view: &View, range: &ServiceRange) -> Result<bool, Damaged> {
    let others: Vec<ServiceRange> = ranges(view)?.into_iter().filter(|other| other.name != range.name).collect();
    let resource = Resource::new(GROUP, service_address::PLURAL);
    let addresses = view.labelled(&resource, "", MANAGED_BY, MANAGER);
    let mut addresses = addresses.filter_map(|record| record.key.name().parse::<IpAddr>().ok());
    Ok(addresses.any(|address| {
        let Some(pool) = range.pool(address) else { return false };
        !others.iter().any(|other| other.pool(address).is_some_and(|wider| outlives((other, wider), (range, pool))))
    }))
}

/// Whether the other range is there longer. Of two that go, the wider one stays until the last, and of equal ones that of the
/// lesser name, so that two do not both rely on the other.
fn outlives((other, wider): (&ServiceRange, &Pool), (range, pool): (&ServiceRange, &Pool)) -> bool {
    !other.going || (wider.range.length, &other.name) < (pool.range.length, &range.name)
}

#[cfg(test)]
mod tests;
