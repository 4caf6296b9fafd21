//! The status of a pod, as its node reports it.

mod addresses;
mod containers;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::{json, name};

/// Conditions whose types have no rule: Kubernetes itself writes them.
const SYSTEM: &[&str] = &["PodScheduled", "Ready", "Initialized"];

/// Fills what older nodes leave out, and what they cannot know.
pub(super) fn complete(object: &mut Value, old: &Value) {
    let before = &old["status"];
    let Some(status) = json::part(object, "status") else { return };
    json::fill(status, "qosClass", before["qosClass"].clone());
    keep_generation(status, before);
    for condition in json::items_mut(status, "conditions") {
        let same = |one: &&Value| one["type"] == condition["type"];
        if let Some(known) = json::items(before, "/conditions").iter().find(same) {
            keep_generation(condition, known);
        }
    }
    addresses::mirror(status);
}

/// Who does not know `observedGeneration` does not take it back.
fn keep_generation(now: &mut Value, then: &Value) {
    let observed = json::integer(then, "/observedGeneration");
    if observed != 0 {
        json::fill_zero(now, "observedGeneration", observed);
    }
}

/// Everything wrong with a change of the status.
pub(super) fn rules(object: &Value, old: &Value) -> Errors {
    let root = Field::root(object);
    let (spec, status) = (root.at("spec"), root.at("status"));
    let mut errors = conditions(&status.at("conditions"));
    let nominated = status.at("nominatedNodeName");
    if nominated.text() != json::text(old, "/status/nominatedNodeName") {
        errors.extend(nominated.named(name::subdomain));
    }
    errors.extend(status.at("qosClass").unchanged(&old["status"]["qosClass"]));
    errors.extend(containers::transitions(&status, old));
    errors.extend(claims(&status.at("resourceClaimStatuses"), &spec.at("resourceClaims")));
    errors.extend(addresses::rules(&status));
    errors.extend(containers::users(&status, spec.at("os").at("name").text()));
    errors.extend(containers::devices(&spec, &status));
    errors
}

/// Kubernetes tells them as if they were metadata.
fn conditions(conditions: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (nth, one) in conditions.items().enumerate() {
        let kind = one.at("type").told_as(format!("metadata.conditions[{nth}].Type"));
        let wrong = if SYSTEM.contains(&kind.text()) { Vec::new() } else { name::qualified(kind.text()) };
        errors.extend(wrong.into_iter().map(|why| kind.invalid_part(kind.text(), why)));
    }
    errors
}

fn claims(statuses: &Field<'_>, claims: &Field<'_>) -> Errors {
    let known: BTreeSet<&str> = claims.items().map(|claim| claim.at("name").text()).collect();
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for status in statuses.items() {
        let (own, claim) = (status.at("name"), status.at("resourceClaimName"));
        let why = "must match the name of an entry in `spec.resourceClaims`";
        errors.extend((!known.contains(own.text())).then(|| own.invalid_part(own.text(), why)));
        errors.extend((!seen.insert(own.text())).then(|| own.duplicate()));
        let wrong = if claim.is_set() { name::subdomain(claim.text()) } else { Vec::new() };
        errors.extend(wrong.into_iter().map(|why| own.with(claim.value).invalid(why)));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(status: &Value, old: &Value, expected: &Expect) {
        let spec = json!({"resourceClaims": [{"name": "gpu"}]});
        let mut object = json!({"spec": spec, "status": status});
        let old = json!({"status": old});
        complete(&mut object, &old);
        expected.assert_eq(&told(&rules(&object, &old)));
    }

    #[test]
    fn a_node_may_leave_out_what_it_does_not_know() {
        let old = json!({"status": {"qosClass": "Burstable", "observedGeneration": 2,
            "conditions": [{"type": "Ready", "observedGeneration": 2}]}});
        let mut object =
            json!({"status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready"}]}});
        complete(&mut object, &old);
        let status = json!({"phase": "Running", "qosClass": "Burstable", "observedGeneration": 2, "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}], "conditions": [{"type": "Ready", "observedGeneration": 2}]});
        assert_eq!(object["status"], status);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let status = json!({"qosClass": "Guaranteed", "nominatedNodeName": "N", "conditions": [{"type": "Ready"}, {"type": ""}],
            "resourceClaimStatuses": [{"name": "gpu"}, {"name": "gpu", "resourceClaimName": "A"}, {"name": "x"}]});
        check(
            &status,
            &json!({"qosClass": "Burstable"}),
            &expect![[r#"
            metadata.conditions[1].Type: Invalid value: "": name part must be non-empty
            metadata.conditions[1].Type: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            status.nominatedNodeName: Invalid value: "N": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            status.qosClass: Invalid value: "Guaranteed": field is immutable
            status.resourceClaimStatuses[1].name: Duplicate value: "gpu"
            status.resourceClaimStatuses[1].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            status.resourceClaimStatuses[2].name: Invalid value: "x": must match the name of an entry in `spec.resourceClaims`"#]],
        );
        // What was wrong before is no reason to refuse a node's report.
        check(&json!({"nominatedNodeName": "N"}), &json!({"nominatedNodeName": "N"}), &expect![""]);
    }
}
