//! What is accepted of a Service and does not do what its writer may think.

use serde_json::Value;

use crate::field::Field;
use crate::network;
use crate::service_spec::HEADLESS;

const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";

/// Sentences for the writer, in the words of Kubernetes.
pub(super) fn of(object: &Value) -> Vec<String> {
    let spec = Field::root(object).at("spec");
    let kind = spec.at("type");
    let alias = kind.text() == "ExternalName";
    let headless = kind.text() == "ClusterIP" && spec.at("clusterIP").text() == HEADLESS;
    let outside = !spec.at("externalIPs").is_empty();
    let name = spec.at("externalName");
    let close = spec.at("trafficDistribution").text() == "PreferClose";
    let mut told = Vec::new();
    if object["metadata"]["annotations"].get(HINTS).is_some() {
        told.push(format!("annotation {HINTS} is deprecated, please use {MODE} instead"));
    }
    if !headless {
        told.extend(spec.at("clusterIPs").items().filter_map(|one| network::not_canonical(&one)));
    }
    let ignored = [
        (!spec.at("loadBalancerIP").is_empty(), "loadBalancerIP"),
        (outside, "externalIPs"),
        (spec.at("sessionAffinity").text() != "None", "SessionAffinity"),
    ];
    let ignored = ignored.iter().filter(|(given, _)| headless && *given);
    told.extend(ignored.map(|(_, field)| format!("spec.{field} is ignored for headless services")));
    told.extend(spec.at("externalIPs").items().filter_map(|one| network::not_canonical(&one)));
    if outside && !headless && !alias {
        told.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    told.extend(network::not_canonical(&spec.at("loadBalancerIP")));
    told.extend(spec.at("loadBalancerSourceRanges").items().filter_map(|one| network::ambiguous(&one)));
    if alias && outside {
        told.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if !alias && !name.is_empty() {
        told.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if close {
        told.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(spec: &Value, expected: &Expect) {
        let meta = json!({"annotations": {HINTS: "auto"}});
        expected.assert_eq(&of(&json!({"metadata": meta, "spec": spec})).join("\n"));
    }

    #[test]
    fn what_has_no_effect_is_told() {
        check(
            &json!({"type": "ClusterIP", "clusterIP": "None", "sessionAffinity": "ClientIP", "externalIPs": ["1.1.1.1"],
                "loadBalancerIP": "FD00::1", "externalName": "a", "trafficDistribution": "PreferClose"}),
            &expect![[r#"
                annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead
                spec.loadBalancerIP is ignored for headless services
                spec.externalIPs is ignored for headless services
                spec.SessionAffinity is ignored for headless services
                spec.loadBalancerIP: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")
                spec.externalName is ignored when spec.type is not "ExternalName"
                spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone""#]],
        );
        check(
            &json!({"type": "NodePort", "sessionAffinity": "None", "externalIPs": ["1.1.1.1"],
                "loadBalancerSourceRanges": ["10.0.0.1/8"]}),
            &expect![[r#"
                annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead
                spec.externalIPs is deprecated and may no longer be implemented in some clusters
                spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)"#]],
        );
    }
}
