//! MutatingAdmissionPolicyBinding: where a policy that changes is in force.

use serde_json::Value;

use super::{CATEGORIES, GROUP, binding, flags, not_enforced};
use crate::field::Field;
use crate::kind::{Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;

const PLURAL: &str = "mutatingadmissionpolicybindings";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: binding::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
        ..base(GROUP, "MutatingAdmissionPolicyBinding", PLURAL, &MutatingAdmissionPolicyBinding)
    }
}

#[derive(Debug)]
struct MutatingAdmissionPolicyBinding;

impl Strategy for MutatingAdmissionPolicyBinding {
    fn default(&self, object: &mut Value) {
        binding::default(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        binding::validate(&Field::root(object).at("spec"))
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        binding::cells(object, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::check;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_names_a_policy() {
        let bound = |policy: &str| json!({"metadata": {"name": "b"}, "spec": {"policyName": policy}});
        check(&MutatingAdmissionPolicyBinding, &bound("p"), &expect![""]);
        check(&MutatingAdmissionPolicyBinding, &bound(""), &expect!["spec.policyName: Required value"]);
        let row = Value::from(MutatingAdmissionPolicyBinding.cells(&bound("p"), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["b", "p", "<unset>", "<unknown>"]));
    }
}
