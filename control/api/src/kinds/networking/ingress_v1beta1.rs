//! Ingress of `networking.k8s.io/v1beta1` and of `extensions/v1beta1`, where a backend is a name and a port side by side.

use serde_json::{Map, Value, json};

use super::ingress;
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;

const DIRECTIONS: Directions = Directions { to_stored, from_stored, fields: &[] };

pub(in crate::kinds) fn networking() -> Kind {
    form(ingress::kind(), "networking.k8s.io", "v1beta1", "io.k8s.api.networking.v1beta1.Ingress", DIRECTIONS)
}

pub(in crate::kinds) fn extensions() -> Kind {
    let kind = form(ingress::kind(), "extensions", "v1beta1", "io.k8s.api.extensions.v1beta1.Ingress", DIRECTIONS);
    // `ing` means the group that has the kind now; kubectl warns of a short name that two groups have.
    Kind { short: &[], ..kind }
}

fn to_stored(ingress: &mut Value) {
    let Some(spec) = ingress.get_mut("spec") else { return };
    rename(spec, "backend", "defaultBackend");
    if let Some(backend) = spec.get_mut("defaultBackend") {
        backend_to_stored(backend);
    }
    each_path(spec, |path| {
        // The stored version has no default for it.
        json::fill(path, "pathType", "ImplementationSpecific");
        if let Some(backend) = path.get_mut("backend") {
            backend_to_stored(backend);
        }
    });
}

fn from_stored(ingress: &mut Value) {
    let Some(spec) = ingress.get_mut("spec") else { return };
    if let Some(backend) = spec.get_mut("defaultBackend") {
        backend_from_stored(backend);
    }
    rename(spec, "defaultBackend", "backend");
    each_path(spec, |path| {
        if let Some(backend) = path.get_mut("backend") {
            backend_from_stored(backend);
        }
    });
}

fn rename(object: &mut Value, from: &str, to: &str) {
    let Some(fields) = object.as_object_mut() else { return };
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

fn each_path(spec: &mut Value, change: impl Fn(&mut Value)) {
    for rule in json::items_mut(spec, "rules") {
        let paths = rule.pointer_mut("/http/paths").and_then(Value::as_array_mut);
        paths.into_iter().flatten().for_each(&change);
    }
}

/// `serviceName` and `servicePort` become `service`; a port is a name or a number.
fn backend_to_stored(backend: &mut Value) {
    let Some(fields) = backend.as_object_mut() else { return };
    let (name, port) = (fields.remove("serviceName"), fields.remove("servicePort"));
    if name.is_none() && port.is_none() {
        return;
    }
    let mut service = Map::new();
    service.insert("name".into(), name.unwrap_or_else(|| "".into()));
    match port {
        Some(Value::String(name)) => drop(service.insert("port".into(), json!({"name": name}))),
        Some(number) => drop(service.insert("port".into(), json!({"number": number}))),
        None => {}
    }
    fields.insert("service".into(), service.into());
}

fn backend_from_stored(backend: &mut Value) {
    let Some(fields) = backend.as_object_mut() else { return };
    let Some(mut service) = fields.remove("service") else { return };
    if let Some(name) = service.get_mut("name") {
        fields.insert("serviceName".into(), name.take());
    }
    let port = service.get_mut("port").and_then(Value::as_object_mut);
    if let Some(port) = port.and_then(|port| port.remove("name").or_else(|| port.remove("number"))) {
        fields.insert("servicePort".into(), port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_a_name_and_a_port() {
        let shown = json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "i"}, "spec": {
            "backend": {"serviceName": "a", "servicePort": "http"},
            "rules": [{"host": "h", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"serviceName": "b", "servicePort": 80}},
                {"pathType": "Exact", "path": "/c", "backend": {"resource": {"kind": "K", "name": "n"}}}]}}]}});
        let stored = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}, "spec": {
            "defaultBackend": {"service": {"name": "a", "port": {"name": "http"}}},
            "rules": [{"host": "h", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "b", "port": {"number": 80}}}},
                {"pathType": "Exact", "path": "/c", "backend": {"resource": {"kind": "K", "name": "n"}}}]}}]}});
        let mut object = shown.clone();
        extensions().to_stored(&mut object);
        assert_eq!(object, stored);
        extensions().from_stored(&mut object);
        assert_eq!(object, shown);
    }

    #[test]
    fn a_path_without_a_type_has_the_one_that_the_older_version_means() {
        let mut ingress = json!({"spec": {"rules": [{"http": {"paths": [{"path": "/"}]}}]}});
        networking().to_stored(&mut ingress);
        let path = json!({"path": "/", "pathType": "ImplementationSpecific"});
        assert_eq!(ingress["spec"], json!({"rules": [{"http": {"paths": [path]}}]}), "and nothing else is made up");
    }

    #[test]
    fn no_backend_is_made_where_there_is_none() {
        let mut object = json!({"spec": {"rules": [{"host": "a.example"}]}});
        extensions().to_stored(&mut object);
        assert_eq!(object["spec"], json!({"rules": [{"host": "a.example"}]}));
        extensions().from_stored(&mut object);
        assert_eq!(object["spec"], json!({"rules": [{"host": "a.example"}]}));
    }
}
