//! Rules of which taints of nodes a pod bears with.

use crate::field::{Errors, Field};
use crate::name;

/// What a taint does, in the order of error messages.
pub(crate) const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Everything wrong with `tolerations`.
pub(super) fn tolerations(tolerations: &Field<'_>) -> Errors {
    tolerations.items().flat_map(|one| toleration(&one)).collect()
}

/// Everything wrong with one toleration.
pub(crate) fn toleration(toleration: &Field<'_>) -> Errors {
    let (key, operator, effect) = (toleration.at("key"), toleration.at("operator"), toleration.at("effect"));
    let value = toleration.at("value").text();
    let mut errors = key.named(name::qualified);
    if key.is_empty() && operator.text() != "Exists" {
        let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(operator.invalid_part(operator.text(), why));
    }
    if toleration.at("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
        errors.push(effect.invalid_part(effect.text(), "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    match operator.text() {
        "Equal" | "" => {
            let wrong = name::label_value(value);
            errors.extend((!wrong.is_empty()).then(|| operator.invalid_part(value, wrong.join(";"))));
        }
        "Exists" if !value.is_empty() => {
            errors.push(operator.invalid_part(value, "value must be empty when `operator` is 'Exists'"));
        }
        "Lt" | "Gt" => errors.extend(number(&operator, value)),
        _ => errors.extend(operator.one_of(&["Equal", "Exists", "Lt", "Gt"])),
    }
    if !effect.is_empty() {
        errors.extend(effect.one_of(EFFECTS));
    }
    errors
}

/// A value that is compared by size is a whole number, written without needless characters (KEP-5471).
fn number(operator: &Field<'_>, value: &str) -> Errors {
    let sound = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    let why = "value must be a valid integer when `operator` is 'Lt' or 'Gt'";
    (!sound).then(|| operator.invalid_part(value, why)).into_iter().collect()
}
