//! ServiceCIDR: ranges from which Services get their addresses.

use serde_json::{Value, json};

use crate::field::{Errors, Field, IMMUTABLE};
use crate::kind::{Column, Flags, Generation, Kind, Scope, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, network};

const COLUMNS: &[Column] = &[NAME, column("CIDRs", "string", "Ranges, at most one of a family."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { generation: Generation::Never, status_keeps: StatusKeeps::Metadata, ..Flags::default() },
        schema: "io.k8s.api.networking.v1.ServiceCIDR",
        ..base("networking.k8s.io", "ServiceCIDR", "servicecidrs", &ServiceCidr)
    }
}

#[derive(Debug)]
struct ServiceCidr;

impl Strategy for ServiceCidr {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        ranges(&Field::root(object).at("spec"))
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (list, before) = (spec.at("cidrs"), json::items(old, "/spec/cidrs"));
        let now = json::items(object, "/spec/cidrs");
        let kept = before.iter().enumerate().filter(|(nth, range)| now.get(*nth) != Some(range));
        let changed = kept.map(|(nth, _)| list.nth(nth).invalid(IMMUTABLE));
        match (before.len(), now.len()) {
            (one, other) if one == other => changed.collect(),
            // A second family may come.
            (1, 2) => changed.chain(ranges(&spec)).collect(),
            _ => vec![list.invalid(IMMUTABLE)],
        }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let ranges: Vec<&str> = json::items(object, "/spec/cidrs").iter().filter_map(Value::as_str).collect();
        vec![cells::name(object), ranges.join(",").into(), cells::age(object, now)]
    }
}

/// Everything wrong with ranges: one of a family at most, and the network's own address each.
fn ranges(spec: &Field<'_>) -> Errors {
    let list = spec.at("cidrs");
    if list.is_empty() {
        return vec![list.required("at least one CIDR required")];
    }
    if list.items().count() > 2 {
        return vec![list.invalid_part(spec.value.clone(), "may only hold up to 2 values")];
    }
    let mut errors = Errors::new();
    let mut families = Vec::new();
    for one in list.items() {
        match network::range(&one) {
            Err(error) => errors.push(error),
            Ok(range) => {
                families.push(range.address.is_ipv4());
                let canonical = range.to_string();
                let wrong = canonical != one.text();
                errors.extend(wrong.then(|| one.invalid(format!("must be in canonical form ({canonical:?})"))));
            }
        }
    }
    if let [one, other] = families.as_slice()
        && one == other
    {
        let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        errors.push(list.invalid(why));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told};
    use expect_test::{Expect, expect};

    fn of(ranges: &[&str]) -> Value {
        json!({"metadata": {"name": "c"}, "spec": {"cidrs": ranges}})
    }

    #[test]
    fn ranges_are_of_different_families() {
        let check = |ranges: &[&str], expected: &Expect| check(&ServiceCidr, &of(ranges), expected);
        check(&["10.0.0.0/24", "fd00::/64"], &expect![""]);
        check(&[], &expect!["spec.cidrs: Required value: at least one CIDR required"]);
        check(
            &["a", "b", "c"],
            &expect![[r#"spec.cidrs: Invalid value: {"cidrs":["a","b","c"]}: may only hold up to 2 values"#]],
        );
        check(
            &["10.0.0.1/24", "10.1.0.0/24"],
            &expect![[r#"
            spec.cidrs[0]: Invalid value: "10.0.0.1/24": must be in canonical form ("10.0.0.0/24")
            spec.cidrs: Invalid value: ["10.0.0.1/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"#]],
        );
        check(
            &["x"],
            &expect![[
                r#"spec.cidrs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#
            ]],
        );
    }

    #[test]
    fn a_range_stays_and_a_second_family_may_come() {
        let told = |new: &[&str], old: &[&str]| told(&ServiceCidr.validate_update(&of(new), &of(old)));
        assert_eq!(told(&["10.0.0.0/24", "fd00::/64"], &["10.0.0.0/24"]), "");
        expect![[r#"spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable"#]]
            .assert_eq(&told(&["10.1.0.0/24"], &["10.0.0.0/24"]));
        expect![[r#"spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable"#]]
            .assert_eq(&told(&["10.0.0.0/24"], &["10.0.0.0/24", "fd00::/64"]));
    }

    #[test]
    fn rows_list_ranges() {
        let row = Value::from(ServiceCidr.cells(&of(&["10.0.0.0/24", "fd00::/64"]), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["c", "10.0.0.0/24,fd00::/64", "<unknown>"]));
    }
}
