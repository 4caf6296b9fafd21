//! Rules of probes and lifecycle hooks.

use crate::field::{Errors, Field};
use crate::name;
use crate::network::port_or_name;

/// What probes can do, and what hooks can.
const PROBES: &[&str] = &["exec", "httpGet", "tcpSocket", "grpc"];
const HOOKS: &[&str] = &["exec", "httpGet", "tcpSocket", "sleep"];

/// Everything wrong with a liveness or startup probe: one success is all there is to wait for.
pub(super) fn must_succeed_once(probe: &Field<'_>) -> Errors {
    let mut errors = common(probe);
    let successes = probe.at("successThreshold");
    if successes.integer().is_some_and(|number| number != 1) {
        errors.push(successes.invalid("must be 1"));
    }
    errors
}

/// Everything wrong with a readiness probe: it stops nothing, so it has no grace.
pub(super) fn readiness(probe: &Field<'_>) -> Errors {
    let mut errors = common(probe);
    let grace = probe.at("terminationGracePeriodSeconds");
    errors.extend(grace.is_set().then(|| grace.invalid("must not be set for readinessProbes")));
    errors
}

fn common(probe: &Field<'_>) -> Errors {
    if !probe.is_set() {
        return Errors::new();
    }
    let mut errors = handler(probe, PROBES, None);
    errors.extend(probe.none_negative(&[
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ]));
    let grace = probe.at("terminationGracePeriodSeconds");
    if grace.integer().is_some_and(|seconds| seconds < 1) {
        errors.push(grace.invalid("must be greater than 0"));
    }
    errors
}

/// Everything wrong with a hook of a pod that has so many seconds to stop.
pub(super) fn hook(hook: &Field<'_>, grace: Option<i64>) -> Errors {
    handler(hook, HOOKS, grace)
}

/// Everything wrong with what a probe or hook does: exactly one thing, said completely.
fn handler(parent: &Field<'_>, kinds: &[&str], grace: Option<i64>) -> Errors {
    let given: Vec<Field<'_>> = kinds.iter().map(|name| parent.at(name)).filter(Field::is_set).collect();
    let Some((first, extra)) = given.split_first() else {
        return vec![parent.required("must specify a handler type")];
    };
    let mut errors = action(first, grace);
    errors.extend(extra.iter().map(|one| one.forbidden("may not specify more than 1 handler type")));
    errors
}

fn action(action: &Field<'_>, grace: Option<i64>) -> Errors {
    match action.path().rsplit('.').next().unwrap_or_default() {
        "exec" => action.at("command").must().into_iter().collect(),
        "httpGet" => http(action),
        "sleep" => {
            let seconds = action.at("seconds").integer().unwrap_or_default();
            let grace = grace.filter(|grace| !(0..=*grace).contains(&seconds));
            let why = |grace| format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            grace.map(|grace| action.invalid_part(seconds, why(grace))).into_iter().collect()
        }
        _ => port_or_name(&action.at("port")),
    }
}

fn http(get: &Field<'_>) -> Errors {
    let headers = get.at("httpHeaders");
    let mut errors: Errors = get.at("path").must().into_iter().collect();
    errors.extend(port_or_name(&get.at("port")));
    errors.extend(get.at("scheme").one_of(&["HTTP", "HTTPS"]));
    for header in headers.items().map(|header| header.at("name").text()) {
        errors.extend(name::http_header(header).into_iter().map(|why| headers.invalid_part(header, why)));
    }
    errors
}
