//! What expressions of webhooks and policies may name.

use crate::cel::{Outcome, Scope};
use crate::field::Field;

/// What every expression knows: the object before and after, the request, and its namespace.
const COMMON: &[&str] = &["object", "oldObject", "request", "namespaceObject"];
const AUTHORIZER: Option<&str> = Some("authorizer");

/// Conditions know parameters when the policy, given by its `spec`, has some; those of webhooks have none.
pub(super) fn condition(policy: Option<&Field<'_>>) -> Scope<'static> {
    let parameters = policy.and_then(parameters);
    Scope::new(COMMON, Outcome::Truth).and(AUTHORIZER).and(parameters)
}

/// Expressions of a policy that know as many of its variables.
pub(super) fn part<'a>(spec: &Field<'a>, variables: usize) -> Scope<'a> {
    let scope = Scope::new(COMMON, Outcome::Any).and(AUTHORIZER).and(parameters(spec));
    with_variables(scope, spec, variables)
}

/// Messages, which are told to whoever asked, do not ask what they may do.
pub(super) fn message<'a>(spec: &Field<'a>) -> Scope<'a> {
    let scope = Scope::new(COMMON, Outcome::Text).and(parameters(spec));
    with_variables(scope, spec, usize::MAX)
}

fn parameters(spec: &Field<'_>) -> Option<&'static str> {
    spec.at("paramKind").is_set().then_some("params")
}

fn with_variables<'a>(scope: Scope<'a>, spec: &Field<'a>, most: usize) -> Scope<'a> {
    let list = spec.at("variables");
    if list.is_empty() {
        return scope;
    }
    scope.with_fields(list.items().take(most).map(|one| one.at("name").text()))
}
