//! `apply`: what a file says becomes so; what it no longer says goes; what others set stays.

use http::Method;
use serde_json::{Map, Value, json};

use crate::arguments::Apply;
use crate::client::{Client, CommandError, Result, ask, send};
use crate::resource::{Discovery, Resource};
use crate::{manifest, output};

/// Where the previous manifest is kept, so that kubectl and this command can take turns.
const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

/// Runs the command. Every object is tried, and each outcome told.
///
/// # Errors
/// When an object fails; with several, how many.
pub async fn run(client: &Client, apply: &Apply) -> Result<()> {
    let objects = manifest::read(&apply.filename)?;
    objects_of(client, objects).await
}

/// Applies objects.
///
/// # Errors
/// As [`run`].
pub async fn objects_of(client: &Client, objects: Vec<Value>) -> Result<()> {
    let discovery = Discovery::load(client).await?;
    let total = objects.len();
    let mut failures = Vec::new();
    for object in objects {
        match one(client, &discovery, object).await {
            Ok(line) => output::line(&line)?,
            Err(error) => failures.push(error),
        }
    }
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        failed => {
            let progress = crate::progress::Progress::new();
            failures.iter().for_each(|error| progress.say(&error.to_string()));
            Err(CommandError::Some(failed, total))
        }
    }
}

async fn one(client: &Client, discovery: &Discovery, mut object: Value) -> Result<String> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let resource = discovery.of_kind(&text("apiVersion"), &text("kind"))?;
    let name = name_of(&object)?;
    let namespace =
        object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(&client.namespace).to_owned();
    if resource.namespaced {
        object["metadata"]["namespace"] = json!(namespace);
    }
    let last = object.to_string();
    object["metadata"]["annotations"][LAST] = json!(last);
    let outcome = put(client, resource, &namespace, &name, &object).await?;
    Ok(format!("{} {outcome}", resource.display(&name)))
}

/// Name of an object in a manifest.
///
/// # Errors
/// When it has none.
pub fn name_of(object: &Value) -> Result<String> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| CommandError::Usage("an object has no metadata.name".into()))
}

async fn put(
    client: &Client,
    resource: &Resource,
    namespace: &str,
    name: &str,
    object: &Value,
) -> Result<&'static str> {
    let path = resource.path(Some(namespace), Some(name));
    let query = "fieldManager=bireme&fieldValidation=Strict";
    match client.json(ask(Method::GET, &path, JSON)?).await {
        Ok(live) => {
            let previous =
                live.pointer("/metadata/annotations").and_then(|notes| notes.get(LAST)).and_then(Value::as_str);
            let previous = previous.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
            let patch = change(&previous, object, &live);
            if patch.as_object().is_some_and(Map::is_empty) {
                return Ok("unchanged");
            }
            client.json(send(Method::PATCH, &format!("{path}?{query}"), MERGE, &patch)?).await?;
            Ok("configured")
        }
        Err(error) if error.is_not_found() => {
            let path = resource.path(Some(namespace), None);
            client.json(send(Method::POST, &format!("{path}?{query}"), JSON, object)?).await?;
            Ok("created")
        }
        Err(error) => Err(error),
    }
}

/// Merge patch that makes `live` say what `wanted` says and forget what only `previous` said. Lists are taken as a whole;
/// one that is in effect already, though defaults were added to its items, is left alone.
fn change(previous: &Value, wanted: &Value, live: &Value) -> Value {
    let (Some(wanted), Some(live)) = (wanted.as_object(), live.as_object()) else { return wanted.clone() };
    let mut patch = Map::new();
    for (name, value) in wanted {
        let (before, now) = (previous.get(name).unwrap_or(&Value::Null), live.get(name));
        match now {
            Some(now) if value.is_object() && now.is_object() => {
                let inner = change(before, value, now);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    patch.insert(name.clone(), inner);
                }
            }
            Some(now) if covers(now, value) && (before == value || !value.is_array() || before.is_null()) => {}
            _ => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
    for name in previous.as_object().into_iter().flat_map(Map::keys) {
        if !wanted.contains_key(name) && live.contains_key(name) {
            patch.insert(name.clone(), Value::Null);
        }
    }
    Value::Object(patch)
}

/// Whether `live` says all that `wanted` says.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| live.get(name).is_some_and(|live| covers(live, value)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| covers(live, wanted))
        }
        _ => live == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(previous: &Value, wanted: &Value, live: &Value, patch: &Value) {
        assert_eq!(change(previous, wanted, live), *patch);
    }

    #[test]
    fn what_is_new_is_set_and_what_is_no_longer_said_goes() {
        check(
            &json!({"data": {"a": "1", "b": "2"}}),
            &json!({"data": {"a": "3"}}),
            &json!({"data": {"a": "1", "b": "2", "others": "x"}, "status": {}}),
            &json!({"data": {"a": "3", "b": null}}),
        );
    }

    #[test]
    fn nothing_changes_when_defaults_were_added() {
        let manifest = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
        let live = json!({"spec": {"containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always"}], "dnsPolicy": "x"}});
        check(&manifest, &manifest, &live, &json!({}));
    }

    #[test]
    fn a_field_dropped_from_an_item_replaces_the_list() {
        let previous = json!({"spec": {"containers": [{"name": "c", "image": "i", "tty": true}]}});
        let wanted = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
        check(&previous, &wanted, &previous, &wanted);
    }
}
