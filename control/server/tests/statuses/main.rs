//! Statuses: for every kind that has one, written apart from the rest, and the rest apart from it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests assert"
)]

#[path = "../support/mod.rs"]
mod support;

use api::kind::{Kind, Scope, Subresource};
use api::kinds;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Client, Cluster};

/// A row of `kinds.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    #[serde(default = "name")]
    name: String,
    spec: Value,
    other: Option<Value>,
    fixed: Option<Value>,
    status: Value,
    #[serde(default)]
    born: bool,
    #[serde(default)]
    uncounted: bool,
    #[serde(default)]
    kept: bool,
}

fn name() -> String {
    "one".into()
}

fn rows() -> Vec<Row> {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let table = include_str!("kinds.yaml").replace("$REQUEST", &STANDARD.encode(request));
    serde_yaml_ng::from_str(&table).unwrap()
}

/// The kinds that have a status, in the form that is stored.
fn with_status() -> impl Iterator<Item = &'static Kind> {
    kinds::all().iter().filter(|kind| kind.is_stored() && kind.has(Subresource::Status))
}

/// Where objects of the kind are.
fn collection(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "/api" } else { "/apis" };
    let space = if kind.scope == Scope::Namespaced { "namespaces/default/" } else { "" };
    format!("{root}/{}/{space}{}", kind.api_version(), kind.plural)
}

/// Whether everything that is wanted is there as well.
fn has(object: &Value, wanted: &Value) -> bool {
    match (object, wanted) {
        (Value::Object(fields), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| fields.get(name).is_some_and(|field| has(field, value)))
        }
        (Value::Array(items), Value::Array(wanted)) => wanted.iter().all(|one| items.iter().any(|item| has(item, one))),
        _ => object == wanted,
    }
}

/// An answer that must be a success.
#[track_caller]
fn good(what: &str, (code, answer): (u16, Value)) -> Value {
    assert!(code < 300, "{what}: {code} {answer}");
    answer
}

fn generation(object: &Value) -> Option<i64> {
    object["metadata"]["generation"].as_i64()
}

#[test]
fn the_table_has_every_kind_with_a_status() {
    let mut wanted: Vec<&str> = with_status().map(|kind| &*kind.kind).collect();
    let rows = rows();
    let mut listed: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    wanted.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, wanted);
}

#[tokio::test]
async fn a_status_and_the_rest_are_written_apart() {
    let cluster = Cluster::start().await;
    let mut failed = Vec::new();
    for row in rows() {
        let (admin, name) = (cluster.admin.clone(), row.kind.clone());
        let told = async move {
            let kind = with_status().find(|kind| *kind.kind == *row.kind).unwrap();
            let made = create(&admin, kind, &row).await;
            let changed = change(&admin, kind, &row, &made).await;
            report(&admin, kind, &row, &made, &changed).await;
        };
        // Of the others too is told what is wrong.
        if std::panic::AssertUnwindSafe(told).catch_unwind().await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "see above: {failed:?}");
    cluster.stop().await;
}

/// Makes an object, with a status that most kinds do not take.
async fn create(admin: &Client, kind: &Kind, row: &Row) -> Value {
    let object = json!({"metadata": {"name": row.name}, "spec": row.spec, "status": row.status});
    let made = good(&row.kind, admin.post(&collection(kind), &object).await);
    assert_eq!(has(&made["status"], &row.status), row.born, "{}: the status of a new object: {made}", row.kind);
    assert_eq!(generation(&made), (!row.uncounted).then_some(1), "{}", row.kind);
    made
}

/// Changes the object itself, with a status that is not taken.
async fn change(admin: &Client, kind: &Kind, row: &Row, made: &Value) -> Value {
    let path = format!("{}/{}", collection(kind), row.name);
    let patch = json!({"spec": row.other, "status": row.status, "metadata": {"labels": {"mine": "1"}}});
    let patch = if row.other.is_some() { patch } else { json!({"status": row.status, "metadata": patch["metadata"]}) };
    let changed = good(&row.kind, admin.merge(&path, &patch).await);
    assert_eq!(changed["status"], made["status"], "{}: a change of the object leaves the status", row.kind);
    assert_eq!(changed["metadata"]["labels"]["mine"], "1", "{}", row.kind);
    if let Some(other) = &row.other {
        assert!(has(&changed["spec"], other), "{}: {changed}", row.kind);
    }
    let counted = generation(made).map(|generation| generation + i64::from(row.other.is_some()));
    assert_eq!(generation(&changed), counted, "{}: a change of the spec counts, one of a label does not", row.kind);
    changed
}

/// Writes the status, with the old spec or an impossible one, which is not taken.
async fn report(admin: &Client, kind: &Kind, row: &Row, made: &Value, changed: &Value) {
    let path = format!("{}/{}", collection(kind), row.name);
    let part = format!("{path}/status");
    let mut told = changed.clone();
    told["spec"] = made["spec"].clone();
    for (field, value) in row.fixed.iter().filter_map(Value::as_object).flatten() {
        told["spec"][field] = value.clone();
    }
    assert_ne!(told["spec"], changed["spec"], "{}: there is a spec to ignore", row.kind);
    told["status"] = row.status.clone();
    told["metadata"]["labels"] = json!({"mine": "2"});
    told["metadata"]["generation"] = 99.into();
    let reported = good(&row.kind, admin.ask(Method::PUT, &part, &[], &told.to_string()).await);
    assert!(has(&reported["status"], &row.status), "{}: {reported}", row.kind);
    assert_eq!(reported["spec"], changed["spec"], "{}: a status leaves the spec", row.kind);
    assert_eq!(generation(&reported), generation(changed), "{}: a status does not count", row.kind);
    let label = if row.kept { "1" } else { "2" };
    assert_eq!(reported["metadata"]["labels"]["mine"], label, "{}: what a status may say of metadata", row.kind);
    assert_eq!(good(&row.kind, admin.get(&path).await), reported, "{}", row.kind);
    assert_eq!(good(&row.kind, admin.get(&part).await), reported, "{}", row.kind);
    let entries = reported["metadata"]["managedFields"].as_array().unwrap();
    let owners: Vec<&Value> = entries.iter().filter(|entry| entry["subresource"] == "status").collect();
    let [owner] = owners[..] else { panic!("{}: {entries:?}", row.kind) };
    let label = &owner["fieldsV1"]["f:metadata"]["f:labels"]["f:mine"];
    let owned = (owner["fieldsV1"]["f:status"].is_object(), label.is_object());
    assert_eq!(owned, (!row.born, !row.kept), "{}: {owner}", row.kind);
    let stale = admin.ask(Method::PUT, &part, &[], &told.to_string()).await;
    assert_eq!(stale.0, 409, "{}: a status of an older revision is refused: {}", row.kind, stale.1);
    assert_eq!(admin.ask(Method::DELETE, &part, &[], "").await.0, 405, "{}", row.kind);
}
