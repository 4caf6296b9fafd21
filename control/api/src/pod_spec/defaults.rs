//! Fields of a pod's spec that the API promises to fill (Appendix B of the contract).

use serde_json::{Value, json};

use super::{CONTAINER_LISTS, image, resources, volume_defaults};
use crate::json::{boolean, fill, fill_zero, items_mut, section, set, text};

/// Seconds between asking a pod to stop and stopping it.
pub(crate) const GRACE: u32 = 30;

/// Fills a `spec` of a Pod or of a template.
pub fn default_spec(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    fill(spec, "dnsPolicy", "ClusterFirst");
    fill(spec, "restartPolicy", "Always");
    fill(spec, "schedulerName", "default-scheduler");
    fill(spec, "terminationGracePeriodSeconds", GRACE);
    fill(spec, "securityContext", json!({}));
    mirror_service_account(spec);
    for list in CONTAINER_LISTS {
        items_mut(spec, list).iter_mut().for_each(container);
    }
    items_mut(spec, "ephemeralContainers").iter_mut().for_each(container);
    items_mut(spec, "volumes").iter_mut().for_each(volume_defaults::volume);
    if let Some(overhead) = spec.get_mut("overhead") {
        resources::canonical(overhead);
    }
    if let Some(resources) = spec.get_mut("resources") {
        resources::default(resources);
    }
}

/// Fills the `template` of an object's `spec`, which is made when it is missing, as the API shows no workload without one.
pub fn default_template(spec: &mut Value) {
    if section(spec, "template").is_none() {
        return;
    }
    let template = &mut spec["template"];
    section(template, "metadata");
    section(template, "spec");
    default_spec(&mut template["spec"]);
}

/// Fills what is filled only in a Pod itself, after [`default_spec`].
pub(crate) fn default_pod(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    fill(spec, "enableServiceLinks", true);
    let host_network = boolean(spec, "/hostNetwork");
    for list in CONTAINER_LISTS {
        for container in items_mut(spec, list) {
            if let Some(resources) = container.get_mut("resources") {
                resources::request_limits(resources);
            }
            if host_network {
                items_mut(container, "ports").iter_mut().for_each(host_port);
            }
        }
    }
}

/// The deprecated name of the account follows the current one, and stands in for it.
fn mirror_service_account(spec: &mut Value) {
    let (name, old) = (text(spec, "/serviceAccountName").to_owned(), text(spec, "/serviceAccount").to_owned());
    if name.is_empty() && old.is_empty() {
        return;
    }
    let account = if name.is_empty() { old } else { name };
    set(spec, "serviceAccountName", account.clone());
    set(spec, "serviceAccount", account);
}

fn container(container: &mut Value) {
    if !container.is_object() {
        return;
    }
    let policy = if image::is_latest(text(container, "/image")) { "Always" } else { "IfNotPresent" };
    fill(container, "imagePullPolicy", policy);
    fill(container, "terminationMessagePath", "/dev/termination-log");
    fill(container, "terminationMessagePolicy", "File");
    section(container, "resources");
    if let Some(resources) = container.get_mut("resources") {
        resources::default(resources);
    }
    for port in items_mut(container, "ports") {
        fill(port, "protocol", "TCP");
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(one) = container.get_mut(name) {
            probe(one);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(get) = container.pointer_mut(&format!("/lifecycle/{hook}/httpGet")) {
            http_get(get);
        }
    }
    for variable in items_mut(container, "env") {
        if let Some(source) = variable.get_mut("valueFrom") {
            downward(source, "fieldRef", "resourceFieldRef");
        }
    }
}

fn probe(probe: &mut Value) {
    if !probe.is_object() {
        return;
    }
    for (name, number) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        fill_zero(probe, name, number);
    }
    if let Some(get) = probe.get_mut("httpGet") {
        http_get(get);
    }
    if let Some(grpc) = probe.get_mut("grpc") {
        fill(grpc, "service", "");
    }
}

fn http_get(get: &mut Value) {
    fill(get, "path", "/");
    fill(get, "scheme", "HTTP");
}

fn host_port(port: &mut Value) {
    let number = port["containerPort"].as_i64().unwrap_or_default();
    if number != 0 {
        fill_zero(port, "hostPort", number);
    }
}

/// Fills references to a pod's own fields and resources, in variables and in files.
pub(super) fn downward(source: &mut Value, field: &str, resource: &str) {
    if let Some(field) = source.get_mut(field) {
        fill(field, "apiVersion", "v1");
    }
    if let Some(resource) = source.get_mut(resource) {
        fill(resource, "divisor", "0");
        resources::canonical_field(resource, "divisor");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_what_the_recorded_server_gave() {
        let mut spec = json!({
            "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "1"}], "livenessProbe": {"httpGet": {"port": 80}}}],
            "volumes": [{"name": "v", "configMap": {"name": "cm1"}}],
        });
        default_spec(&mut spec);
        default_pod(&mut spec);
        let recorded = json!({
            "volumes": [{"name": "v", "configMap": {"name": "cm1", "defaultMode": 420}}],
            "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "env": [{"name": "A", "value": "1"}], "resources": {},
                "livenessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "timeoutSeconds": 1,
                    "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "imagePullPolicy": "Always"}],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "securityContext": {}, "schedulerName": "default-scheduler", "enableServiceLinks": true,
        });
        assert_eq!(spec, recorded);
    }

    #[test]
    fn limits_are_requested_and_amounts_have_one_form() {
        let mut spec = json!({"hostNetwork": true, "serviceAccount": "robot", "containers": [{
            "name": "c", "image": "a:1", "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}, "requests": {"cpu": "0.0001"}},
            "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }], "initContainers": [{"name": "i", "image": "b", "resources": {"limits": {"cpu": 2}}}],
            "volumes": [{"name": "e"}, {"name": "p", "projected": {"sources": [
                {"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [{"path": "l", "fieldRef": {}}]}}]}}]});
        default_spec(&mut spec);
        default_pod(&mut spec);
        let container = &spec["containers"][0];
        let amounts = json!({"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "1m", "memory": "1Gi"}});
        assert_eq!(container["resources"], amounts);
        assert_eq!(container["ports"][0], json!({"containerPort": 80, "hostPort": 80, "protocol": "TCP"}));
        assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
        assert_eq!(spec["initContainers"][0]["resources"]["requests"], json!({"cpu": "2"}));
        assert_eq!(spec["serviceAccountName"], "robot");
        assert_eq!(
            spec["volumes"],
            json!([{"name": "e", "emptyDir": {}}, {"name": "p", "projected": {
            "defaultMode": 420, "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}},
                {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"apiVersion": "v1"}}]}}]}}])
        );
    }
}
