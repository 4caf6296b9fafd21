//! Rules of probes and lifecycle hooks.

use crate::field::{Errors, Field};
use crate::name;
use crate::network::port_or_name;

/// Everything wrong with a liveness or startup probe: one success is all there is to wait for.
pub(super) fn must_succeed_once(probe: &Field<'_>) -> Errors {
    let mut errors = common(probe);
    let successes = probe.at("successThreshold");
    if successes.integer().is_some_and(|number| number != 1) {
        errors.push(successes.invalid("must be 1"));
    }
    let grace = probe.at("terminationGracePeriodSeconds");
    if grace.integer().is_some_and(|seconds| seconds < 1) {
        errors.push(grace.invalid("must be greater than 0"));
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
    let mut errors = handler(probe);
    let numbers = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    errors.extend(numbers.iter().filter_map(|name| probe.at(name).not_negative()));
    errors
}

/// Everything wrong with what a probe or hook does: exactly one thing, said completely.
pub(super) fn handler(parent: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let kinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"].map(|name| parent.at(name));
    let [exec, http, tcp, grpc, sleep] = &kinds;
    for (nth, extra) in kinds.iter().filter(|kind| kind.is_set()).enumerate() {
        errors.extend((nth > 0).then(|| extra.forbidden("may not specify more than 1 handler type")));
    }
    if exec.is_set() {
        errors.extend(exec.at("command").must());
    }
    if http.is_set() {
        errors.extend(http.at("path").must());
        errors.extend(port_or_name(&http.at("port")));
        errors.extend(http.at("scheme").one_of(&["HTTP", "HTTPS"]));
        let headers = http.at("httpHeaders").items();
        errors.extend(headers.flat_map(|header| header.at("name").must_be_named(name::http_header)));
    }
    if tcp.is_set() {
        errors.extend(port_or_name(&tcp.at("port")));
    }
    if grpc.is_set() {
        errors.extend(port_or_name(&grpc.at("port")));
    }
    if sleep.is_set() {
        errors.extend(sleep.at("seconds").not_negative());
    }
    if kinds.iter().all(|kind| !kind.is_set()) {
        errors.push(parent.required("must specify a handler type"));
    }
    errors
}
