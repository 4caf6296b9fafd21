//! Rules of a Service.

mod ports;
mod traffic;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::service_spec::{HEADLESS, is_headless, stacks};
use crate::{metadata, name, network};

const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";

/// Everything wrong with a Service.
pub(super) fn service(object: &Value) -> Errors {
    let root = Field::root(object);
    let spec = root.at("spec");
    let kind = spec.at("type");
    let mut errors = topology(&root.at("metadata").at("annotations"));
    let list = spec.at("ports");
    if list.is_empty() && !is_headless(spec.value) && kind.text() != "ExternalName" {
        errors.push(list.required(""));
    }
    errors.extend(of_type(&spec, kind.text()));
    errors.extend(ports::each(&list));
    errors.extend(metadata::labels(&spec.at("selector")));
    errors.extend(affinity(&spec));
    errors.extend(stacks::rules(&spec));
    for address in spec.at("externalIPs").items() {
        let wrong = network::address(&address);
        errors.extend(wrong.map_or_else(|| network::not_special(&address), |wrong| vec![wrong]));
    }
    errors.extend(kind.must_be_one_of(&["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]));
    errors.extend(ports::together(&list, kind.text()));
    errors.extend(traffic::balancer(&root));
    errors.extend(traffic::policies(&spec));
    errors
}

fn topology(annotations: &Field<'_>) -> Errors {
    let (hints, mode) = (annotations.entry(HINTS), annotations.entry(MODE));
    let differ = hints.is_set() && mode.is_set() && hints.value != mode.value;
    let why = format!("must match annotations[{HINTS}] when both are specified");
    differ.then(|| mode.invalid(why)).into_iter().collect()
}

/// What Services of some types may not have, and those of other names must.
fn of_type(spec: &Field<'_>, kind: &str) -> Errors {
    let mut errors = Errors::new();
    let first = spec.at("clusterIPs").nth(0);
    match kind {
        "NodePort" | "LoadBalancer" if is_headless(spec.value) => {
            errors.push(first.invalid(format!("may not be set to '{HEADLESS}' for {kind} services")));
        }
        "ExternalName" => {
            let given = ["clusterIPs", "ipFamilies", "ipFamilyPolicy"].map(|name| spec.at(name));
            let given = given.iter().filter(|field| !field.is_empty());
            errors.extend(given.map(|field| field.forbidden("may not be set for ExternalName services")));
            let target = spec.at("externalName");
            // A dot at the end says that the name is whole.
            let host = target.text().strip_suffix('.').unwrap_or(target.text());
            if host.is_empty() {
                errors.push(target.required(""));
            }
            let wrong = if host.is_empty() { Vec::new() } else { name::subdomain(host) };
            errors.extend(wrong.into_iter().map(|why| target.invalid_part(host, why)));
        }
        _ => {}
    }
    errors
}

fn affinity(spec: &Field<'_>) -> Errors {
    /// Longest time for which a client stays with a pod: a day.
    const SECONDS_MAX: i64 = 86_400;
    let (kind, config) = (spec.at("sessionAffinity"), spec.at("sessionAffinityConfig"));
    let mut errors: Errors = kind.must_be_one_of(&["ClientIP", "None"]).into_iter().collect();
    if kind.text() == "None" && config.is_set() {
        errors.push(config.forbidden("must not be set when session affinity is None"));
    }
    let seconds = config.at("clientIP").at("timeoutSeconds");
    if kind.text() == "ClientIP" && seconds.integer().is_some_and(|seconds| !(1..=SECONDS_MAX).contains(&seconds)) {
        errors.push(seconds.invalid(format!("must be greater than 0 and less than {SECONDS_MAX}")));
    }
    errors
}

#[cfg(test)]
mod tests;
