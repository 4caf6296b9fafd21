//! Addresses and node ports of Services.
//!
//! An address is taken by the IPAddress of its name, which is written with the Service. What ports are taken is read from the
//! Services themselves. So that two proposals do not take the same, every one that takes a port also rewrites one hidden
//! object, [`LOCK`], at the revision at which it was read together with the Services.

mod addresses;
mod ports;

use api::facts::Facts;
use api::meta::{Key, Resource, Uid};
use api::record::{Body, Header};
use api::status::Status;
use api::validate::FieldError;
use api::view::View;
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::{Admitted, Review};
pub(crate) use addresses::object as service_address;

/// Group, plural and name of the hidden object; no kind is served under them.
const LOCK: (&str, &str, &str) = ("internal.bireme.dev", "allocations", "services");

/// Whether a Service took ports that it did not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Took {
    Nothing,
    Something,
}

/// Fills and checks `clusterIP(s)`, `ipFamilies`, `ipFamilyPolicy` and node ports.
pub(super) fn allocate(review: &Review<'_>, service: &mut Value, admitted: &mut Admitted) -> Result<(), Status> {
    if !service["spec"].is_object() {
        return Ok(());
    }
    addresses::give(review, service, admitted)?;
    if ports::give(review, service)? == Took::Something {
        let (precondition, write) = lock(review)?;
        admitted.preconditions.push(precondition);
        admitted.writes.push(write);
    }
    Ok(())
}

/// What goes with a Service that goes.
pub(super) fn freed(view: &View, service: &Value) -> Result<Vec<Write>, Status> {
    addresses::freed(view, service, None)
}

/// What the client is told of a Service that cannot get what it asks for.
fn refused(service: &Value, errors: &[FieldError]) -> Status {
    Status::invalid("", "Service", crate::stamp::meta_text(service, "name"), errors)
}

/// The rewriting of [`LOCK`], and that it must not have been rewritten since the view.
fn lock(review: &Review<'_>) -> Result<(Precondition, Write), Status> {
    let (group, plural, name) = LOCK;
    let key = Key::new(&Resource::new(group, plural), "", name).map_err(|error| Status::internal(error.to_string()))?;
    let uid = review.core.seam.uuid().to_string();
    // A fresh text each time, so that every rewriting is a change and moves the object's revision.
    let body =
        json!({"apiVersion": format!("{group}/v1"), "kind": "Allocation", "metadata": {"name": name, "uid": uid}});
    let body = Body::encode(&body).map_err(Status::internal)?;
    let header = Header {
        uid: Uid::new(&uid),
        labels: [].into(),
        owners: [].into(),
        fields: [].into(),
        deletion: None,
        finalizers: false,
        facts: Facts::Plain,
    };
    let precondition = match review.view.get(&key) {
        Some(record) => Precondition::At(key.clone(), record.revision),
        None => Precondition::Absent(key.clone()),
    };
    Ok((precondition, Write::Put { key, header, body }))
}
