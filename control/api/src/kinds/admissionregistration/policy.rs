//! What policies that judge and policies that change share.

use serde_json::Value;

use super::{conditions, match_resources, scopes};
use crate::cel::{self, Scope};
use crate::field::{Errors, Field};
use crate::kind::Column;
use crate::kinds::{AGE, NAME, cells, column};
use crate::meta::Timestamp;
use crate::{json, name};

/// Columns of a policy that consists of so named parts.
pub(super) const fn columns(parts: &'static str) -> [Column; 4] {
    [
        NAME,
        column(parts, "integer", "Number of its rules."),
        column("ParamKind", "string", "Kind of what it takes parameters from."),
        AGE,
    ]
}

/// Fills what is not given.
pub(super) fn default(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    json::fill(spec, "failurePolicy", "Fail");
    if let Some(matches) = spec.get_mut("matchConstraints") {
        match_resources::default(matches);
    }
}

/// Everything wrong with what both kinds of policies have.
pub(super) fn validate(spec: &Field<'_>) -> Errors {
    let (kind, matches) = (spec.at("paramKind"), spec.at("matchConstraints"));
    let mut errors: Errors = spec.at("failurePolicy").must_be_one_of(&["Fail", "Ignore"]).into_iter().collect();
    if kind.is_set() {
        errors.extend(param_kind(&kind));
    }
    if matches.is_set() {
        errors.extend(match_resources::validate(&matches));
        errors.extend(matches.at("resourceRules").must());
    } else {
        errors.push(matches.required(""));
    }
    errors.extend(conditions::conditions(&spec.at("matchConditions"), &scopes::condition(Some(spec))));
    // Each knows those before it.
    let variables = spec.at("variables").items().enumerate();
    errors.extend(variables.flat_map(|(nth, one)| variable(&one, &scopes::part(spec, nth))));
    errors
}

fn param_kind(of: &Field<'_>) -> Errors {
    let (version, kind) = (of.at("apiVersion"), of.at("kind"));
    let mut errors = api_version(&version);
    let wrong = name::label_1035(&kind.text().to_lowercase());
    if kind.is_empty() {
        errors.push(kind.required(""));
    } else if !wrong.is_empty() {
        errors.push(kind.invalid(format!("may have mixed case, but should otherwise match: {}", wrong.join(","))));
    }
    errors
}

fn api_version(field: &Field<'_>) -> Errors {
    if field.is_empty() {
        return vec![field.required("")];
    }
    let (group, version) = match field.text().split('/').collect::<Vec<_>>().as_slice() {
        [version] => ("", *version),
        [group, version] => (*group, *version),
        _ => return vec![field.invalid(format!("unexpected GroupVersion string: {}", field.text()))],
    };
    let mut errors = Errors::new();
    let wrong = if group.is_empty() { Vec::new() } else { name::subdomain(group) };
    errors.extend((!wrong.is_empty()).then(|| field.invalid_part(group, wrong.join(","))));
    let wrong = name::label_1035(version);
    if version.is_empty() {
        errors.push(field.invalid("version must be specified"));
    } else if !wrong.is_empty() {
        errors.push(field.invalid_part(version, wrong.join(",")));
    }
    errors
}

/// Words that mean something else in the Common Expression Language, literals among them.
const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

fn variable(variable: &Field<'_>, scope: &Scope<'_>) -> Errors {
    let (own, expression) = (variable.at("name"), variable.at("expression"));
    let mut errors = Errors::new();
    if own.text().trim().is_empty() {
        errors.push(own.required("name is not specified"));
    } else if !is_identifier(own.text()) {
        errors.push(own.invalid("name is not a valid CEL identifier"));
    }
    let missing = expression.text().trim().is_empty();
    errors.extend(missing.then(|| expression.required("expression is not specified")));
    errors.extend(cel::check(&expression, scope));
    errors
}

fn is_identifier(text: &str) -> bool {
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit()) && !RESERVED.contains(&text)
}

/// Cells for [`columns`] of a policy whose parts are in that list.
pub(super) fn cells(object: &Value, parts: &str, now: Timestamp) -> Vec<Value> {
    let parts = json::items(object, parts).len();
    let kind = match object.pointer("/spec/paramKind") {
        None => "<unset>".to_owned(),
        Some(kind) => format!("{}/{}", json::text(kind, "/apiVersion"), json::text(kind, "/kind")),
    };
    vec![cells::name(object), parts.into(), kind.into(), cells::age(object, now)]
}
