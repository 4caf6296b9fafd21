//! Resizing a pod that runs: cpu and memory of its containers, and nothing else (KEP-1287).

use serde_json::{Map, Value};

use super::ephemeral::is_mirror;
use super::{CONTAINER_LISTS, qos_class};
use crate::field::{Errors, Field};
use crate::json;

/// Resources of a container that may change.
const RESIZABLE: [&str; 2] = ["cpu", "memory"];
/// Fields of a container that a resize carries.
const CARRIED: [&str; 2] = ["resources", "resizePolicy"];

/// Writes into a pod what a resize asks for. Containers that do not pair up are taken as they came, for [`changed`] to tell.
pub(crate) fn carry(object: &mut Value, wanted: &Value) {
    for list in CONTAINER_LISTS {
        let asked = json::items(wanted, &format!("/spec/{list}"));
        let Some(spec) = json::section(object, "spec") else { continue };
        let known = spec.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if known.is_empty() && asked.is_empty() {
            continue;
        }
        let pairs = known.len() == asked.len() && known.iter().zip(asked).all(|(old, new)| old["name"] == new["name"]);
        let next: Vec<Value> =
            if pairs { known.iter().zip(asked).map(|(old, new)| resized(old, new)).collect() } else { asked.to_vec() };
        spec.insert(list.to_owned(), next.into());
    }
}

fn resized(old: &Value, new: &Value) -> Value {
    let mut container = old.clone();
    let Some(fields) = container.as_object_mut() else { return container };
    for name in CARRIED {
        match new.get(name) {
            Some(value) => fields.insert(name.to_owned(), value.clone()),
            None => fields.remove(name),
        };
    }
    container
}

/// Everything wrong with a resize.
pub(crate) fn changed(object: &Value, old: &Value) -> Errors {
    if let Some(why) = unfit(object, old) {
        return vec![Field::root(object).forbidden(why)];
    }
    let spec = Field::root(object).at("spec");
    let misplaced = misplaced(&spec, &old["spec"]);
    if !misplaced.is_empty() {
        return misplaced;
    }
    let mut errors = Errors::new();
    let class = qos_class(&old["spec"]);
    if class != qos_class(spec.value) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(spec.invalid_part(class.as_str(), why));
    }
    if !node_can(old) {
        errors.push(spec.forbidden("Pod running on node without support for resize"));
    }
    for list in ["initContainers", "containers"] {
        for (one, before) in spec.at(list).items().zip(json::items(&old["spec"], &format!("/{list}"))) {
            if list == "containers" || restarts(before) {
                errors.extend(removed(&one.at("resources"), &before["resources"]));
            }
        }
    }
    errors.extend(CONTAINER_LISTS.iter().flat_map(|list| beyond(&spec, list, &old["spec"][*list])));
    errors
}

/// Why a pod cannot be resized at all.
fn unfit(object: &Value, old: &Value) -> Option<&'static str> {
    let whole =
        |pod: &Value| ["requests", "limits"].iter().any(|list| !json::is_empty(&pod["spec"]["resources"][*list]));
    if whole(object) || whole(old) {
        Some("pods with pod-level resources cannot be resized")
    } else if is_mirror(old) {
        Some("static pods cannot be resized")
    } else if old["spec"]["os"]["name"] == "windows" {
        Some("windows pods cannot be resized")
    } else {
        None
    }
}

/// Containers that came, went, or stand elsewhere.
fn misplaced(spec: &Field<'_>, before: &Value) -> Errors {
    let mut errors = Errors::new();
    for list in CONTAINER_LISTS {
        let (now, then) = (spec.at(list), json::items(before, &format!("/{list}")));
        if now.items().count() != then.len() {
            errors.push(now.forbidden(format!("{list} may not be added or removed on resize")));
            continue;
        }
        let others = now.items().map(|one| one.at("name")).zip(then).filter(|(name, then)| *name.value != then["name"]);
        errors.extend(
            others.map(|(name, _)| name.forbidden(format!("{list} may not be renamed or reordered on resize"))),
        );
    }
    errors
}

/// A node that says what its containers really have can change it. While none runs, nothing is known against it.
fn node_can(pod: &Value) -> bool {
    let statuses = json::items(pod, "/status/containerStatuses");
    let running = statuses.iter().find(|one| !one["state"]["running"].is_null());
    running.is_none_or(|one| !one["resources"].is_null())
}

