//! Names of what can be asked for and limited, and which amounts of it make sense.

use crate::field::{Errors, Field};
use crate::name;
use crate::quantity::Quantity;

/// What a container may ask for.
const OF_CONTAINERS: &[&str] = &["cpu", "memory", "ephemeral-storage"];
/// What a quota may count, beside the above.
const OF_QUOTAS: &[&str] = &[
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// What a quota counts by the piece.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether it is memory in large pages.
pub(crate) fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether Kubernetes itself knows what it is.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether it is a device or the like, that somebody else knows.
fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && name::qualified(&format!("requests.{name}")).is_empty()
}

/// Whether a limit may be larger than what was asked for.
pub(crate) fn overcommits(name: &str) -> bool {
    is_native(name) && !is_huge_pages(name)
}

/// Whether a quota knows it.
pub(crate) fn is_of_quotas(name: &str) -> bool {
    [OF_CONTAINERS, OF_QUOTAS, COUNTED].iter().any(|names| names.contains(&name))
        || name.strip_prefix("requests.").is_some_and(is_huge_pages)
}

/// Everything wrong with the key of an entry as the name of a resource of any kind.
pub(crate) fn any(entry: &Field<'_>, name: &str) -> Errors {
    let wrong = name::qualified(name);
    if !wrong.is_empty() {
        return wrong.into_iter().map(|why| entry.invalid_part(name, why)).collect();
    }
    let known = name.contains('/') || name == "storage" || is_huge_pages(name) || is_of_quotas(name);
    let why = "must be a standard resource type or fully qualified";
    (!known).then(|| entry.invalid_part(name, why)).into_iter().collect()
}

/// As [`any`], of what a container may ask for.
pub(crate) fn of_container(entry: &Field<'_>, name: &str) -> Errors {
    let mut errors = any(entry, name);
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && !is_huge_pages(name) {
            errors.push(entry.invalid_part(name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(entry.invalid_part(name, "doesn't follow extended resource name standard"));
    }
    errors
}

/// As [`any`], of what a quota may count.
pub(crate) fn of_quota(entry: &Field<'_>, name: &str) -> Errors {
    let mut errors = any(entry, name);
    if !name.contains('/') && !is_of_quotas(name) {
        errors.push(entry.invalid_part(name, "must be a standard resource for quota"));
    }
    errors
}

/// Everything wrong with an amount of a resource of that name.
pub(crate) fn amount(amount: &Field<'_>, name: &str) -> Errors {
    match Quantity::from_value(amount.value) {
        Err(why) => vec![amount.invalid(why.to_string())],
        Ok(quantity) => {
            let mut errors = Errors::new();
            if quantity.is_negative() {
                errors.push(amount.invalid("must be greater than or equal to 0"));
            }
            if (COUNTED.contains(&name) || is_extended(name)) && !quantity.rounded_to_milli().is_whole() {
                errors.push(amount.invalid("must be an integer"));
            }
            errors
        }
    }
}

/// As [`amount`], of which there must be some.
pub(crate) fn positive(entry: &Field<'_>, name: &str) -> Errors {
    let errors = amount(entry, name);
    let none = Quantity::from_value(entry.value).is_ok_and(|quantity| quantity <= Quantity::ZERO);
    if errors.is_empty() && none { vec![entry.invalid("must be greater than zero")] } else { errors }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn each_place_has_its_resources() {
        let object = json!({"cpu": "1", "pods": "1.5", "storage": "-1", "foo": "1", "a.io/gpu": "500m", "a b": "x",
            "requests.a.io/gpu": "1", "requests.hugepages-2Mi": "1", "kubernetes.io/batch-cpu": "100m"});
        let told = |rule: fn(&Field<'_>, &str) -> Errors| {
            let errors = Field::root(&object).entries().flat_map(|(name, entry)| {
                let mut errors = rule(&entry, name);
                errors.extend(amount(&entry, name));
                errors
            });
            errors.map(|error| error.to_string().chars().take(90).collect::<String>()).collect::<Vec<_>>().join("\n")
        };
        expect![[r#"
            [a b]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' o
            [a b]: Invalid value: "a b": must be a standard resource for containers
            [a b]: Invalid value: "x": quantities must match the regular expression '^([+-]?[0-9.]+)([
            [a.io/gpu]: Invalid value: "500m": must be an integer
            [foo]: Invalid value: "foo": must be a standard resource type or fully qualified
            [foo]: Invalid value: "foo": must be a standard resource for containers
            [pods]: Invalid value: "pods": must be a standard resource for containers
            [pods]: Invalid value: "1.5": must be an integer
            [requests.a.io/gpu]: Invalid value: "requests.a.io/gpu": doesn't follow extended resource 
            [requests.hugepages-2Mi]: Invalid value: "requests.hugepages-2Mi": must be a standard reso
            [storage]: Invalid value: "storage": must be a standard resource for containers
            [storage]: Invalid value: "-1": must be greater than or equal to 0"#]]
        .assert_eq(&told(of_container));
        expect![[r#"
            [a b]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' o
            [a b]: Invalid value: "a b": must be a standard resource for quota
            [a b]: Invalid value: "x": quantities must match the regular expression '^([+-]?[0-9.]+)([
            [a.io/gpu]: Invalid value: "500m": must be an integer
            [foo]: Invalid value: "foo": must be a standard resource type or fully qualified
            [foo]: Invalid value: "foo": must be a standard resource for quota
            [pods]: Invalid value: "1.5": must be an integer
            [storage]: Invalid value: "storage": must be a standard resource for quota
            [storage]: Invalid value: "-1": must be greater than or equal to 0"#]]
        .assert_eq(&told(of_quota));
    }
}
