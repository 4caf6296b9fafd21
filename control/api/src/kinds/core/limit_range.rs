//! LimitRange: what pods, containers and claims of a namespace may ask for, and what they get when they ask for nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{json, name, pod_spec, resource_name};

const COLUMNS: &[Column] = &[NAME, column("Created At", "date", "When the object was created.")];

/// What limits are for.
const TYPES: &[&str] = &["Pod", "Container", "PersistentVolumeClaim"];
/// Lists of amounts.
const LISTS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["limits"],
        columns: COLUMNS,
        schema: "io.k8s.api.core.v1.LimitRange",
        ..base("", "LimitRange", "limitranges", &LimitRange)
    }
}

#[derive(Debug)]
struct LimitRange;

impl Strategy for LimitRange {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        for limit in json::items_mut(spec, "limits") {
            for list in LISTS {
                if let Some(list) = limit.get_mut(list) {
                    pod_spec::canonical_amounts(list);
                }
            }
            if limit["type"] == "Container" {
                default_container(limit);
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut kinds = BTreeSet::new();
        let mut errors = Errors::new();
        for limit in Field::root(object).at("spec").at("limits").items() {
            let kind = limit.at("type");
            let wrong = name::qualified(kind.text());
            if wrong.is_empty() && !kind.text().contains('/') && !TYPES.contains(&kind.text()) {
                errors.push(kind.invalid("must be a standard limit type or fully qualified"));
            }
            errors.extend(wrong.into_iter().map(|why| kind.invalid_part(kind.text(), why)));
            errors.extend((!kinds.insert(kind.text())).then(|| kind.duplicate()));
            errors.extend(item(&limit));
        }
        errors
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::text(object, "/metadata/creationTimestamp").into()]
    }
}

/// What a container gets follows from what it may have: the limit from the maximum, the request from that or the minimum.
fn default_container(limit: &mut Value) {
    let given = |limit: &Value, name: &str| limit[name].as_object().cloned().unwrap_or_default();
    let under = |mut own: Map<String, Value>, others: Map<String, Value>| {
        for (name, amount) in others {
            own.entry(name).or_insert(amount);
        }
        own
    };
    let limits = under(given(limit, "default"), given(limit, "max"));
    let requests = under(under(given(limit, "defaultRequest"), limits.clone()), given(limit, "min"));
    for (name, amounts) in [("default", limits), ("defaultRequest", requests)] {
        if !amounts.is_empty() {
            json::set(limit, name, amounts);
        }
    }
}

/// Everything wrong with the limits for one type.
fn item(limit: &Field<'_>) -> Errors {
    let kind = limit.at("type").text();
    let mut errors = Errors::new();
    let mut known: BTreeMap<&str, BTreeMap<&str, Quantity>> = BTreeMap::new();
    for list in LISTS {
        let amounts = limit.at(list);
        if kind == "Pod" && list.starts_with("default") {
            if !amounts.is_empty() {
                errors.push(amounts.forbidden("may not be specified when `type` is 'Pod'"));
            }
            continue;
        }
        if list == "maxLimitRequestRatio" {
            errors.extend(claim(limit));
        }
        for (name, entry) in amounts.entries() {
            let of_pods = matches!(kind, "Pod" | "Container");
            let rule = if of_pods { resource_name::of_container } else { resource_name::any };
            errors.extend(rule(&entry, name));
            match Quantity::from_value(entry.value) {
                Ok(amount) => drop(known.entry(name).or_default().insert(list, amount)),
                Err(why) => errors.push(entry.invalid(why.to_string())),
            }
        }
    }
    errors.extend(known.iter().flat_map(|(name, amounts)| consistent(limit, name, amounts)));
    errors
}

/// An error when limits for claims say nothing about storage.
fn claim(limit: &Field<'_>) -> Option<FieldError> {
    let of_claims = limit.at("type").text() == "PersistentVolumeClaim";
    let said = ["min", "max"].iter().any(|list| limit.at(list).entry("storage").is_set());
    let why = "either minimum or maximum storage value is required, but neither was provided";
    (of_claims && !said).then(|| limit.at("limits").required(why))
}

