//! Which older versions Kubernetes warned of, since when, and until when it had them: the life cycles that its types declare.

use crate::kind::Instead::{self, Nothing, Other, Stored};
use crate::kind::{Deprecation, Kind};

/// Group, version, kind (empty for all others of the group), since, until, instead.
const ALL: &[(&str, &str, &str, u8, u8, Instead)] = &[
    ("admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicy", 37, 40, Stored),
    ("admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicyBinding", 37, 40, Stored),
    ("admissionregistration.k8s.io", "v1beta1", "", 16, 22, Stored),
    ("autoscaling", "v2beta1", "", 22, 25, Stored),
    ("autoscaling", "v2beta2", "", 23, 26, Stored),
    ("batch", "v1beta1", "", 21, 25, Stored),
    ("coordination.k8s.io", "v1beta1", "", 19, 22, Stored),
    ("discovery.k8s.io", "v1beta1", "", 21, 25, Stored),
    ("events.k8s.io", "v1beta1", "", 22, 25, Nothing),
    ("extensions", "v1beta1", "", 14, 22, Stored),
    // The list, by a slip that every release with this version has.
    ("networking.k8s.io", "v1beta1", "IngressClass", 19, 22, Other("networking.k8s.io/v1 IngressClassList")),
    ("networking.k8s.io", "v1beta1", "", 19, 22, Stored),
    ("node.k8s.io", "v1beta1", "", 22, 25, Nothing),
    ("policy", "v1beta1", "", 21, 25, Stored),
    ("rbac.authorization.k8s.io", "v1beta1", "", 17, 22, Stored),
    ("scheduling.k8s.io", "v1beta1", "", 14, 22, Stored),
    ("storage.k8s.io", "v1beta1", "CSINode", 17, 22, Stored),
    ("storage.k8s.io", "v1beta1", "CSIStorageCapacity", 24, 27, Stored),
    ("storage.k8s.io", "v1beta1", "", 19, 22, Stored),
];

/// The form with what is warned of.
pub(super) fn warned(form: Kind) -> Kind {
    let found = ALL.iter().find(|(group, version, kind, ..)| {
        *group == &*form.group && *version == &*form.version && (kind.is_empty() || *kind == &*form.kind)
    });
    let deprecated = found.map(|(_, _, _, since, until, instead)| Deprecation {
        since: *since,
        until: Some(*until),
        instead: *instead,
    });
    Kind { deprecated, ..form }
}

#[cfg(test)]
mod tests {
    use crate::kinds::{all, find};

    #[test]
    fn warnings_are_in_the_words_of_kubernetes() {
        let check = |group: &str, version: &str, plural: &str, told: &str| {
            assert_eq!(find(group, version, plural).unwrap().deprecation().as_deref(), Some(told));
        };
        let told = "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; \
            use policy/v1 PodDisruptionBudget";
        check("policy", "v1beta1", "poddisruptionbudgets", told);
        let told = "extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress";
        check("extensions", "v1beta1", "ingresses", told);
        let told = "node.k8s.io/v1beta1 RuntimeClass is deprecated in v1.22+, unavailable in v1.25+";
        check("node.k8s.io", "v1beta1", "runtimeclasses", told);
        let told = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
        check("", "v1", "endpoints", told);
        check("", "v1", "componentstatuses", "v1 ComponentStatus is deprecated in v1.19+");
    }

    #[test]
    fn every_version_before_the_first_goes() {
        // What is measured never had a better version.
        for kind in all().iter().filter(|kind| &*kind.group != "metrics.k8s.io") {
            assert_eq!(kind.version.contains("beta"), !kind.is_stored() && kind.deprecated.is_some(), "{kind:?}");
        }
    }
}
