//! The cell that shows what is measured and what it should be: `cpu: 12%/80%, 4/5 + 1 more...`.

use serde_json::Value;

use crate::json;
use crate::kinds::cells;

/// How many measures are shown before the rest is counted.
const SHOWN: usize = 2;

/// The cell of an autoscaler.
pub(super) fn cell(object: &Value) -> String {
    let (specs, seen) = (json::items(object, "/spec/metrics"), json::items(object, "/status/currentMetrics"));
    if specs.is_empty() {
        return cells::NONE.to_owned();
    }
    let all = specs.iter().enumerate().map(|(nth, spec)| one(spec, seen.get(nth).unwrap_or(&Value::Null)));
    let all: Vec<String> = all.collect();
    let shown = all[..all.len().min(SHOWN)].join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn one(spec: &Value, seen: &Value) -> String {
    let (field, prefixed) = match json::text(spec, "/type") {
        "External" => ("external", false),
        "Object" => ("object", false),
        "Pods" => ("pods", false),
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        _ => return "<unknown type>".to_owned(),
    };
    let (target, current) = (&spec[field]["target"], &seen[field]["current"]);
    let amount = |value: &Value, nothing: &str| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => nothing.to_owned(),
    };
    let pair = |name: &str| format!("{}/{}", amount(&current[name], cells::UNKNOWN), amount(&target[name], "0"));
    let text = match (prefixed, !target["averageValue"].is_null(), field) {
        (true, true, _) | (false, _, "pods") => pair("averageValue"),
        (true, false, _) => {
            let percent = |value: &Value, nothing: &str| {
                value.as_i64().map_or_else(|| nothing.to_owned(), |number| format!("{number}%"))
            };
            let name = "averageUtilization";
            format!("{}/{}", percent(&current[name], cells::UNKNOWN), percent(&target[name], "<auto>"))
        }
        (false, true, _) => format!("{} (avg)", pair("averageValue")),
        (false, false, _) => pair("value"),
    };
    if prefixed { format!("{}: {text}", json::text(&spec[field], "/name")) } else { text }
}
