//! What bindings of policies share: a policy, its parameters, and what it is about.

use serde_json::Value;

use super::match_resources;
use crate::field::{Errors, Field};
use crate::kind::Column;
use crate::kinds::{AGE, NAME, cells, column};
use crate::meta::Timestamp;
use crate::{json, name, pod_spec};

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    column("PolicyName", "string", "Policy that is put in force."),
    column("ParamRef", "string", "What it takes parameters from."),
    AGE,
];

/// Fills what is not given.
pub(super) fn default(object: &mut Value) {
    if let Some(matches) = object.pointer_mut("/spec/matchResources") {
        match_resources::default(matches);
    }
    if let Some(parameters) = object.pointer_mut("/spec/paramRef") {
        json::fill(parameters, "parameterNotFoundAction", "Deny");
    }
}

/// Everything wrong with what both kinds of bindings have.
pub(super) fn validate(spec: &Field<'_>) -> Errors {
    let (parameters, matches) = (spec.at("paramRef"), spec.at("matchResources"));
    let mut errors = spec.at("policyName").must_be_named(name::subdomain);
    if parameters.is_set() {
        errors.extend(self::parameters(&parameters));
    }
    if matches.is_set() {
        // Kubernetes spells the field so in what it tells.
        let told = match_resources::validate(&matches).into_iter();
        errors.extend(told.map(|mut error| {
            error.path = error.path.replacen("spec.matchResources", "spec.matchResouces", 1);
            error
        }));
    }
    errors
}

fn parameters(of: &Field<'_>) -> Errors {
    let (own, selector) = (of.at("name"), of.at("selector"));
    let exclusive = "name and selector are mutually exclusive";
    let both = !own.is_empty() && selector.is_set();
    let mut errors = own.named(name::path_segment);
    errors.extend(both.then(|| own.forbidden(exclusive)));
    errors.extend(pod_spec::label_selector(&selector));
    errors.extend(both.then(|| selector.forbidden(exclusive)));
    if own.is_empty() && !selector.is_set() {
        errors.push(of.required("one of name or selector must be specified"));
    }
    let action = of.at("parameterNotFoundAction");
    errors.extend(action.must_be_one_of(&["Deny", "Allow"]));
    errors
}

/// Cells for [`COLUMNS`].
pub(super) fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let part = |name: &str| json::text(object, &format!("/spec/paramRef/{name}"));
    let parameters = match (part("namespace"), part("name")) {
        (_, "") => object.pointer("/spec/paramRef/selector").map_or_else(|| "<unset>".to_owned(), cells::selector),
        ("", own) => format!("*/{own}"),
        (namespace, own) => format!("{namespace}/{own}"),
    };
    let policy = json::text(object, "/spec/policyName");
    vec![cells::name(object), policy.into(), parameters.into(), cells::age(object, now)]
}
