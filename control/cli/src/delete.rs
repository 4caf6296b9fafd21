//! `delete`: by name or by file, waiting until the objects are gone.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::apply::name_of;
use crate::arguments::Delete;
use crate::client::{Client, CommandError, Result, ask, send};
use crate::resource::{Discovery, Resource, targets};
use crate::{manifest, output};

const JSON: &str = "application/json";
/// Wait between looks whether an object is gone.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the command.
///
/// # Errors
/// When an object is not there (unless that is no error) or the server refuses.
pub async fn run(client: &Client, delete: &Delete) -> Result<()> {
    let discovery = Discovery::load(client).await?;
    let mut doomed: Vec<(&Resource, String, String)> = Vec::new();
    if delete.filename.is_empty() {
        let resource = delete.resource.as_deref().unwrap_or_default();
        for (resource, name) in targets(&discovery, resource, &delete.names)? {
            let name =
                name.ok_or_else(|| CommandError::Usage("resource(s) were provided, but no name was specified".into()))?;
            doomed.push((resource, client.namespace.clone(), name));
        }
    } else {
        for object in manifest::read(&delete.filename)? {
            let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
            let resource = discovery.of_kind(text("apiVersion"), text("kind"))?;
            let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(&client.namespace);
            doomed.push((resource, namespace.to_owned(), name_of(&object)?));
        }
    }
    let mut waiting = Vec::new();
    for (resource, namespace, name) in doomed {
        let path = resource.path(Some(&namespace), Some(&name));
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        if let Some(grace) = delete.grace_period {
            options["gracePeriodSeconds"] = json!(grace);
        }
        match client.json(send(Method::DELETE, &path, JSON, &options)?).await {
            Ok(answer) => {
                output::line(&format!("{} \"{name}\" deleted", shown(resource)))?;
                let uid = answer.pointer("/details/uid").or_else(|| answer.pointer("/metadata/uid"));
                waiting.push((path, uid.cloned()));
            }
            Err(error) if error.is_not_found() && delete.ignore_not_found => {}
            Err(error) => return Err(error),
        }
    }
    if !delete.no_wait {
        for (path, uid) in waiting {
            gone(client, &path, uid.as_ref()).await?;
        }
    }
    Ok(())
}

fn shown(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.singular.clone()
    } else {
        format!("{}.{}", resource.singular, resource.group)
    }
}

/// Waits until the object is gone, or another one has its name.
async fn gone(client: &Client, path: &str, uid: Option<&Value>) -> Result<()> {
    loop {
        match client.json(ask(Method::GET, path, JSON)?).await {
            Ok(live) if live.pointer("/metadata/uid") == uid => tokio::time::sleep(LOOK).await,
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
