//! What works in a pod's spec and is probably not meant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::field::Field;
use crate::json;
use crate::name;
use crate::quantity::Quantity;

use super::CONTAINER_LISTS;

/// Sentences for `Warning` headers about a `spec` at that path.
pub(crate) fn warnings(spec: &Field<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for container in CONTAINER_LISTS.iter().flat_map(|list| spec.at(list).items()) {
        told.extend(hidden_variables(&container.at("env")));
        told.extend(repeated_ports(&container.at("ports")));
        for list in ["limits", "requests"].map(|list| container.at("resources").at(list)) {
            told.extend(["memory", "ephemeral-storage"].iter().filter_map(|name| parts_of_bytes(&list.entry(name))));
        }
    }
    for volume in spec.at("volumes").items() {
        let source = volume.at("gitRepo");
        told.extend(source.is_set().then(|| format!("{}: deprecated in v1.11", source.path())));
    }
    told
}

/// What the name of a workload becomes a part of, as [`name_warnings`] tells it.
pub(crate) const OF_PODS: &str = "Pod names and hostnames";
/// As [`OF_PODS`], of a Pod itself.
pub(crate) const OF_HOST: &str = "the Pod's hostname";

/// Sentences about a name that is fine in itself and not as a part of what is made of it.
pub(crate) fn name_warnings(object: &Value, part_of: &str) -> Vec<String> {
    let wrong = name::label(json::text(object, "/metadata/name"));
    if wrong.is_empty() {
        return Vec::new();
    }
    let why = "which can result in surprising behavior; a DNS label is recommended";
    vec![format!("metadata.name: this is used in {part_of}, {why}: [{}]", wrong.join(" "))]
}

fn hidden_variables(variables: &Field<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let hides = variables.items().filter_map(|variable| {
        let name = variable.at("name").text();
        let why = format!("hides previous definition of {name:?}, which may be dropped when using apply");
        (!seen.insert(name)).then(|| format!("{}: {why}", variable.path()))
    });
    hides.collect()
}

fn repeated_ports(ports: &Field<'_>) -> Vec<String> {
    let mut seen: BTreeMap<(i64, &str), String> = BTreeMap::new();
    let mut told = Vec::new();
    for port in ports.items() {
        let number = port.at("containerPort").integer().unwrap_or_default();
        let place = (number, port.at("protocol").text());
        match seen.get(&place) {
            Some(first) => told.push(format!("{}: duplicate port definition with {first}", port.path())),
            None => {
                seen.insert(place, port.path().to_owned());
            }
        }
    }
    told
}

/// `memory: 100m` means a tenth of a byte; whoever writes it means `100M`.
pub(crate) fn parts_of_bytes(amount: &Field<'_>) -> Option<String> {
    let given = matches!(amount.value, Value::String(_) | Value::Number(_));
    let broken = given && Quantity::from_value(amount.value).is_ok_and(|quantity| !quantity.is_whole());
    broken.then(|| format!("{}: fractional byte value {} is invalid, must be an integer", amount.path(), amount.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn what_is_probably_not_meant_is_told() {
        let object = json!({"spec": {"volumes": [{"name": "g", "gitRepo": {}}], "containers": [{
            "env": [{"name": "A"}, {"name": "B"}, {"name": "A"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"},
                {"containerPort": 80, "protocol": "TCP"}],
            "resources": {"limits": {"memory": "100m", "cpu": "100m"}},
        }]}});
        let told = warnings(&Field::root(&object).at("spec")).join("\n");
        expect![[r#"
            spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply
            spec.containers[0].ports[2]: duplicate port definition with spec.containers[0].ports[0]
            spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer
            spec.volumes[0].gitRepo: deprecated in v1.11"#]]
        .assert_eq(&told);
    }
}