fn restarts(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn removed(resources: &Field<'_>, before: &Value) -> Errors {
    let lists = ["requests", "limits"];
    let lost = lists.iter().filter(|list| {
        let now = resources.at(list);
        json::entries(before, &format!("/{list}")).any(|(name, _)| now.value.get(name).is_none())
    });
    lost.map(|list| resources.at(list).forbidden(format!("resource {list} cannot be removed"))).collect()
}

/// Changes of containers beyond cpu and memory.
fn beyond(spec: &Field<'_>, list: &str, before: &Value) -> Errors {
    let mut errors = Errors::new();
    for (one, then) in spec.at(list).items().zip(json::items(before, "")) {
        let why = match (list, restarts(then)) {
            ("containers", _) if fixed(one.value) != fixed(then) => "only cpu and memory resources are mutable",
            ("initContainers", true) if fixed(one.value) != fixed(then) => {
                "only cpu and memory resources for sidecar containers are mutable"
            }
            ("initContainers", false) if one.value != then => "resources for non-sidecar init containers are immutable",
            _ => continue,
        };
        errors.push(spec.forbidden(why));
    }
    errors
}

/// A container without what may change.
fn fixed(container: &Value) -> Value {
    let mut rest = container.clone();
    for list in ["requests", "limits"] {
        let others = json::entries(container, &format!("/resources/{list}"));
        let others: Map<String, Value> = others
            .filter(|(name, _)| !RESIZABLE.contains(name))
            .map(|(name, amount)| (name.to_owned(), amount.clone()))
            .collect();
        if let Some(resources) = json::section(&mut rest, "resources") {
            resources.insert(list.to_owned(), others.into());
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn pod() -> Value {
        let container = |name: &str| {
            json!({"name": name, "image": "i", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"},
                "limits": {"cpu": "200m"}}})
        };
        json!({"spec": {"containers": [container("a"), container("b")],
            "initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always", "resources": {}},
                {"name": "i", "image": "i", "resources": {}}]}, "status": {"qosClass": "Burstable"}})
    }

    fn check(change: impl Fn(&mut Value), expected: &Expect) {
        let old = pod();
        let mut wanted = old.clone();
        change(&mut wanted);
        let mut next = old.clone();
        carry(&mut next, &wanted);
        let texts: Vec<String> = changed(&next, &old).iter().map(ToString::to_string).collect();
        expected.assert_eq(&texts.join("\n"));
    }

    #[test]
    fn cpu_and_memory_may_change_and_the_rest_is_left_out() {
        check(
            |pod| {
                pod["spec"]["containers"][0]["resources"]["requests"] = json!({"cpu": "150m", "memory": "32Mi"});
                pod["spec"]["containers"][0]["image"] = "other".into();
                pod["spec"]["hostname"] = "other".into();
            },
            &expect![""],
        );
    }

    #[test]
    fn what_else_changes_is_refused() {
        check(
            |pod| pod["spec"]["containers"][1]["resources"]["limits"]["ephemeral-storage"] = "1Gi".into(),
            &expect!["spec: Forbidden: only cpu and memory resources are mutable"],
        );
        check(
            |pod| pod["spec"]["containers"][0]["resources"]["requests"] = json!({"cpu": "1"}),
            &expect!["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"],
        );
        check(
            |pod| pod["spec"]["initContainers"][1]["resources"]["requests"] = json!({"cpu": "1"}),
            &expect!["spec: Forbidden: resources for non-sidecar init containers are immutable"],
        );
        check(
            |pod| pod["spec"]["containers"].as_array_mut().unwrap().swap(0, 1),
            &expect![[r#"
                spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize
                spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize"#]],
        );
        check(
            |pod| drop(pod["spec"]["containers"].as_array_mut().unwrap().pop()),
            &expect!["spec.containers: Forbidden: containers may not be added or removed on resize"],
        );
        check(|pod| pod["spec"]["resources"] = json!({"limits": {"cpu": "1"}}), &expect![""]);
    }

    #[test]
    fn the_class_of_a_pod_is_for_life() {
        let container = |request: &str| {
            json!({"name": "a", "resources": {"requests": {"cpu": request, "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1Gi"}}})
        };
        let old = json!({"spec": {"containers": [container("500m")]}});
        let new = json!({"spec": {"containers": [container("1")]}});
        let texts: Vec<String> = changed(&new, &old).iter().map(ToString::to_string).collect();
        let want = "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing";
        assert_eq!(texts, [want]);
    }

    #[test]
    fn a_node_that_does_not_tell_cannot_resize() {
        let mut old = pod();
        old["status"]["containerStatuses"] = json!([{"name": "a", "state": {"running": {}}}]);
        let texts: Vec<String> = changed(&old, &old).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["spec: Forbidden: Pod running on node without support for resize"]);
    }
}
