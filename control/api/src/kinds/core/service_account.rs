//! ServiceAccount: who a pod is.

use serde_json::Value;

use crate::json;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[NAME, column("Secrets", "string", "Number of secrets that its pods may use."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["sa"],
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.ServiceAccount",
        ..base("", "ServiceAccount", "serviceaccounts", &ServiceAccount)
    }
}

#[derive(Debug)]
struct ServiceAccount;

impl Strategy for ServiceAccount {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::items(object, "/secrets").len().into(), cells::age(object, now)]
    }
}
