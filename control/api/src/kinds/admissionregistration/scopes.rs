//! What expressions of webhooks and policies may name.

use crate::cel::{Outcome, Scope};
use crate::field::Field;

/// Variables, each with its type.
type Variables = &'static [(&'static str, &'static str)];

/// What every expression knows: the object before and after, the request, and its namespace.
const COMMON: Variables = &[
    ("object", "dyn"),
    ("oldObject", "dyn"),
    ("request", "kubernetes.AdmissionRequest"),
    ("namespaceObject", "kubernetes.Namespace"),
];
/// What asks whether somebody may do something.
const AUTHORIZER: Variables = &[
    ("authorizer", "kubernetes.authorization.Authorizer"),
    ("authorizer.requestResource", "kubernetes.authorization.ResourceCheck"),
];
const PARAMETERS: Variables = &[("params", "dyn")];

/// Conditions know parameters when the policy, given by its `spec`, has some; those of webhooks have none.
pub(super) fn condition(policy: Option<&Field<'_>>) -> Scope<'static> {
    Scope::new(COMMON, Outcome::Truth).and(AUTHORIZER).and(policy.map_or(&[], parameters))
}

/// Expressions of a policy that know as many of its variables.
pub(super) fn part<'a>(spec: &Field<'a>, variables: usize) -> Scope<'a> {
    let scope = Scope::new(COMMON, Outcome::Any).and(AUTHORIZER).and(parameters(spec));
    with_variables(scope, spec, variables)
}

/// Messages, which are told to whoever asked, do not ask what they may do.
pub(super) fn message<'a>(spec: &Field<'a>) -> Scope<'a> {
    let known = part(spec, usize::MAX);
    known.to(Outcome::Text).without(AUTHORIZER)
}

fn parameters(spec: &Field<'_>) -> Variables {
    if spec.at("paramKind").is_set() { PARAMETERS } else { &[] }
}

/// Each variable knows those before it.
fn with_variables<'a>(scope: Scope<'a>, spec: &Field<'a>, most: usize) -> Scope<'a> {
    let list = spec.at("variables");
    list.items()
        .take(most)
        .fold(scope, |scope, one| scope.with_field(one.at("name").text(), one.at("expression").text()))
}
