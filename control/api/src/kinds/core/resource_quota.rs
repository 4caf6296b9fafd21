//! ResourceQuota: how much a namespace may use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, pod_spec, resource_name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Request", "string", "What may be asked for, and is."),
    column("Limit", "string", "What may be set as limits, and is."),
    AGE,
];

/// Which pods a quota counts, or which claims.
const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
/// Scopes that exclude each other.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
/// What is counted of pods beside their number, and of claims.
const OF_PODS: &[&str] = &["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const OF_CLAIMS: &[&str] = &["persistentvolumeclaims", "requests.storage"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["quota"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.ResourceQuota",
        ..base("", "ResourceQuota", "resourcequotas", &ResourceQuota)
    }
}

#[derive(Debug)]
struct ResourceQuota;

impl Strategy for ResourceQuota {
    fn default(&self, object: &mut Value) {
        json::section(object, "spec");
        for list in ["/spec/hard", "/status/hard", "/status/used"] {
            if let Some(list) = object.pointer_mut(list) {
                pod_spec::canonical_amounts(list);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = amounts(&spec.at("hard"));
        errors.extend(scopes(&spec));
        errors.extend(selector(&spec));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let scopes = Field::root(object).at("spec").at("scopes");
        let set = |scopes: &Value| -> BTreeSet<String> {
            json::items(scopes, "").iter().filter_map(Value::as_str).map(Into::into).collect()
        };
        let changed = set(scopes.value) != set(&old["spec"]["scopes"]);
        changed.then(|| scopes.invalid("field is immutable")).into_iter().collect()
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        ["hard", "used"].iter().flat_map(|list| amounts(&status.at(list))).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let lines = |limits: bool| {
            let counted =
                json::entries(object, "/status/hard").filter(|(name, _)| name.starts_with("limits") == limits);
            let of = counted.map(|(name, hard)| {
                let used = object["status"]["used"][name].as_str().unwrap_or("0");
                format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
            });
            of.collect::<Vec<_>>().join(", ")
        };
        vec![cells::name(object), lines(false).into(), lines(true).into(), cells::age(object, now)]
    }
}

fn amounts(list: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (name, entry) in list.entries() {
        errors.extend(resource_name::of_quota(&entry, name));
        errors.extend(resource_name::amount(&entry, name));
    }
    errors
}

/// Whether a quota of that scope can count the resource.
fn fits(scope: &str, resource: &str) -> bool {
    match scope {
        "BestEffort" => resource == "pods",
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            resource == "pods" || OF_PODS.contains(&resource)
        }
        "VolumeAttributesClass" => OF_CLAIMS.contains(&resource),
        _ => true,
    }
}

/// How many of the resources of a spec a quota of that scope cannot count.
fn misfits(spec: &Field<'_>, scope: &str) -> usize {
    let hard = spec.at("hard");
    hard.entries().filter(|(name, _)| resource_name::is_of_quotas(name) && !fits(scope, name)).count()
}

fn conflicting(given: &BTreeSet<&str>) -> bool {
    OPPOSITES.iter().any(|pair| pair.iter().all(|scope| given.contains(scope)))
}

fn scopes(spec: &Field<'_>) -> Errors {
    let scopes = spec.at("scopes");
    let mut errors = Errors::new();
    for scope in scopes.items() {
        errors.extend((!SCOPES.contains(&scope.text())).then(|| scopes.invalid("unsupported scope")));
        let misfits = misfits(spec, scope.text());
        errors.extend((0..misfits).map(|_| scopes.invalid("unsupported scope applied to resource")));
    }
    let given = scopes.items().map(|scope| scope.text()).collect();
    errors.extend(conflicting(&given).then(|| scopes.invalid("conflicting scopes")));
    errors
}

fn selector(spec: &Field<'_>) -> Errors {
    let selector = spec.at("scopeSelector");
    let all = selector.at("matchExpressions");
    let mut errors = Errors::new();
    for one in all.items() {
        let scope = one.at("scopeName").text();
        // Kubernetes tells them without their place in the list.
        let [name, operator, values] =
            ["scopeName", "operator", "values"].map(|field| one.at(field).told_at(&all.at(field)));
        errors.extend((!SCOPES.contains(&scope)).then(|| name.invalid_part(scope, "unsupported scope")));
        let misfits = misfits(spec, scope);
        errors.extend(
            (0..misfits).map(|_| selector.clone().told_at(&all).invalid("unsupported scope applied to resource")),
        );
        let plain = !matches!(scope, "PriorityClass" | "VolumeAttributesClass") && SCOPES.contains(&scope);
        if plain && operator.text() != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                       ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
                       ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(operator.invalid_part(operator.text(), why));
        }
        match (operator.text(), values.is_empty()) {
            ("In" | "NotIn", true) => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(values.required(why));
            }
            ("Exists" | "DoesNotExist", false) => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(values.invalid(why));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            _ => errors.push(operator.invalid_part(operator.text(), "not a valid selector operator")),
        }
    }
    let given = all.items().map(|one| one.at("scopeName").text()).collect();
    if conflicting(&given) {
        errors.push(spec.at("scopes").told_at(&all).invalid("conflicting scopes"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told};
    use expect_test::expect;

    #[test]
    fn what_is_wrong_is_told() {
        check(&ResourceQuota, &json!({"metadata": {"name": "q"}}), &expect![""]);
        let hard = json!({"pods": "1.5", "cpu": "-1", "cats": "3", "count/jobs.batch": "2", "secrets": "1"});
        let expressions = json!([{"scopeName": "PriorityClass", "operator": "In"}, {"scopeName": "Best", "operator": "Is"},
            {"scopeName": "Terminating", "operator": "NotIn", "values": ["a"]},
            {"scopeName": "NotTerminating", "operator": "Exists", "values": ["a"]}]);
        let spec = json!({"hard": hard, "scopes": ["BestEffort", "NotBestEffort", "Mine"],
            "scopeSelector": {"matchExpressions": expressions}});
        check(
            &ResourceQuota,
            &json!({"spec": spec}),
            &expect![[r#"
            spec.hard[cats]: Invalid value: "cats": must be a standard resource type or fully qualified
            spec.hard[cats]: Invalid value: "cats": must be a standard resource for quota
            spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0
            spec.hard[pods]: Invalid value: "1500m": must be an integer
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Mine"]: unsupported scope applied to resource
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Mine"]: unsupported scope applied to resource
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Mine"]: unsupported scope applied to resource
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Mine"]: unsupported scope
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Mine"]: conflicting scopes
            spec.scopeSelector.matchExpressions: Invalid value: {"matchExpressions":[{"operator":"In","scopeName":"PriorityClass"},{"operator":"Is","scopeName":"Best"},{"operator":"NotIn","scopeName":"Terminating","values":["a"]},{"operator":"Exists","scopeName":"NotTerminating","values":["a"]}]}: unsupported scope applied to resource
            spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector
            spec.scopeSelector.matchExpressions.scopeName: Invalid value: "Best": unsupported scope
            spec.scopeSelector.matchExpressions.operator: Invalid value: "Is": not a valid selector operator
            spec.scopeSelector.matchExpressions: Invalid value: {"matchExpressions":[{"operator":"In","scopeName":"PriorityClass"},{"operator":"Is","scopeName":"Best"},{"operator":"NotIn","scopeName":"Terminating","values":["a"]},{"operator":"Exists","scopeName":"NotTerminating","values":["a"]}]}: unsupported scope applied to resource
            spec.scopeSelector.matchExpressions.operator: Invalid value: "NotIn": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity
            spec.scopeSelector.matchExpressions: Invalid value: {"matchExpressions":[{"operator":"In","scopeName":"PriorityClass"},{"operator":"Is","scopeName":"Best"},{"operator":"NotIn","scopeName":"Terminating","values":["a"]},{"operator":"Exists","scopeName":"NotTerminating","values":["a"]}]}: unsupported scope applied to resource
            spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector
            spec.scopeSelector.matchExpressions: Invalid value: ["BestEffort","NotBestEffort","Mine"]: conflicting scopes"#]],
        );
    }

    #[test]
    fn its_scopes_stay() {
        let quota = |scopes: Value| json!({"spec": {"scopes": scopes}});
        let errors = ResourceQuota.validate_update(&quota(json!(["BestEffort"])), &quota(json!([])));
        expect![[r#"spec.scopes: Invalid value: ["BestEffort"]: field is immutable"#]].assert_eq(&told(&errors));
    }

    #[test]
    fn a_row_tells_what_is_used_of_what_there_is() {
        let hard = json!({"pods": 2, "limits.cpu": "2000m"});
        let object = json!({"metadata": {"name": "q", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "status": {"hard": hard, "used": {"pods": "1"}}});
        let row = Value::from(ResourceQuota.cells(&defaulted(&ResourceQuota, object), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["q", "pods: 1/2", "limits.cpu: 0/2", "0s"]));
    }
}
