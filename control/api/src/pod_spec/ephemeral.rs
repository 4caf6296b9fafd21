//! Ephemeral containers: what may be added to a pod that runs, to look into it (KEP-277).

use std::collections::BTreeSet;

use serde_json::Value;

use super::context::Context;
use super::{CONTAINER_LISTS, container};
use crate::field::{Errors, Field};
use crate::json;

/// Fields that would make it part of the workload.
const REFUSED: &[&str] = &[
    "ports",
    "resources",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
];
const WHY: &str = "cannot be set for an Ephemeral Container";
/// Annotation of a pod that a node made of a file of its own.
pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";

/// Everything wrong with the ephemeral containers of a spec.
pub(super) fn containers(spec: &Field<'_>, context: &Context<'_>) -> Errors {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    names.extend(CONTAINER_LISTS.iter().flat_map(|list| spec.at(list).items()).map(|one| one.at("name").text()));
    let targets = names.clone();
    let mut errors = Errors::new();
    for one in spec.at("ephemeralContainers").items() {
        errors.extend(container::common(&one, context, &mut names));
        errors.extend(container::image(&one));
        let target = one.at("targetContainerName");
        if !target.is_empty() && !targets.contains(target.text()) {
            errors.push(target.not_found());
        }
        let refused = REFUSED.iter().map(|name| one.at(name)).filter(|field| !field.is_empty());
        errors.extend(refused.map(|field| field.forbidden(WHY)));
        for mount in one.at("volumeMounts").items() {
            let paths = ["subPath", "subPathExpr"].map(|name| mount.at(name));
            errors.extend(paths.iter().filter(|path| !path.is_empty()).map(|path| path.forbidden(WHY)));
        }
    }
    errors
}

/// Everything wrong with a change of a pod's ephemeral containers: they come, and then stay as they are.
pub(crate) fn only_added(object: &Value, old: &Value) -> Errors {
    if is_mirror(old) {
        return vec![Field::root(object).forbidden("static pods do not support ephemeral containers")];
    }
    let field = Field::root(object).at("spec").at("ephemeralContainers");
    let now = |name: &Value| json::items(field.value, "").iter().find(|one| one["name"] == *name);
    let mut errors = Errors::new();
    for before in json::items(old, "/spec/ephemeralContainers") {
        let (name, kept) = (&before["name"], now(&before["name"]));
        match kept {
            None => errors.push(field.forbidden(format!("existing ephemeral containers {name} may not be removed\n"))),
            Some(kept) if kept != before => {
                errors.push(field.forbidden(format!("existing ephemeral containers {name} may not be changed\n")));
            }
            Some(_) => {}
        }
    }
    errors
}

/// Whether a pod mirrors one that a node runs without being asked.
pub(super) fn is_mirror(pod: &Value) -> bool {
    !pod["metadata"]["annotations"][MIRROR].is_null()
}

#[cfg(test)]
mod tests {
    use super::super::default_spec;
    use super::super::volume::Kind;
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(added: &Value, expected: &Expect) {
        let mut spec = json!({"spec": {"containers": [{"name": "c", "image": "i"}], "volumes": [{"name": "v"}],
            "ephemeralContainers": added}});
        default_spec(&mut spec["spec"]);
        let field = Field::root(&spec).at("spec");
        let errors = containers(&field, &Context::of(&field, [("v", Kind::Other)].into(), true));
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        expected.assert_eq(&texts.join("\n"));
    }

    #[test]
    fn a_container_to_look_with_passes() {
        let sound = json!([{"name": "d", "image": "busybox", "targetContainerName": "c", "stdin": true, "tty": true,
            "command": ["sh"], "resources": {}, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]);
        check(&sound, &expect![""]);
    }

    #[test]
    fn what_belongs_to_the_workload_is_refused() {
        let wrong = json!([
            {"name": "c", "image": "i"},
            {"name": "d", "image": "i", "targetContainerName": "x", "ports": [{"containerPort": 1, "protocol": "TCP"}],
             "livenessProbe": {"exec": {"command": ["x"]}}, "resources": {"limits": {"cpu": "1"}},
             "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}]},
        ]);
        check(
            &wrong,
            &expect![[r#"
                spec.ephemeralContainers[0].name: Duplicate value: "c"
                spec.ephemeralContainers[1].targetContainerName: Not found: "x"
                spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container
                spec.ephemeralContainers[1].resources: Forbidden: cannot be set for an Ephemeral Container
                spec.ephemeralContainers[1].livenessProbe: Forbidden: cannot be set for an Ephemeral Container
                spec.ephemeralContainers[1].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container"#]],
        );
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let pod = |containers: Value| json!({"spec": {"ephemeralContainers": containers}});
        let old = pod(json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]));
        let more = pod(json!([{"name": "c", "image": "i"}, {"name": "b", "image": "i"}, {"name": "a", "image": "i"}]));
        assert_eq!(only_added(&more, &old), []);
        let texts: Vec<String> =
            only_added(&pod(json!([{"name": "b", "image": "j"}])), &old).iter().map(ToString::to_string).collect();
        let start = "spec.ephemeralContainers: Forbidden: existing ephemeral containers";
        assert_eq!(
            texts,
            [format!("{start} \"a\" may not be removed\n"), format!("{start} \"b\" may not be changed\n")]
        );
    }
}
