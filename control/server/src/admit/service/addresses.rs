//! Cluster addresses of Services: which are free, and the IPAddress objects that say whose the others are.

use std::net::IpAddr;

use api::meta::{Key, Resource};
use api::record::Record;
use api::requester::Requester;
use api::service_address::{self, Parent};
use api::service_range::{self, Pool, ServiceRange};
use api::service_spec::stacks::{self, Family};
use api::status::Status;
use api::validate::FieldError;
use api::view::View;
use serde_json::Value;
use store::{Precondition, Write};

use super::{Admitted, Review, refused};
use crate::options::WriteOptions;
use crate::stamp;
use crate::verbs::{Ask, Core, kind_of, owners, value_of};

/// Where wrong addresses are told.
const LIST: &str = "spec.clusterIPs";

/// Settles the families of a Service and gives it the addresses that it is due; its kind has kept those that it had. Of each
/// the IPAddress is written with the Service, and of those that it gives up it goes.
pub(super) fn give(review: &Review<'_>, service: &mut Value, admitted: &mut Admitted) -> Result<(), Status> {
    let cluster: Vec<Family> = review.core.service_cidrs.iter().map(|range| Family::of(range.address)).collect();
    stacks::settle(service, review.old, &cluster).map_err(|errors| refused(service, &errors))?;
    let due = stacks::due(service, review.old);
    if !due.is_empty() {
        let sources = sources(review)?;
        let mut addresses: Vec<String> = texts(&service["spec"]["clusterIPs"]);
        for (nth, family) in due {
            let (source, address) = match addresses.get(nth) {
                None => next(review, &sources, family)?,
                Some(asked) => open(review, &sources, asked).map_err(|why| {
                    let why = format!("failed to allocate IP {asked}: {why}");
                    refused(service, &[FieldError::invalid(LIST, &service["spec"]["clusterIPs"], why)])
                })?,
            };
            admitted.preconditions.extend(source.stands.clone());
            claim(review, service, address, admitted)?;
            if nth == addresses.len() {
                addresses.push(address.to_string());
            }
        }
        let spec = &mut service["spec"];
        spec["clusterIP"] = addresses.first().cloned().into();
        spec["clusterIPs"] = addresses.into();
    }
    if let Some(old) = review.old {
        admitted.writes.extend(freed(review.view, old, Some(service))?);
    }
    Ok(())
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|one| Some(one.as_str()?.to_owned())).collect()
}

/// What addresses are taken of.
struct Source {
    pool: Pool,
    /// The ServiceCIDR must still be as it was read: one whose deletion has begun gives nothing any more.
    stands: Option<Precondition>,
}

/// The pools of every ServiceCIDR that is open, the default one first; those of the configuration while there is none at all.
fn sources(review: &Review<'_>) -> Result<Vec<Source>, Status> {
    let resource = Resource::new(service_range::GROUP, service_range::PLURAL);
    let mut stored = Vec::new();
    for record in review.view.list(&resource, None) {
        stored.push((ServiceRange::of(&value_of(record)?), record));
    }
    if stored.is_empty() {
        let pools = review.core.service_cidrs.iter().filter_map(|range| Pool::of(*range));
        return Ok(pools.map(|pool| Source { pool, stands: None }).collect());
    }
    stored.sort_by_key(|(range, _)| range.name != service_range::DEFAULT);
    let of = |(range, record): (ServiceRange, &std::sync::Arc<Record>)| {
        let stands = Some(Precondition::At(record.key.clone(), record.revision));
        range.pools.into_iter().map(move |pool| Source { pool, stands: stands.clone() })
    };
    Ok(stored.into_iter().filter(|(range, _)| range.open).flat_map(of).collect())
}

/// Whether somebody has the address.
fn is_taken(review: &Review<'_>, address: IpAddr) -> bool {
    service_address::key(address).is_none_or(|key| review.view.get(&key).is_some())
}

/// A free address of the first range of the family that has one.
fn next<'s>(review: &Review<'_>, sources: &'s [Source], family: Family) -> Result<(&'s Source, IpAddr), Status> {
    let below = |span| review.core.seam.random().below(span);
    let of_family = sources.iter().filter(|source| source.pool.family() == family);
    of_family
        .filter_map(|source| Some((source, source.pool.free(below, |address| is_taken(review, address))?)))
        .next()
        .ok_or_else(|| Status::internal("failed to allocate a serviceIP: range is full"))
}

/// The address that a Service asks for, or why it may not be had.
fn open<'s>(review: &Review<'_>, sources: &'s [Source], asked: &str) -> Result<(&'s Source, IpAddr), &'static str> {
    let address: IpAddr = asked.parse().map_err(|_| "must be a valid IP address")?;
    let source = sources.iter().find(|source| source.pool.holds(address));
    let source = source.ok_or("the provided network does not match the current range")?;
    if is_taken(review, address) { Err("provided IP is already allocated") } else { Ok((source, address)) }
}

/// Adds the IPAddress of a Service to what is written with it.
fn claim(review: &Review<'_>, service: &Value, address: IpAddr, admitted: &mut Admitted) -> Result<(), Status> {
    let write = object(review.core, address, review.ask.namespace, stamp::meta_text(service, "name"))?;
    admitted.preconditions.push(Precondition::Absent(write.0));
    admitted.writes.push(write.1);
    Ok(())
}

/// The IPAddress of a Service as it is written, and its key.
pub(crate) fn object(core: &Core, address: IpAddr, namespace: &str, name: &str) -> Result<(Key, Write), Status> {
    let kind = kind_of(service_range::GROUP, service_address::PLURAL);
    let kind = kind.ok_or_else(|| Status::internal("addresses are not served"))?;
    let requester = Requester::component("bootstrap");
    let manager = owners::of_component(&requester);
    let text = address.to_string();
    let options = WriteOptions::default();
    let ask = Ask { requester: &requester, epoch: None, kind, namespace: "", name: &text, manager, options };
    let mut object = service_address::object(address, namespace, name);
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = (&*kind.kind).into();
    stamp::create(kind, &mut object, &core.seam);
    kind.strategy.default(&mut object);
    owners::of_new(&ask, &mut object, &core.seam);
    let key = ask.key(&text)?;
    let write = Core::put(kind, &key, &object)?;
    Ok((key, write))
}

/// The deletions of the IPAddresses that a Service had and no longer has; without a next state, of all.
pub(super) fn freed(view: &View, old: &Value, next: Option<&Value>) -> Result<Vec<Write>, Status> {
    let own = |key: &Key| {
        key.namespace() == stamp::meta_text(old, "namespace") && key.name() == stamp::meta_text(old, "name")
    };
    let mut writes = Vec::new();
    for address in service_address::of_service(old) {
        let kept = next.is_some_and(|next| service_address::of_service(next).any(|other| other == address));
        let record = service_address::key(address).filter(|_| !kept).and_then(|key| view.get(&key));
        if let Some(record) = record
            && Parent::of(&value_of(record)?).service().as_ref().is_some_and(own)
        {
            writes.push(Write::Delete { key: record.key.clone() });
        }
    }
    Ok(writes)
}
