//! Lease: a heartbeat, or who leads.

use serde_json::Value;

use crate::field::Field;
use crate::json;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, column("Holder", "string", "Who holds the lease."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.coordination.v1.Lease",
        ..base("coordination.k8s.io", "Lease", "leases", &Lease)
    }
}

#[derive(Debug)]
struct Lease;

impl Strategy for Lease {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (seconds, holder) = (spec.at("leaseDurationSeconds"), spec.at("holderIdentity"));
        let mut errors = Vec::new();
        if seconds.integer().is_some_and(|seconds| seconds < 1) {
            errors.push(seconds.invalid("must be greater than 0"));
        }
        errors.extend(spec.at("leaseTransitions").not_negative());
        errors.extend((holder.is_set() && holder.is_empty()).then(|| holder.invalid("must not be empty")));
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/spec/holderIdentity").into(), cells::age(object, now)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_lease_is_held_by_somebody_for_some_time() {
        let bad = json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "holderIdentity": ""}});
        expect![[r#"
            spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0
            spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0
            spec.holderIdentity: Invalid value: "": must not be empty"#]]
        .assert_eq(&told(&Lease.validate(&bad)));
        assert_eq!(Lease.validate(&json!({"spec": {"leaseDurationSeconds": 40, "holderIdentity": "n1"}})), []);
    }
}
