//! Lease: a heartbeat, or who leads.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column};
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[NAME, column("Holder", "string", "Who holds the lease."), AGE];

pub(super) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.coordination.v1.Lease",
        ..base("coordination.k8s.io", "Lease", "leases", &Lease)
    }
}

#[derive(Debug)]
struct Lease;

impl Strategy for Lease {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::text(object, "/spec/holderIdentity").into(), cells::age(object, now)]
    }
}