/// Everything that does not fit together of the amounts of one resource.
fn consistent(limit: &Field<'_>, name: &str, amounts: &BTreeMap<&str, Quantity>) -> Errors {
    let [max, min, default, request, ratio] = LISTS.map(|list| amounts.get(list).copied());
    let mut errors = Errors::new();
    let pairs = [
        ("min", min, "min", max, "max", true),
        ("defaultRequest", min, "min", request, "default request", false),
        ("defaultRequest", request, "default request", max, "max", true),
        ("defaultRequest", request, "default request", default, "default limit", true),
        ("default", min, "min", default, "default", true),
        ("default", default, "default", max, "max", false),
    ];
    for (list, small, small_name, large, large_name, shows_small) in pairs {
        if let (Some(small), Some(large)) = (small, large)
            && small > large
        {
            let why = format!("{small_name} value {small} is greater than {large_name} value {large}");
            let shown = if shows_small { small } else { large };
            errors.push(limit.at(list).entry(name).invalid_part(shown.to_string(), why));
        }
    }
    let at = limit.at("maxLimitRequestRatio").entry(name);
    if let Some(ratio) = ratio.filter(|ratio| *ratio < Quantity::from_milli(1000)) {
        errors.push(at.invalid_part(ratio.to_string(), format!("ratio {ratio} is less than 1")));
    }
    if let (Some(ratio), Some(min), Some(max)) = (ratio, min, max) {
        let most = max.as_f64() / min.as_f64();
        if ratio.as_f64() > most {
            let why = format!("ratio {ratio} is greater than max/min = {most:.6}");
            errors.push(at.invalid_part(ratio.to_string(), why));
        }
    }
    if let (Some(default), Some(request)) = (default, request)
        && !resource_name::overcommits(name)
        && default != request
    {
        let why = format!("default value {default} must equal to defaultRequest value {request} in {name}");
        errors.push(limit.at("defaultRequest").entry(name).invalid_part(request.to_string(), why));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted};
    use expect_test::expect;
    use serde_json::json;

    fn limits(limits: &Value) -> Value {
        json!({"metadata": {"name": "l", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {"limits": limits}})
    }

    #[test]
    fn what_containers_get_follows_from_what_they_may_have() {
        let item = json!({"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1024Ki"}});
        let object = defaulted(&LimitRange, limits(&json!([item])));
        let expected = json!({"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"},
            "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2", "memory": "1Mi"}});
        assert_eq!(object["spec"]["limits"][0], expected);
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(&LimitRange, &json!({"metadata": {"name": "l"}}), &expect![""]);
        let bad = json!([
            {"type": "Container", "min": {"cpu": "3"}, "max": {"cpu": "2"}, "defaultRequest": {"cpu": "1"},
                "maxLimitRequestRatio": {"cpu": "500m"}},
            {"type": "Container"}, {"type": "Cat"}, {"type": "PersistentVolumeClaim"},
            {"type": "Pod", "default": {"cpu": "1"}, "max": {"cats": "1"}, "min": {"memory": "lots"}},
        ]);
        check(
            &LimitRange,
            &limits(&bad),
            &expect![[r#"
            spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2
            spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 3 is greater than default request value 1
            spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2
            spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1
            spec.limits[1].type: Duplicate value: "Container"
            spec.limits[2].type: Invalid value: "Cat": must be a standard limit type or fully qualified
            spec.limits[3].limits: Required value: either minimum or maximum storage value is required, but neither was provided
            spec.limits[4].max[cats]: Invalid value: "cats": must be a standard resource type or fully qualified
            spec.limits[4].max[cats]: Invalid value: "cats": must be a standard resource for containers
            spec.limits[4].min[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
            spec.limits[4].default: Forbidden: may not be specified when `type` is 'Pod'"#]],
        );
        let ratio = json!([{"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "2"},
            "maxLimitRequestRatio": {"cpu": "3"}}]);
        check(
            &LimitRange,
            &limits(&ratio),
            &expect![[
                r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000"#
            ]],
        );
    }

    #[test]
    fn a_row_tells_when_it_was_made() {
        let row = Value::from(LimitRange.cells(&limits(&json!([])), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["l", "1970-01-01T00:00:00Z"]));
    }
}
