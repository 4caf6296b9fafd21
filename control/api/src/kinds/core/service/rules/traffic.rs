//! Rules of load balancers before a Service, and of where its traffic goes.

use serde_json::json;

use crate::field::{Errors, Field};
use crate::service_spec::{has_address, is_balanced, is_reachable_from_outside, needs_health_check};
use crate::{name, network};

/// What an older way to say `loadBalancerSourceRanges` is called.
const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const BALANCED_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];

/// Everything wrong with what only load balancers read.
pub(super) fn balancer(root: &Field<'_>) -> Errors {
    let spec = root.at("spec");
    let balanced = is_balanced(spec.value);
    let mut errors = ranges(root, balanced);
    let (nodes, class) = (spec.at("allocateLoadBalancerNodePorts"), spec.at("loadBalancerClass"));
    if balanced {
        errors.extend((!nodes.is_set()).then(|| nodes.called("allocateLoadBalancerNodePorts").required("")));
        let wrong = if class.is_set() { name::qualified(class.text()) } else { Vec::new() };
        errors.extend(wrong.into_iter().map(|why| class.invalid(why)));
    } else {
        let given = [nodes, class].into_iter().filter(Field::is_set);
        errors.extend(given.map(|field| field.forbidden(BALANCED_ONLY)));
    }
    errors
}

/// Everything wrong with the ranges from which clients may come. Kubernetes calls the field by the name that it has in Go.
fn ranges(root: &Field<'_>, balanced: bool) -> Errors {
    let list = root.at("spec").at("loadBalancerSourceRanges").called("spec.LoadBalancerSourceRanges");
    let annotation = root.at("metadata").at("annotations").entry(RANGES);
    let (field, texts): (&Field<'_>, Vec<(String, &str)>) = if !list.is_empty() {
        (&list, list.items().map(|one| (one.path().to_owned(), one.text().trim())).collect())
    } else if annotation.is_set() {
        let texts = annotation.text().trim().split(',').map(str::trim);
        // Nothing but blanks says nothing.
        let texts = texts.filter(|_| !annotation.text().trim().is_empty());
        (&annotation, texts.map(|text| (annotation.path().to_owned(), text)).collect())
    } else {
        return Errors::new();
    };
    let mut errors: Errors = (!balanced).then(|| field.forbidden(BALANCED_ONLY)).into_iter().collect();
    for (path, text) in texts {
        let text = json!(text);
        errors.extend(network::range(&Field::root(&text).told_as(path)).err());
    }
    errors
}

/// Everything wrong with where traffic from outside and inside goes.
pub(super) fn policies(spec: &Field<'_>) -> Errors {
    let (outside, inside) = (spec.at("externalTrafficPolicy"), spec.at("internalTrafficPolicy"));
    let mut errors = Errors::new();
    if is_reachable_from_outside(spec.value) {
        errors.extend(outside.must_be_one_of(&["Cluster", "Local"]));
    } else if !outside.is_empty() {
        errors.push(outside.invalid("may only be set for externally-accessible services"));
    }
    let health = spec.at("healthCheckNodePort");
    let zero = health.integer().unwrap_or_default() == 0;
    if needs_health_check(spec.value) {
        errors.extend(zero.then(|| health.required("")).or_else(|| health.port()));
    } else if !zero {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(health.invalid(why));
    }
    let missing = !inside.is_set() && has_address(spec.value);
    errors.extend(missing.then(|| inside.required("")));
    errors.extend(inside.one_of(&["Cluster", "Local"]));
    errors.extend(spec.at("trafficDistribution").one_of(&DISTRIBUTIONS));
    errors
}
