//! Whether an applied configuration fits the schema. It is checked as it was sent, before it meets the live object.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::Element;
use super::place::{Form, Items, Place};
use crate::schema::Scalar;

/// Most problems that are told; the rest would not be read.
const PROBLEMS_MAX: usize = 100;

/// Everything that does not fit, each with its path, in the words of Kubernetes; `None` when all fits.
pub(super) fn problems(place: Place, config: &Value) -> Option<String> {
    let mut problems = Vec::new();
    check(place, config, &mut String::new(), &mut problems);
    match problems.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(many.iter().fold("errors:".to_owned(), |text, one| text + "\n  " + one)),
    }
}

fn check(place: Place, value: &Value, path: &mut String, problems: &mut Vec<String>) {
    if value.is_null() || problems.len() >= PROBLEMS_MAX {
        return;
    }
    match (place.form(value), value) {
        (Form::Map, Value::Object(fields)) => {
            for (name, value) in fields {
                let Some(inner) = place.field(name) else {
                    problems.push(format!("{path}.{name}: field not declared in schema"));
                    return;
                };
                below(path, &Element::field(name), |path| check(inner, value, path, problems));
            }
        }
        (Form::Map, _) => problems.push(format!("{path}: expected map, got &{{{}}}", go(value))),
        (Form::List, Value::Array(items)) => in_list(place, items, path, problems),
        (Form::List, _) => problems.push(format!("{path}: expected list, got &{{{}}}", go(value))),
        (Form::Scalar, _) => {
            if let Place::Scalar(scalar) = place
                && let Some(what) = misfit(scalar, value)
            {
                problems.push(format!("{path}: {what}"));
            }
        }
    }
}

fn in_list(place: Place, items: &[Value], path: &mut String, problems: &mut Vec<String>) {
    let keyed = matches!(place, Place::List { how: Items::Set | Items::Keys(_), .. });
    let mut seen = BTreeSet::new();
    for (nth, item) in items.iter().enumerate() {
        let element =
            if keyed { place.element(item) } else { i64::try_from(nth).map(Element::Index).map_err(|_| String::new()) };
        let element = match element {
            Ok(element) => element,
            Err(why) => return problems.push(format!("{path}: element {nth}: {why}")),
        };
        if keyed && seen.contains(&element) {
            problems.push(format!("{path}: duplicate entries for key {element}"));
        }
        below(path, &element, |path| check(place.item(), item, path, problems));
        seen.insert(element);
    }
}

/// Runs with the path one step longer.
fn below(path: &mut String, element: &Element, run: impl FnOnce(&mut String)) {
    let length = path.len();
    // Writing to text does not fail.
    if write!(path, "{element}").is_ok() {
        run(path);
    }
    path.truncate(length);
}

fn misfit(scalar: Scalar, value: &Value) -> Option<String> {
    let shown = || format!("&value.valueUnstructured{{Value:{}}}", go_syntax(value));
    match (scalar, value) {
        (Scalar::String | Scalar::Bytes, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Int32 | Scalar::Int64 | Scalar::Double, Value::Number(_)) => None,
        (Scalar::String | Scalar::Bytes, _) => Some(format!("expected string, got {}", shown())),
        (Scalar::Boolean, _) => Some(format!("expected boolean, got &{{{}}}", go(value))),
        (Scalar::Int32 | Scalar::Int64 | Scalar::Double, _) => {
            Some(format!("expected numeric (int or float), got {}", go_type(value)))
        }
        (_, Value::Array(_) | Value::Object(_)) => Some(format!("expected any scalar, got &{{{}}}", go(value))),
        _ => None,
    }
}

/// The value as Go prints it.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let entries: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{}", go(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// The value as Go source.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let entry = |(name, value): (&String, &Value)| format!("{name:?}:{}", go_syntax(value));
            format!("map[string]interface {{}}{{{}}}", fields.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
