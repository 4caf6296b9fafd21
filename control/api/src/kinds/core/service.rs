//! Service: one name and address for many pods.

use serde_json::{Value, json};

use crate::field::Field;
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::service_spec::{self, stacks};
use crate::validate::FieldError;
use crate::{json, name};

mod kept;
mod rules;
mod status;
mod update;
mod warnings;

const COLUMNS: &[Column] = &[
    NAME,
    column("Type", "string", "Who can reach it."),
    column("Cluster-IP", "string", "Address inside the cluster."),
    column("External-IP", "string", "Addresses outside the cluster."),
    column("Port(s)", "string", "Ports, with those of the nodes."),
    AGE,
    wide("Selector", "string", "Labels of the pods behind it."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["svc"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        selectable: &["spec.clusterIP", "spec.type"],
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Service",
        ..base("", "Service", "services", &Service)
    }
}

#[derive(Debug)]
struct Service;

impl Strategy for Service {
    fn name(&self, name: &str) -> Vec<String> {
        name::label_1035(name)
    }

    fn default(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec") {
            default_spec(spec);
        }
        default_modes(object);
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"loadBalancer": {}}));
        kept::mirror_new(object);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        kept::keep(object, old);
    }

    fn prepare_status(&self, object: &mut Value, _old: &Value) {
        default_modes(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rules::service(object)
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        stacks::update(&spec, &old["spec"]).into_iter().chain(update::changed(&spec, &old["spec"])).collect()
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        status::rules(object)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        warnings::of(object)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let address = cells::or(json::text(object, "/spec/clusterIP"), cells::NONE);
        vec![
            cells::name(object),
            json::text(object, "/spec/type").into(),
            address.into(),
            external(object).into(),
            ports(object).into(),
            cells::age(object, now),
            object.pointer("/spec/selector").map_or_else(|| cells::NONE.to_owned(), cells::pairs).into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let field = |pointer| json::text(object, pointer).to_owned();
        vec![("spec.clusterIP", field("/spec/clusterIP")), ("spec.type", field("/spec/type"))]
    }
}

/// `80/TCP`, or `80:30115/TCP` when nodes listen too.
fn ports(object: &Value) -> String {
    let ports = json::items(object, "/spec/ports").iter().map(|port| {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        match port["nodePort"].as_i64().unwrap_or_default() {
            0 => format!("{}/{protocol}", port["port"]),
            node => format!("{}:{node}/{protocol}", port["port"]),
        }
    });
    cells::or(&ports.collect::<Vec<_>>().join(","), cells::NONE).to_owned()
}

/// Where it is reached from outside: the load balancer's addresses, those that the user gave, or another name.
fn external(object: &Value) -> String {
    let given: Vec<&str> = json::items(object, "/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    match json::text(object, "/spec/type") {
        "ExternalName" => json::text(object, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = json::items(object, "/status/loadBalancer/ingress").iter();
            let balanced = ingress.filter_map(|one| one["ip"].as_str().or(one["hostname"].as_str()));
            let all: Vec<&str> = balanced.chain(given).collect();
            cells::or(&all.join(","), "<pending>").to_owned()
        }
        _ => cells::or(&given.join(","), cells::NONE).to_owned(),
    }
}

fn default_spec(spec: &mut Value) {
    /// Seconds for which a client stays with a pod when `sessionAffinity` is `ClientIP`.
    const AFFINITY_SECONDS: i64 = 10_800;
    if !spec.is_object() {
        return;
    }
    json::fill(spec, "sessionAffinity", "None");
    match json::text(spec, "/sessionAffinity") {
        "None" => drop(spec.as_object_mut().and_then(|spec| spec.remove("sessionAffinityConfig"))),
        "ClientIP" if spec.pointer("/sessionAffinityConfig/clientIP/timeoutSeconds").is_none_or(Value::is_null) => {
            json::set(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}));
        }
        _ => {}
    }
    json::fill(spec, "type", "ClusterIP");
    for port in json::items_mut(spec, "ports") {
        json::fill(port, "protocol", "TCP");
        let number = port["port"].clone();
        if port["targetPort"] == 0 || json::is_empty(&port["targetPort"]) {
            json::set(port, "targetPort", number);
        }
    }
    if service_spec::is_reachable_from_outside(spec) {
        json::fill(spec, "externalTrafficPolicy", "Cluster");
    }
    if service_spec::is_balanced(spec) {
        json::fill(spec, "allocateLoadBalancerNodePorts", true);
    }
    if service_spec::has_address(spec) {
        json::fill(spec, "internalTrafficPolicy", "Cluster");
    }
}

/// How packets to an address of a load balancer arrive, when it did not say.
fn default_modes(object: &mut Value) {
    if service_spec::is_balanced(&object["spec"]) {
        let ingress = object.pointer_mut("/status/loadBalancer/ingress").and_then(Value::as_array_mut);
        for one in ingress.into_iter().flatten().filter(|one| !json::is_empty(&one["ip"])) {
            json::fill(one, "ipMode", "VIP");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::defaulted;

    fn created(spec: &Value) -> Value {
        let mut object = defaulted(&Service, json!({"metadata": {"name": "s1", "namespace": "default"}, "spec": spec}));
        Service.prepare_create(&mut object);
        object
    }

    #[test]
    fn it_gets_what_the_recorded_server_gave() {
        let object = created(&json!({"ports": [{"port": 80}], "selector": {"app": "web"}}));
        let spec = json!({"ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}], "selector": {"app": "web"},
            "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"});
        assert_eq!(object["spec"], spec);
        assert_eq!(object["status"], json!({"loadBalancer": {}}));
    }

    #[test]
    fn types_bring_their_own_defaults() {
        let balanced = created(&json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP", "clusterIP": "fd00::1"}));
        let spec = json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP", "externalTrafficPolicy": "Cluster",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}, "internalTrafficPolicy": "Cluster",
            "allocateLoadBalancerNodePorts": true, "clusterIP": "fd00::1", "clusterIPs": ["fd00::1"]});
        assert_eq!(balanced["spec"], spec);
        let alias = created(&json!({"type": "ExternalName", "externalName": "a.b"}))["spec"].clone();
        assert_eq!(alias, json!({"type": "ExternalName", "externalName": "a.b", "sessionAffinity": "None"}));
    }

    #[test]
    fn rows_read_as_the_recorded_ones() {
        let row = |spec: Value, status: Value| {
            let object = json!({"metadata": {"name": "np", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": spec,
                "status": status});
            Value::from(Service.cells(&object, Timestamp::UNIX_EPOCH))
        };
        let ports = json!([{"port": 80, "nodePort": 30115}, {"port": 443, "nodePort": 30127, "protocol": "UDP"}]);
        let spec = json!({"type": "NodePort", "clusterIP": "10.96.99.251", "ports": ports, "selector": {"a": "b"}});
        let shown = json!(["np", "NodePort", "10.96.99.251", "<none>", "80:30115/TCP,443:30127/UDP", "0s", "a=b"]);
        assert_eq!(row(spec, json!({})), shown);
        let shown = json!(["np", "ExternalName", "<none>", "a.b", "<none>", "0s", "<none>"]);
        assert_eq!(row(json!({"type": "ExternalName", "externalName": "a.b"}), json!({})), shown);
        let balanced = json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1", "externalIPs": ["9.9.9.9"]});
        let status = json!({"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}, {"hostname": "h"}]}});
        assert_eq!(row(balanced, status)[3], "1.1.1.1,h,9.9.9.9");
        assert_eq!(row(json!({"type": "LoadBalancer"}), json!({}))[3], "<pending>");
    }
}
