//! Rules of a Node, new or changed.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::network;
use crate::range::Range;
use crate::{name, pod_spec, resource_name};

use super::annotations;

/// Everything wrong with annotations, taints and amounts. Kubernetes tells taints as if they were metadata.
pub(super) fn node(root: &Field<'_>) -> Errors {
    let mut errors = annotations::rules(&root.at("metadata").at("annotations"));
    errors.extend(taints(&root.at("spec").at("taints").told_as("metadata.taints")));
    for list in ["capacity", "allocatable"].map(|list| root.at("status").at(list)) {
        errors.extend(list.entries().flat_map(|(name, _)| resource_name::amount(&list.at(name), name)));
    }
    errors
}

fn taints(taints: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for taint in taints.items() {
        let (key, value, effect) = (taint.at("key"), taint.at("value"), taint.at("effect"));
        errors.extend(name::qualified(key.text()).into_iter().map(|why| key.invalid_part(key.text(), why)));
        let wrong = name::label_value(value.text());
        errors.extend((!wrong.is_empty()).then(|| value.invalid(wrong.join(";"))));
        errors.extend(effect.must_be_one_of(pod_spec::EFFECTS));
        if !seen.insert((key.text(), effect.text())) {
            errors.push(taint.duplicate_as("taints must be unique by key and effect pair"));
        }
    }
    errors
}

/// Everything wrong with the ranges of a new Node's pods.
pub(super) fn ranges(list: &Field<'_>) -> Errors {
    let mut errors = network::ranges(list);
    let found: Vec<_> = list.items().map(|one| Range::parse(one.text()).map(|range| range.address)).collect();
    if found.len() > 1 {
        let dual = network::is_dual(&found);
        errors.extend((!dual).then(|| list.invalid("may specify no more than one CIDR for each IP family")));
        let mut seen = BTreeSet::new();
        errors.extend(list.items().filter(|one| !seen.insert(one.text())).map(|one| one.duplicate()));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::Node;
    use crate::kinds::tests::check;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_told() {
        let bad = json!({"spec": {"podCIDRs": ["10.0.0.0", "10.1.0.0/24", "10.1.0.0/24"], "taints": [{"effect": "x"},
            {"key": "a", "effect": "NoExecute", "value": "a b"}, {"key": "a", "effect": "NoExecute"}, {"key": "b"}]},
            "status": {"capacity": {"cpu": "-1", "pods": "1500m"}}});
        check(
            &Node,
            &bad,
            &expect![[r#"
            metadata.taints[0].key: Invalid value: "": name part must be non-empty
            metadata.taints[0].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            metadata.taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
            metadata.taints[1].value: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            metadata.taints[2]: Duplicate value: {"effect":"NoExecute","key":"a"}: taints must be unique by key and effect pair
            metadata.taints[3].effect: Required value
            status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0
            status.capacity.pods: Invalid value: "1500m": must be an integer
            status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0
            status.allocatable.pods: Invalid value: "1500m": must be an integer
            spec.podCIDRs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.podCIDRs: Invalid value: ["10.0.0.0","10.1.0.0/24","10.1.0.0/24"]: may specify no more than one CIDR for each IP family
            spec.podCIDRs[2]: Duplicate value: "10.1.0.0/24""#]],
        );
        check(&Node, &json!({"spec": {"podCIDRs": ["10.0.0.0/24", "fd00::/64"]}}), &expect![""]);
    }
}
