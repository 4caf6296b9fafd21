//! Service: one name and address for many pods.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column, wide};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[
    NAME,
    column("Type", "string", "Who can reach it."),
    column("Cluster-IP", "string", "Address inside the cluster."),
    column("External-IP", "string", "Addresses outside the cluster."),
    column("Port(s)", "string", "Ports, with those of the nodes."),
    AGE,
    wide("Selector", "string", "Labels of the pods behind it."),
];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["svc"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        selectable: &["spec.clusterIP", "spec.type"],
        flags: Flags { needs_revision_on_update: true, returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Service",
        ..base("", "Service", "services", &Service)
    }
}

#[derive(Debug)]
struct Service;

impl Strategy for Service {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let address = cells::or(cells::text(object, "/spec/clusterIP"), cells::NONE);
        vec![
            cells::name(object),
            cells::text(object, "/spec/type").into(),
            address.into(),
            external(object).into(),
            ports(object).into(),
            cells::age(object, now),
            object.pointer("/spec/selector").map_or_else(|| cells::NONE.to_owned(), cells::pairs).into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let field = |pointer| cells::text(object, pointer).to_owned();
        vec![("spec.clusterIP", field("/spec/clusterIP")), ("spec.type", field("/spec/type"))]
    }
}

/// `80/TCP`, or `80:30115/TCP` when nodes listen too.
fn ports(object: &Value) -> String {
    let ports = cells::items(object, "/spec/ports").iter().map(|port| {
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
    let given: Vec<&str> = cells::items(object, "/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    match cells::text(object, "/spec/type") {
        "ExternalName" => cells::text(object, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = cells::items(object, "/status/loadBalancer/ingress").iter();
            let balanced = ingress.filter_map(|one| one["ip"].as_str().or(one["hostname"].as_str()));
            let all: Vec<&str> = balanced.chain(given).collect();
            cells::or(&all.join(","), "<pending>").to_owned()
        }
        _ => cells::or(&given.join(","), cells::NONE).to_owned(),
    }
}
