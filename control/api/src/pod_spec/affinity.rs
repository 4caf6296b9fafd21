//! Rules of where a pod wants to be: near or far from nodes and pods.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::name;
use crate::validate::FieldError;

/// Everything wrong with `affinity`.
pub(super) fn affinity(affinity: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let node = affinity.at("nodeAffinity");
    let required = node.at("requiredDuringSchedulingIgnoredDuringExecution");
    if required.is_set() {
        errors.extend(node_selector(&required));
    }
    for preferred in node.at("preferredDuringSchedulingIgnoredDuringExecution").items() {
        errors.extend(weight(&preferred));
        // What no node can have is borne with where it is only preferred.
        errors.extend(node_term(&preferred.at("preference"), false));
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

/// Everything wrong with a selector of nodes.
pub(crate) fn node_selector(selector: &Field<'_>) -> Errors {
    let terms = selector.at("nodeSelectorTerms");
    if terms.is_empty() {
        return vec![terms.required("must have at least one node selector term")];
    }
    terms.items().flat_map(|term| node_term(&term, true)).collect()
}

/// Everything wrong with a `metav1.LabelSelector`.
pub(crate) fn label_selector(selector: &Field<'_>) -> Errors {
    let mut errors = crate::metadata::labels(&selector.at("matchLabels"));
    for expression in selector.at("matchExpressions").items() {
        let (key, operator, values) = (expression.at("key"), expression.at("operator"), expression.at("values"));
        errors.extend(operands(&operator, &values));
        errors.extend(label_key(&key));
        errors.extend(values.items().flat_map(|value| value.named(name::label_value)));
    }
    errors
}

/// Everything wrong with the key of a label, which may not be left out.
pub(super) fn label_key(key: &Field<'_>) -> Errors {
    name::qualified(key.text()).into_iter().map(|why| key.invalid_part(key.text(), why)).collect()
}

/// An error when an operator that all selectors have does not go with its values, or when there is no such operator.
fn operands(operator: &Field<'_>, values: &Field<'_>) -> Option<FieldError> {
    match (operator.text(), values.is_empty()) {
        ("In" | "NotIn", true) => Some(values.required("must be specified when `operator` is 'In' or 'NotIn'")),
        ("Exists" | "DoesNotExist", false) => {
            Some(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
        }
        ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => None,
        (text, _) => Some(operator.invalid_part(text, "not a valid selector operator")),
    }
}

fn weight(preferred: &Field<'_>) -> Option<FieldError> {
    let weight = preferred.at("weight");
    let number = weight.integer().unwrap_or_default();
    (!(1..=100).contains(&number)).then(|| weight.invalid_part(number, "must be in the range 1-100"))
}

fn pod_term(term: &Field<'_>) -> Errors {
    let (selector, topology) = (term.at("labelSelector"), term.at("topologyKey"));
    let mut errors = label_selector(&selector);
    errors.extend(label_selector(&term.at("namespaceSelector")));
    // Kubernetes tells them without their place in the list.
    for namespace in term.at("namespaces").items().map(|one| one.told_at(&term.at("namespace"))) {
        let wrong = name::label(namespace.text());
        errors.extend(wrong.into_iter().map(|why| namespace.invalid_part(namespace.text(), why)));
    }
    errors.extend(matched_keys(term, &selector));
    errors.extend(topology.is_empty().then(|| topology.required("can not be empty")));
    errors.extend(label_key(&topology));
    errors
}

/// Everything wrong with keys whose values are those of the pod itself (KEP-3633).
fn matched_keys(term: &Field<'_>, selector: &Field<'_>) -> Errors {
    let (same, other) = (term.at("matchLabelKeys"), term.at("mismatchLabelKeys"));
    let mut errors = Errors::new();
    for keys in [&same, &other].into_iter().filter(|keys| !keys.is_empty()) {
        if selector.is_set() {
            errors.extend(keys.items().flat_map(|key| label_key(&key)));
        } else {
            errors.push(keys.forbidden("must not be specified when labelSelector is not set"));
        }
    }
    let others: BTreeSet<&str> = other.items().map(|key| key.text()).collect();
    // What the server makes of these keys stands in the selector once; a second time it is the user's.
    let mut seen: BTreeSet<&str> = selector.at("matchLabels").entries().map(|(key, _)| key).collect();
    for key in selector.at("matchExpressions").items().map(|one| one.at("key").text()) {
        let nth = same.items().position(|one| one.text() == key);
        if let Some(nth) = nth.filter(|_| seen.contains(key)) {
            let told = same.nth(nth).told_at(&term.nth(nth));
            errors.push(told.invalid("exists in both matchLabelKeys and labelSelector"));
        }
        seen.insert(key);
    }
    for key in same.items().filter(|key| others.contains(key.text())) {
        errors.push(key.invalid("exists in both matchLabelKeys and mismatchLabelKeys"));
    }
    errors
}

fn node_term(term: &Field<'_>, strict: bool) -> Errors {
    let mut errors = Errors::new();
    for expression in term.at("matchExpressions").items() {
        let (operator, values) = (expression.at("operator"), expression.at("values"));
        if matches!(operator.text(), "Gt" | "Lt") {
            if values.items().count() != 1 {
                errors.push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
        } else {
            errors.extend(operands(&operator, &values));
        }
        errors.extend(label_key(&expression.at("key")));
        if strict {
            errors.extend(values.items().flat_map(|value| value.named(name::label_value)));
        }
    }
    errors.extend(term.at("matchFields").items().flat_map(|field| node_field(&field)));
    errors
}

/// Everything wrong with a requirement on a field of a node, of which there is but the name.
fn node_field(field: &Field<'_>) -> Errors {
    let (key, operator, values) = (field.at("key"), field.at("operator"), field.at("values"));
    let mut errors = Errors::new();
    if !matches!(operator.text(), "In" | "NotIn") {
        errors.push(operator.invalid_part(operator.text(), "not a valid selector operator"));
    } else if values.items().count() != 1 {
        let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
        errors.push(values.required(why));
    }
    if key.text() == "metadata.name" {
        for value in values.items() {
            errors.extend(name::subdomain(value.text()).into_iter().map(|why| value.invalid(why)));
        }
    } else {
        errors.push(key.invalid_part(key.text(), "not a valid field selector key"));
    }
    errors
}
