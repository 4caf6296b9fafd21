//! Lease: a heartbeat, or who leads.

use serde_json::Value;

use crate::field::Field;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

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
        let (seconds, strategy) = (spec.at("leaseDurationSeconds"), spec.at("strategy"));
        let mut errors = Vec::new();
        if seconds.integer().is_some_and(|seconds| seconds < 1) {
            errors.push(seconds.invalid("must be greater than 0"));
        }
        errors.extend(spec.at("leaseTransitions").not_negative());
        if strategy.is_set() {
            // Kubernetes tells it under its name twice.
            let told = strategy.clone().told_as("spec.strategy.strategy");
            errors.extend(if told.text().contains('/') { told.named(name::qualified) } else { known(&told) });
        }
        let preferred = spec.at("preferredHolder");
        if !preferred.is_empty() && strategy.is_empty() {
            errors.push(preferred.forbidden("may only be specified if `strategy` is defined"));
        }
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/spec/holderIdentity").into(), cells::age(object, now)]
    }
}

/// An error when the strategy is none that Kubernetes itself has.
fn known(strategy: &Field<'_>) -> Vec<FieldError> {
    strategy.one_of(&["OldestEmulationVersion"]).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_lease_lasts_for_some_time_and_prefers_somebody_by_a_strategy() {
        let bad = json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "strategy": "Best"}});
        expect![[r#"
            spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0
            spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0
            spec.strategy.strategy: Unsupported value: "Best": supported values: "OldestEmulationVersion""#]]
        .assert_eq(&told(&Lease.validate(&bad)));
        // Who gives a lease up leaves it to nobody.
        assert_eq!(Lease.validate(&json!({"spec": {"leaseDurationSeconds": 1, "holderIdentity": ""}})), []);
        expect!["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"]
            .assert_eq(&told(&Lease.validate(&json!({"spec": {"preferredHolder": "a"}}))));
        let own = json!({"spec": {"preferredHolder": "a", "strategy": "a.b/c"}});
        assert_eq!(Lease.validate(&own), []);
    }
}
