//! IPAddresses of Services that are older than these objects: before anybody takes an address, those that have one are known.

use std::collections::BTreeSet;

use api::meta::Resource;
use api::record::Record;
use api::service_address;
use api::status::Status;
use store::{Precondition, Write};

use crate::admit;
use crate::verbs::{Core, RETRIES_MAX, value_of};

/// Addresses written at once: a command of that many stays far below what the log takes.
const BATCH_MAX: usize = 500;

/// Makes what is missing.
pub(super) async fn adopt(core: &Core) -> Result<(), Status> {
    let mut refused = 0;
    while refused < RETRIES_MAX {
        let (preconditions, writes) = missing(core)?;
        if writes.is_empty() {
            return Ok(());
        }
        // Another server that starts does the same, and Services come and go.
        if core.propose(None, preconditions, writes).await?.is_err() {
            refused += 1;
        }
    }
    Err(Status::internal("the addresses of Services cannot be written down: others keep changing the same"))
}

/// A batch of what is missing, and what must still hold.
fn missing(core: &Core) -> Result<(Vec<Precondition>, Vec<Write>), Status> {
    let view = core.store.view();
    let (mut preconditions, mut writes, mut found) = (Vec::new(), Vec::new(), BTreeSet::new());
    for record in view.list(&Resource::new("", "services"), None).filter(|record| has_address(record)) {
        for address in service_address::of_service(&value_of(record)?) {
            let known = service_address::key(address).is_none_or(|key| view.get(&key).is_some());
            // Of two that have the same, which the repair controller tells, one is enough.
            if known || writes.len() == BATCH_MAX || !found.insert(address) {
                continue;
            }
            let (key, write) = admit::service_address(core, address, record.key.namespace(), record.key.name())?;
            let stays = Precondition::At(record.key.clone(), record.revision);
            preconditions.extend([Precondition::Absent(key), stays]);
            writes.push(write);
        }
    }
    Ok((preconditions, writes))
}

/// What is told of a Service without reading it.
fn has_address(record: &Record) -> bool {
    record.header.fields.iter().any(|(name, value)| &**name == "spec.clusterIP" && !matches!(&**value, "" | "None"))
}
