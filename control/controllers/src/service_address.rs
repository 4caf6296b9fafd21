//! IPAddresses of Services: each address has the one that leads back to its Service, and none leads to a Service that has not
//! got the address. The server writes both together; this repairs what somebody changed by hand.

use std::net::IpAddr;

use api::change::Change;
use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::service_address::{FAMILY, MANAGED_BY, MANAGER, PLURAL, Parent, key as key_of, object, of_service};
use api::service_range::GROUP;
use api::service_spec::stacks::Family;
use api::time;
use api::view::{Event, View};
use serde_json::Value;

use crate::decision::{Damaged, Decision};
use crate::objects::{decode, delete};
use crate::service_cidr;

/// How long an address may lead to no Service: its maker may be about to make that.
const ORPHAN_SECONDS: i64 = 60;

/// Reason of events about addresses without an object that leads back.
const NOT_ALLOCATED: &str = "ClusterIPNotAllocated";

pub(crate) fn due(_view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    let own = event.after.as_ref().map(|_| key.clone());
    if key.is("", "services") {
        return own.into_iter().collect();
    }
    if !key.is(GROUP, PLURAL) {
        return Vec::new();
    }
    // The Service that it led to may have lost it.
    let before = event.before.as_ref().and_then(|before| decode::<Value>(before).ok());
    own.into_iter().chain(before.and_then(|before| Parent::of(&before).service())).collect()
}

pub(crate) fn all(view: &View) -> Vec<Key> {
    let of = |resource: &Resource| view.list(resource, None).map(|record| record.key.clone()).collect::<Vec<_>>();
    [of(&Resource::new("", "services")), of(&Resource::new(GROUP, PLURAL))].concat()
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    if let Some(record) = view.get(key) {
        if key.is("", "services") {
            service(view, record, &mut decision)?;
        } else {
            address(view, record, now, &mut decision)?;
        }
    }
    Ok(decision)
}

fn warn(about: &Record, reason: &'static str, message: String) -> Change {
    Change::Event { about: about.key.clone(), uid: about.header.uid.clone(), warning: true, reason, message }
}

/// Whether the Service has an address, as far as that is told without reading it.
fn is_addressed(service: &Record) -> bool {
    let primary = service.header.fields.iter().find(|(name, _)| &**name == "spec.clusterIP");
    primary.is_some_and(|(_, value)| !matches!(&**value, "" | "None"))
}

/// Sees to it that each address of a Service leads back to it.
fn service(view: &View, record: &Record, decision: &mut Decision) -> Result<(), Damaged> {
    if !is_addressed(record) {
        return Ok(());
    }
    let ranges = service_cidr::ranges(view)?;
    for address in of_service(&decode(record)?) {
        let told = format!("[{}]: {address}", Family::of(address).name());
        if !ranges.is_empty() && !ranges.iter().any(|range| range.pool(address).is_some()) {
            let why = format!("Cluster IP {told} is not within any configured Service CIDR; please recreate service");
            decision.change(warn(record, "ClusterIPOutOfRange", why));
            continue;
        }
        let (namespace, name) = (record.key.namespace(), record.key.name());
        match found(view, record, address)? {
            Found::Right => continue,
            Found::Twice => {
                let told = told.replacen(' ', "", 1);
                let why = format!("Cluster IP {told} was assigned to multiple services; please recreate service");
                decision.change(warn(record, "ClusterIPAlreadyAllocated", why));
                continue;
            }
            Found::Missing => {
                let why = format!("Cluster IP {told} is not allocated; repairing");
                decision.change(warn(record, NOT_ALLOCATED, why));
            }
            Found::Elsewhere(wrong) => {
                let why =
                    format!("the ClusterIP {told} for Service {namespace}/{name} has a wrong reference; repairing");
                decision.change(warn(record, NOT_ALLOCATED, why));
                decision.change(delete(wrong));
            }
            Found::Mislabelled(wrong) => decision.change(delete(wrong)),
        }
        let object = object(address, namespace, name);
        decision.change(Change::Create { resource: Resource::new(GROUP, PLURAL), object });
    }
    Ok(())
}

/// What the IPAddress of a Service's address is.
enum Found<'v> {
    /// As it should be.
    Right,
    /// There is none.
    Missing,
    /// It leads to what has not got the address.
    Elsewhere(&'v Record),
    /// It leads to another Service, which has the address too.
    Twice,
    /// It leads back, and does not say who keeps it.
    Mislabelled(&'v Record),
}

fn found<'v>(view: &'v View, service: &Record, address: IpAddr) -> Result<Found<'v>, Damaged> {
    let Some(record) = key_of(address).and_then(|key| view.get(&key)) else { return Ok(Found::Missing) };
    let Some(parent) = Parent::of(&decode(record)?).service() else { return Ok(Found::Elsewhere(record)) };
    if parent != service.key {
        let other = view.get(&parent).map(|other| decode::<Value>(other)).transpose()?;
        let has = other.is_some_and(|other| of_service(&other).any(|one| one == address));
        return Ok(if has { Found::Twice } else { Found::Elsewhere(record) });
    }
    let labelled =
        record.label(MANAGED_BY) == Some(MANAGER) && record.label(FAMILY) == Some(Family::of(address).name());
    Ok(if labelled { Found::Right } else { Found::Mislabelled(record) })
}

/// Takes an address of ours away that leads to no Service which has it.
fn address(view: &View, record: &Record, now: Timestamp, decision: &mut Decision) -> Result<(), Damaged> {
    if record.label(MANAGED_BY) != Some(MANAGER) {
        return Ok(());
    }
    let object: Value = decode(record)?;
    let (text, parent) = (record.key.name(), Parent::of(&object));
    let Parent { group, resource, namespace, name } = &parent;
    let (reason, why) = match parent.service() {
        None => {
            let reference =
                format!("&ParentReference{{Group:{group},Resource:{resource},Namespace:{namespace},Name:{name},}}");
            let why = format!(
                "IPAddress {text} appears to have been modified, not referencing a Service {reference}: cleaning up"
            );
            ("IPAddressNotAllocated", why)
        }
        Some(key) => match view.get(&key).map(|service| decode::<Value>(service)).transpose()? {
            None => {
                let made = time::at(&object, "/metadata/creationTimestamp").map_or(0, |made| made.as_second());
                let end = made.saturating_add(ORPHAN_SECONDS);
                if now.as_second() < end {
                    decision.look_at(Timestamp::from_second(end).unwrap_or(now));
                    return Ok(());
                }
                let why =
                    format!("IPAddress: {text} for Service {namespace}/{name} appears to have leaked: cleaning up");
                ("IPAddressNotAllocated", why)
            }
            Some(service) if of_service(&service).any(|one| one.to_string() == text) => return Ok(()),
            Some(_) => {
                let why =
                    format!("IPAddress: {text} for Service {namespace}/{name} has a wrong reference; cleaning up");
                ("IPAddressWrongReference", why)
            }
        },
    };
    decision.change(warn(record, reason, why));
    decision.change(delete(record));
    Ok(())
}

#[cfg(test)]
mod tests;
