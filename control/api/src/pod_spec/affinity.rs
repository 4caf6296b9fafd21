//! Rules of where a pod wants to be: near or far from nodes and pods, and spread over domains.

use crate::field::{Errors, Field};
use crate::name;

/// Everything wrong with `affinity`.
pub(super) fn affinity(affinity: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let node = affinity.at("nodeAffinity");
    let required = node.at("requiredDuringSchedulingIgnoredDuringExecution");
    if required.is_set() {
        let terms = required.at("nodeSelectorTerms");
        errors.extend(terms.is_empty().then(|| terms.required("must have at least one node selector term")));
        errors.extend(terms.items().flat_map(|term| node_term(&term)));
    }
    for preferred in node.at("preferredDuringSchedulingIgnoredDuringExecution").items() {
        errors.extend(weight(&preferred));
        errors.extend(node_term(&preferred.at("preference")));
    }
    for pods in ["podAffinity", "podAntiAffinity"].map(|name| affinity.at(name)) {
        let required = pods.at("requiredDuringSchedulingIgnoredDuringExecution");
        errors.extend(required.items().flat_map(|term| pod_term(&term)));
        for preferred in pods.at("preferredDuringSchedulingIgnoredDuringExecution").items() {
            errors.extend(weight(&preferred));
            errors.extend(pod_term(&preferred.at("podAffinityTerm")));
        }
    }
    errors
}

/// Everything wrong with `topologySpreadConstraints`.
pub(super) fn spread(constraints: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for constraint in constraints.items() {
        let skew = constraint.at("maxSkew");
        let wrong = skew.integer().is_none_or(|number| number < 1);
        errors.extend(wrong.then(|| skew.invalid("must be greater than zero")));
        errors.extend(topology(&constraint.at("topologyKey")));
        errors.extend(constraint.at("whenUnsatisfiable").must_be_one_of(&["DoNotSchedule", "ScheduleAnyway"]));
        let domains = constraint.at("minDomains");
        let wrong = domains.integer().is_some_and(|number| number < 1);
        errors.extend(wrong.then(|| domains.invalid("must be greater than zero")));
        errors.extend(label_selector(&constraint.at("labelSelector")));
    }
    errors
}

/// Everything wrong with a `metav1.LabelSelector`.
pub(crate) fn label_selector(selector: &Field<'_>) -> Errors {
    let mut errors = crate::metadata::labels(&selector.at("matchLabels"));
    for expression in selector.at("matchExpressions").items() {
        errors.extend(expression.at("key").must_be_named(name::qualified));
        let (operator, values) = (expression.at("operator"), expression.at("values"));
        match (operator.text(), values.is_empty()) {
            ("In" | "NotIn", true) => {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            ("Exists" | "DoesNotExist", false) => {
                errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            _ => errors.push(operator.invalid_part(operator.text(), "not a valid selector operator")),
        }
        errors.extend(values.items().flat_map(|value| value.named(name::label_value)));
    }
    errors
}

fn weight(preferred: &Field<'_>) -> Option<crate::validate::FieldError> {
    let weight = preferred.at("weight");
    let wrong = weight.integer().is_none_or(|number| !(1..=100).contains(&number));
    wrong.then(|| weight.invalid("must be in the range 1-100"))
}

fn pod_term(term: &Field<'_>) -> Errors {
    let mut errors = label_selector(&term.at("labelSelector"));
    errors.extend(label_selector(&term.at("namespaceSelector")));
    errors.extend(term.at("namespaces").items().flat_map(|namespace| namespace.must_be_named(name::label)));
    errors.extend(topology(&term.at("topologyKey")));
    errors
}

fn topology(key: &Field<'_>) -> Errors {
    if key.is_empty() { vec![key.required("can not be empty")] } else { key.must_be_named(name::qualified) }
}

fn node_term(term: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for expression in ["matchExpressions", "matchFields"].iter().flat_map(|list| term.at(list).items()) {
        errors.extend(expression.at("key").must_be_named(name::qualified));
        let (operator, values) = (expression.at("operator"), expression.at("values"));
        match (operator.text(), values.items().count()) {
            ("In" | "NotIn", 0) => {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            ("Exists" | "DoesNotExist", 1..) => {
                errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            ("Gt" | "Lt", 0 | 2..) => {
                errors.push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt", _) => {}
            _ => errors.push(operator.invalid_part(operator.text(), "not a valid selector operator")),
        }
    }
    errors
}
