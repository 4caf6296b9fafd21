//! Mirror pods: what a node shows of the pods that it runs without being asked (plug-in `NodeRestriction`).

use api::status::Status;
use serde_json::Value;

use super::Review;
use crate::stamp;

/// Annotation of a mirror pod.
const ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Whether a pod is a mirror.
pub(super) fn is(object: &Value) -> bool {
    !object["metadata"]["annotations"][ANNOTATION].is_null()
}

/// A node makes pods only as mirrors of what runs on it, which name nothing that the node might not read otherwise.
pub(super) fn only(review: &Review<'_>, object: &Value) -> Result<(), Status> {
    let Some(node) = review.ask.requester.node() else { return Ok(()) };
    if &*review.ask.kind.plural != "pods" {
        return Ok(());
    }
    wrong(node, object).map_or(Ok(()), |why| {
        Err(Status::forbidden(&review.ask.kind.resource(), stamp::meta_text(object, "name"), &why))
    })
}

fn wrong(node: &str, object: &Value) -> Option<String> {
    if !is(object) {
        return Some(format!(
            "pod does not have \"{ANNOTATION}\" annotation, node \"{node}\" can only create mirror pods"
        ));
    }
    let spec = &object["spec"];
    if spec["nodeName"] != node {
        return Some(format!("node \"{node}\" can only create pods with spec.nodeName set to itself"));
    }
    let owners = object["metadata"]["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
    if owners.iter().any(|owner| owner["kind"] != "Node" || owner["name"] != node) {
        return Some(format!("node \"{node}\" can only create pods with an owner reference set to itself"));
    }
    if spec["serviceAccountName"].as_str().is_some_and(|name| !name.is_empty()) {
        return Some(format!("node \"{node}\" can not create pods that reference a service account"));
    }
    let referred = [("secrets", "secrets"), ("configmaps", "configmaps")];
    let refers = |resource: &str| crate::access::refers_to_any(spec, resource);
    if let Some((_, what)) = referred.iter().find(|(resource, _)| refers(resource)) {
        return Some(format!("node \"{node}\" can not create pods that reference {what}"));
    }
    let claims = spec["volumes"]
        .as_array()
        .is_some_and(|volumes| volumes.iter().any(|volume| !volume["persistentVolumeClaim"].is_null()));
    claims.then(|| format!("node \"{node}\" can not create pods that reference persistentvolumeclaims"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_shows_what_it_runs_and_nothing_else() {
        let check = |change: &dyn Fn(&mut Value), expected: Option<&str>| {
            let mut pod = json!({
                "metadata": {"annotations": {ANNOTATION: "hash"}, "ownerReferences": [{"kind": "Node", "name": "n"}]},
                "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
            });
            change(&mut pod);
            let why = wrong("n", &pod);
            assert_eq!(why.is_some(), expected.is_some(), "{why:?}");
            assert!(expected.is_none_or(|text| why.unwrap_or_default().contains(text)));
        };
        check(&|_| {}, None);
        check(&|pod| pod["metadata"]["annotations"] = json!({}), Some("can only create mirror pods"));
        check(&|pod| pod["spec"]["nodeName"] = json!("other"), Some("set to itself"));
        check(&|pod| pod["metadata"]["ownerReferences"][0]["name"] = json!("other"), Some("owner reference"));
        check(&|pod| pod["spec"]["serviceAccountName"] = json!("sa"), Some("a service account"));
        let secret = json!([{"name": "v", "secret": {"secretName": "s"}}]);
        check(&|pod| pod["spec"]["volumes"] = secret.clone(), Some("reference secrets"));
        let env = json!([{"configMapRef": {"name": "m"}}]);
        check(&|pod| pod["spec"]["containers"][0]["envFrom"] = env.clone(), Some("reference configmaps"));
    }
}
