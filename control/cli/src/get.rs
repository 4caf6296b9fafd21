//! `get`: tables, objects, and watching.

use futures::AsyncBufReadExt;
use http::Method;
use serde_json::Value;

use crate::arguments::{Form, Get};
use crate::client::{Client, Result, ask};
use crate::output;
use crate::resource::{Discovery, Resource, targets};

/// Accept header that asks for a table.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const JSON: &str = "application/json";

/// Runs the command.
///
/// # Errors
/// When the server refuses, or the output cannot be written.
pub async fn run(client: &Client, get: &Get) -> Result<()> {
    let discovery = Discovery::load(client).await?;
    let targets = targets(&discovery, &get.resource, &get.names)?;
    let many = targets.len() > 1 && get.names.is_empty();
    let mut items = Vec::new();
    let mut empty = true;
    for (nth, (resource, name)) in targets.iter().enumerate() {
        let path = path(client, get, resource, name.as_deref());
        match get.output {
            Some(Form::Yaml | Form::Json) => items.push(client.json(ask(Method::GET, &path, JSON)?).await?),
            Some(Form::Name) => {
                for object in list(client.json(ask(Method::GET, &path, JSON)?).await?) {
                    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                    output::line(&resource.display(name))?;
                    empty = false;
                }
            }
            Some(Form::Wide) | None => {
                let table = client.json(ask(Method::GET, &path, TABLE)?).await?;
                let rows = rows(&table, get, many.then_some(*resource), true);
                if rows.len() > 1 {
                    if nth > 0 && !empty && many {
                        output::line("")?;
                    }
                    empty = false;
                    for line in output::table(&rows) {
                        output::line(&line)?;
                    }
                }
                if get.watch {
                    let from = table.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
                    watch(client, get, &path, from).await?;
                }
            }
        }
    }
    if !items.is_empty() {
        return print(items, get.output == Some(Form::Yaml));
    }
    if empty {
        let place = if get.all_namespaces { String::new() } else { format!(" in {} namespace", client.namespace) };
        crate::progress::Progress::new().say(&format!("No resources found{place}."));
    }
    Ok(())
}

fn path(client: &Client, get: &Get, resource: &Resource, name: Option<&str>) -> String {
    let namespace = (!get.all_namespaces).then_some(client.namespace.as_str());
    let mut path = resource.path(namespace, name);
    if let Some(selector) = &get.selector {
        path.push_str("?labelSelector=");
        path.push_str(&escape(selector));
    }
    path
}

/// Percent-encodes what a query may not hold.
pub(crate) fn escape(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn list(value: Value) -> Vec<Value> {
    match value.get("items") {
        Some(Value::Array(items)) => items.clone(),
        _ => vec![value],
    }
}

/// Rows of a table as text, the header first. With several resources, names carry their resource.
fn rows(table: &Value, get: &Get, named: Option<&Resource>, header: bool) -> Vec<Vec<String>> {
    let columns = table.get("columnDefinitions").and_then(Value::as_array).cloned().unwrap_or_default();
    let wide = get.output == Some(Form::Wide);
    let shown: Vec<usize> = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| wide || column.get("priority").and_then(Value::as_i64).unwrap_or(0) == 0)
        .map(|(at, _)| at)
        .collect();
    let mut rows = Vec::new();
    if header {
        let titles = shown.iter().map(|at| columns[*at]["name"].as_str().unwrap_or_default().to_uppercase());
        rows.push(get.all_namespaces.then(|| "NAMESPACE".to_owned()).into_iter().chain(titles).collect());
    }
    for row in table.get("rows").and_then(Value::as_array).into_iter().flatten() {
        let cells = row.get("cells").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let namespace = row.pointer("/object/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let text = |(nth, at): (usize, &usize)| match (nth, named, cells.get(*at)) {
            (0, Some(resource), Some(Value::String(name))) => resource.display(name),
            (_, _, Some(Value::String(text))) => text.clone(),
            (_, _, Some(value)) => value.to_string(),
            (_, _, None) => String::new(),
        };
        let cells = shown.iter().enumerate().map(text);
        rows.push(get.all_namespaces.then(|| namespace.to_owned()).into_iter().chain(cells).collect());
    }
    rows
}

async fn watch(client: &Client, get: &Get, path: &str, from: &str) -> Result<()> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{joint}watch=true&resourceVersion={from}");
    let mut lines = client.stream(ask(Method::GET, &path, TABLE)?).await?;
    let mut columns = Value::Null;
    let mut line = String::new();
    while lines.read_line(&mut line).await? > 0 {
        if let Ok(event) = serde_json::from_str::<Value>(&line)
            && let Some(table) = event.get("object")
        {
            let mut table = table.clone();
            // Only the first table of a watch names its columns.
            match table.get("columnDefinitions").filter(|columns| columns.is_array()) {
                Some(named) => columns = named.clone(),
                None => table["columnDefinitions"] = columns.clone(),
            }
            for line in output::table(&rows(&table, get, None, false)) {
                output::line(&line)?;
            }
        }
        line.clear();
    }
    Ok(())
}

fn print(mut items: Vec<Value>, yaml: bool) -> Result<()> {
    let value = match items.pop() {
        Some(only) if items.is_empty() => only,
        last => {
            items.extend(last);
            let items: Vec<Value> = items.into_iter().flat_map(list).collect();
            serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items})
        }
    };
    let text = if yaml {
        serde_yaml_ng::to_string(&value).map_err(std::io::Error::other)?
    } else {
        format!("{}\n", serde_json::to_string_pretty(&value).map_err(std::io::Error::other)?)
    };
    Ok(output::raw(text.as_bytes())?)
}
