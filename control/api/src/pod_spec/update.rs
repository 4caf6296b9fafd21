//! Which fields of a Pod's spec may still change after it was created.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json::items;
use crate::validate::FieldError;

use super::{CONTAINER_LISTS, gated};

/// Fields that may change, each by its own rule, and so are not compared.
const FREE: &[&str] = &["activeDeadlineSeconds", "tolerations", "schedulingGates"];

/// Kubernetes goes on with the difference as its own tool prints it; we name what differs.
const REMEDY: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
                      `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                      existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                      previously negative)\n";

/// Everything wrong with a change of a Pod's `spec`.
pub(crate) fn immutable_but_a_few(object: &Value, old: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    let before = &old["spec"];
    let mut errors = Errors::new();
    for list in CONTAINER_LISTS {
        if items(spec.value, &format!("/{list}")).len() != items(before, &format!("/{list}")).len() {
            errors.push(spec.at(list).forbidden("pod updates may not add or remove containers"));
        }
    }
    if !errors.is_empty() {
        return errors;
    }
    if let Some(wrong) = deadline(&spec.at("activeDeadlineSeconds"), &before["activeDeadlineSeconds"]) {
        return vec![wrong];
    }
    errors.extend(tolerations(&spec.at("tolerations"), &before["tolerations"]));
    errors.extend(gates(&spec.at("schedulingGates"), &before["schedulingGates"]));
    let mut now = spec.value.clone();
    let negative = before["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0);
    if negative && now["terminationGracePeriodSeconds"] == 1 {
        now["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"].clone();
    }
    if !items(before, "/schedulingGates").is_empty() {
        errors.extend(gated::narrowed(&spec, before));
        gated::forget(&mut now, before);
    }
    let changed = changed(&now, before);
    if !changed.is_empty() {
        errors.push(spec.forbidden(format!("{REMEDY}{}", changed.join(", "))));
    }
    errors
}

fn deadline(deadline: &Field<'_>, before: &Value) -> Option<FieldError> {
    match (deadline.integer(), before.as_i64()) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => deadline.within(0, i64::from(i32::MAX)),
        (Some(now), Some(then)) if now > then => Some(deadline.invalid("must be less than or equal to previous value")),
        (None, Some(_)) => Some(deadline.invalid("must not update from a positive integer to nil value")),
        _ => None,
    }
}

/// Tolerations may come, and those that were may last for another time; none may go.
fn tolerations(tolerations: &Field<'_>, before: &Value) -> Errors {
    let same = |one: &Value, other: &Value| {
        let fields = ["key", "operator", "value", "effect"];
        fields.iter().all(|name| one[*name] == other[*name])
    };
    let now = items(tolerations.value, "");
    let lost = items(before, "").iter().any(|then| !now.iter().any(|one| same(one, then)));
    let why = "existing toleration can not be modified except its tolerationSeconds";
    lost.then(|| tolerations.forbidden(why)).into_iter().collect()
}

/// Gates may go; none may come (KEP-3521).
fn gates(gates: &Field<'_>, before: &Value) -> Errors {
    let known = items(before, "");
    let fresh = gates.items().filter(|gate| !known.contains(gate.value));
    let told = |gate: Field<'_>| {
        let name = gate.at("name");
        name.forbidden(format!("only deletion is allowed, but found new scheduling gate '{}'", name.text()))
    };
    fresh.map(told).collect()
}

/// Paths of what differs, down to fields of containers.
fn changed(spec: &Value, before: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    for name in differing(spec, before) {
        if FREE.contains(&name) {
            continue;
        }
        if !CONTAINER_LISTS.contains(&name) {
            paths.push(format!("`spec.{name}`"));
            continue;
        }
        let pairs = items(&spec[name], "").iter().zip(items(&before[name], "")).enumerate();
        for (nth, (now, then)) in pairs {
            let fields = differing(now, then).into_iter().filter(|field| *field != "image");
            paths.extend(fields.map(|field| format!("`spec.{name}[{nth}].{field}`")));
        }
    }
    paths
}

/// Names of fields that differ between two objects; null and absent are the same.
fn differing<'a>(one: &'a Value, other: &'a Value) -> Vec<&'a str> {
    let names = [one, other].into_iter().filter_map(Value::as_object).flat_map(|fields| fields.keys());
    let mut names: Vec<&str> = names.map(String::as_str).filter(|name| one[*name] != other[*name]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(changes: &Value, expected: &Expect) {
        let old = json!({"spec": {
            "containers": [{"name": "c", "image": "i"}], "activeDeadlineSeconds": 10, "schedulingGates": [{"name": "g"}],
            "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]}});
        let mut new = old.clone();
        for (name, value) in changes.as_object().unwrap() {
            new["spec"][name] = value.clone();
        }
        let texts: Vec<String> = immutable_but_a_few(&new, &old).iter().map(ToString::to_string).collect();
        expected.assert_eq(&texts.join("\n"));
    }

    #[test]
    fn a_few_fields_may_change() {
        let tolerations =
            json!([{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}, {"key": "b"}]);
        let changes = json!({"containers": [{"name": "c", "image": "j"}], "activeDeadlineSeconds": 5,
            "tolerations": tolerations, "schedulingGates": []});
        check(&changes, &expect![""]);
    }

    #[test]
    fn all_else_may_not_and_is_named() {
        check(
            &json!({"hostname": "x", "containers": [{"name": "c", "image": "i", "tty": true}]}),
            &expect![[r#"
            spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            `spec.containers[0].tty`, `spec.hostname`"#]],
        );
        check(
            &json!({"containers": []}),
            &expect!["spec.containers: Forbidden: pod updates may not add or remove containers"],
        );
        check(
            &json!({"activeDeadlineSeconds": 11, "tolerations": []}),
            &expect!["spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value"],
        );
        let changes =
            json!({"terminationGracePeriodSeconds": 1, "tolerations": [], "schedulingGates": [{"name": "h"}]});
        check(
            &changes,
            &expect![[r#"
            spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds
            spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'h'
            spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            `spec.terminationGracePeriodSeconds`"#]],
        );
    }
}
