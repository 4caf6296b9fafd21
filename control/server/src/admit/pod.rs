//! What Kubernetes' admission plug-ins add to every Pod: service account and tolerations.

use serde_json::{Value, json};

/// How long a pod stays on a node that is not ready or cannot be reached (plug-in `DefaultTolerationSeconds`).
const TOLERATION_SECONDS: u32 = 300;
/// Taints that a node gets when it is not ready or cannot be reached.
const NODE_TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Fills what the pod does not say.
pub(super) fn complete(pod: &mut Value) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let given = |spec: &serde_json::Map<String, Value>, field: &str| {
        spec.get(field).and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let account = given(spec, "serviceAccountName").or_else(|| given(spec, "serviceAccount"));
    let account = account.unwrap_or_else(|| "default".to_owned());
    spec.insert("serviceAccountName".into(), account.clone().into());
    spec.insert("serviceAccount".into(), account.into());
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for taint in NODE_TAINTS {
        if !tolerations.iter().any(|toleration| covers(toleration, taint)) {
            tolerations.push(json!({
                "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS,
            }));
        }
    }
}

fn covers(toleration: &Value, taint: &str) -> bool {
    let text = |field: &str| toleration[field].as_str().unwrap_or_default();
    (text("key") == taint || text("key").is_empty()) && matches!(text("effect"), "" | "NoExecute")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_what_it_does_not_say_and_keeps_what_it_says() {
        let mut pod = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
        complete(&mut pod);
        assert_eq!(
            pod["spec"],
            json!({"serviceAccount": "default", "serviceAccountName": "default", "tolerations": [{"operator": "Exists"}]})
        );
        let mut bare = json!({"spec": {"serviceAccountName": "x"}});
        complete(&mut bare);
        assert_eq!(bare["spec"]["serviceAccount"], "x");
        assert_eq!(bare["spec"]["tolerations"].as_array().unwrap().len(), 2);
    }
}
