//! Ingress: which Service answers which HTTP host and path from outside.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::json;
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

mod rules;

const COLUMNS: &[Column] = &[
    NAME,
    column("Class", "string", "Name of its IngressClass."),
    column("Hosts", "string", "Hosts that its rules are for."),
    column("Address", "string", "Where it is reached."),
    column("Ports", "string", "Ports on which it is reached."),
    AGE,
];

/// How many hosts a cell lists before it counts the rest.
const SHOWN: usize = 3;
/// What named the class before there was a field for it.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["ing"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        schema: "io.k8s.api.networking.v1.Ingress",
        ..base("networking.k8s.io", "Ingress", "ingresses", &Ingress)
    }
}

#[derive(Debug)]
struct Ingress;

impl Strategy for Ingress {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec") else { return };
        if let Some(backend) = spec.get_mut("defaultBackend") {
            default_backend(backend);
        }
        for rule in json::items_mut(spec, "rules") {
            let paths = rule.pointer_mut("/http/paths").and_then(Value::as_array_mut);
            for backend in paths.into_iter().flatten().filter_map(|path| path.get_mut("backend")) {
                default_backend(backend);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"loadBalancer": {}}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rules::ingress(object)
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        rules::one_class(object).into_iter().collect()
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        rules::status(object)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let named = object["metadata"]["annotations"].get(CLASS_ANNOTATION).is_some();
        let why = format!("annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' instead");
        named.then_some(why).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let class = cells::or(json::text(object, "/spec/ingressClassName"), cells::NONE);
        let ports = if json::items(object, "/spec/tls").is_empty() { "80" } else { "80, 443" };
        vec![
            cells::name(object),
            class.into(),
            hosts(object).into(),
            addresses(object).into(),
            ports.into(),
            cells::age(object, now),
        ]
    }
}

/// A Service's port is always shown, be it empty.
fn default_backend(backend: &mut Value) {
    if let Some(service) = backend.get_mut("service") {
        json::fill(service, "port", json!({}));
    }
}

/// The first hosts, and how many more rules there are.
fn hosts(object: &Value) -> String {
    let rules = json::items(object, "/spec/rules");
    let named = |rule: &&Value| !json::text(rule, "/host").is_empty();
    let shown: Vec<&str> = rules.iter().filter(named).take(SHOWN).map(|rule| json::text(rule, "/host")).collect();
    let last = rules.iter().enumerate().filter(|(_, rule)| named(rule)).nth(SHOWN - 1).map(|(nth, _)| nth);
    match last {
        None if shown.is_empty() => "*".to_owned(),
        Some(last) if last + 1 < rules.len() => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN),
        _ => shown.join(","),
    }
}

/// Addresses of its load balancer, in order.
fn addresses(object: &Value) -> String {
    let given = json::items(object, "/status/loadBalancer/ingress").iter();
    let text = |one| cells::or(json::text(one, "/ip"), json::text(one, "/hostname"));
    let all: BTreeSet<&str> = given.map(text).filter(|text| !text.is_empty()).collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;

    fn row(spec: &Value, status: &Value) -> Value {
        let object = json!({"metadata": {"name": "i", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": spec,
            "status": status});
        Ingress.cells(&object, Timestamp::UNIX_EPOCH).into()
    }

    #[test]
    fn rows_tell_hosts_addresses_and_ports() {
        assert_eq!(row(&json!({}), &json!({})), json!(["i", "<none>", "*", "", "80", "0s"]));
        let hosts = |names: &[&str]| names.iter().map(|name| json!({"host": name})).collect::<Vec<_>>();
        let status =
            json!({"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "1.lb"}, {"ip": "2.2.2.2"}, {}]}});
        let spec = json!({"ingressClassName": "nginx", "rules": hosts(&["a", "", "b"]), "tls": [{}]});
        assert_eq!(row(&spec, &status), json!(["i", "nginx", "a,b", "1.lb,2.2.2.2", "80, 443", "0s"]));
        let shown = |names: &[&str]| row(&json!({"rules": hosts(names)}), &json!({}))[2].clone();
        assert_eq!(shown(&["a", "b", "c"]), "a,b,c");
        assert_eq!(shown(&["a", "b", "c", "d", "e"]), "a,b,c + 2 more...");
        assert_eq!(shown(&["", "a", "b", "c", ""]), "a,b,c + 2 more...");
    }

    #[test]
    fn a_new_one_has_no_address_and_its_class_is_named_once() {
        let annotated =
            json!({"metadata": {"annotations": {CLASS_ANNOTATION: "a"}}, "spec": {"ingressClassName": "b"}});
        let mut object = defaulted(&Ingress, annotated);
        Ingress.prepare_create(&mut object);
        assert_eq!(object["status"], json!({"loadBalancer": {}}));
        expect![[r#"annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified"#]]
            .assert_eq(&told(&Ingress.validate_create(&object)));
        let warning =
            "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
        assert_eq!(Ingress.warnings(&object), [warning]);
    }

    #[test]
    fn a_port_is_always_shown() {
        let object = defaulted(&Ingress, json!({"spec": {"defaultBackend": {"service": {"name": "a"}}}}));
        assert_eq!(object["spec"]["defaultBackend"]["service"], json!({"name": "a", "port": {}}));
    }
}
