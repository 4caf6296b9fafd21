//! ConfigMap: settings for pods.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column};
use crate::kind::{Column, Kind, Strategy};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[NAME, column("Data", "integer", "Number of keys."), AGE];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["cm"],
        columns: COLUMNS,
        schema: "io.k8s.api.core.v1.ConfigMap",
        ..base("", "ConfigMap", "configmaps", &ConfigMap)
    }
}

#[derive(Debug)]
struct ConfigMap;

impl Strategy for ConfigMap {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let keys = cells::entries(object, "/data").count() + cells::entries(object, "/binaryData").count();
        vec![cells::name(object), keys.into(), cells::age(object, now)]
    }
}
