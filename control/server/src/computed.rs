//! Kinds that the server tells of and stores nowhere: each time somebody asks, a view is made that has nothing else.

use api::header;
use api::kind::Kind;
use api::meta::{Key, Revision};
use api::record::{Body, Record};
use api::status::Status;
use api::view::View;
use serde_json::Value;

use crate::app::App;
use crate::verbs::Ask;
use crate::{components, usage};

/// Group of what nodes and pods use.
const METRICS: &str = "metrics.k8s.io";

/// Every object of the kind.
pub(crate) async fn view(app: &App, kind: &'static Kind) -> Result<View, Status> {
    if &*kind.group == METRICS { usage::view(app, kind).await } else { components::view(&app.core, kind) }
}

/// Why there is no such object.
pub(crate) fn unknown(app: &App, ask: &Ask<'_>) -> Status {
    if &*ask.kind.group == METRICS {
        usage::unknown(&app.core.store.view(), ask)
    } else {
        components::unknown(ask.name)
    }
}

/// An object as if it were stored.
pub(crate) fn record(kind: &Kind, namespace: &str, name: &str, object: &Value) -> Result<Record, Status> {
    let key = Key::new(&kind.resource(), namespace, name).map_err(|error| Status::internal(error.to_string()))?;
    let body = Body::encode(object).map_err(|error| Status::internal(error.to_string()))?;
    Ok(Record { key, revision: Revision::ZERO, header: header::extract(kind, object), body })
}
