//! Secret: settings that only some may read.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column};
use crate::kind::{Column, Kind, Strategy};
use crate::meta::Timestamp;

const COLUMNS: &[Column] =
    &[NAME, column("Type", "string", "What the keys mean."), column("Data", "integer", "Number of keys."), AGE];

pub(super) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        selectable: &["type"],
        schema: "io.k8s.api.core.v1.Secret",
        ..base("", "Secret", "secrets", &Secret)
    }
}

#[derive(Debug)]
struct Secret;

impl Strategy for Secret {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let keys = cells::entries(object, "/data").count();
        vec![cells::name(object), cells::text(object, "/type").into(), keys.into(), cells::age(object, now)]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("type", cells::text(object, "/type").to_owned())]
    }
}
