//! EndpointSlices: where the pods behind a Service can be reached.

use std::collections::BTreeMap;
use std::net::IpAddr;

use api::change::Change;
use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::selector::LabelSelector;
use api::view::{Event, View};
use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use crate::decision::{Damaged, Decision};
use crate::objects::{candidates, controller_reference, decode, delete, hash, managed, patch, pods, suffixed};

/// Endpoints in one slice (kube-controller-manager's default).
const SLICE_MAX: usize = 100;
/// Label that names the Service of a slice (KEP-752).
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that tells who keeps a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let services = Resource::new("", "services");
    let mut keys = Vec::new();
    for record in [&event.before, &event.after].into_iter().flatten() {
        let namespace = record.key.namespace();
        if record.key.is("", "services") {
            keys.push(record.key.clone());
        } else if record.key.is("discovery.k8s.io", "endpointslices") {
            keys.extend(record.label(SERVICE_NAME).and_then(|name| Key::new(&services, namespace, name).ok()));
        } else if record.key.is("", "pods") {
            let selecting = view.list(&services, Some(namespace)).filter(|service| selects(service, record));
            keys.extend(selecting.map(|service| service.key.clone()));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

fn selects(service: &Record, pod: &Record) -> bool {
    let selector = decode::<Value>(service).ok().and_then(|service| service.pointer("/spec/selector").cloned());
    selector.is_some_and(|labels| {
        let selector = LabelSelector::from_labels(&labels);
        !selector.is_empty() && selector.matches_record(pod)
    })
}

/// Ports of a slice: pods that resolve a named port differently go to different slices.
type Ports = Vec<(Option<String>, String, i32, Option<String>)>;

pub(crate) fn decide(view: &View, key: &Key, _now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(record) = view.get(key).filter(|record| record.header.deletion.is_none()) else { return Ok(decision) };
    let service: Service = decode(record)?;
    let spec = service.spec.unwrap_or_default();
    let selector = spec.selector.filter(|selector| !selector.is_empty());
    let (Some(selector), true) = (selector, spec.type_.as_deref() != Some("ExternalName")) else { return Ok(decision) };
    let publish_unready = spec.publish_not_ready_addresses.unwrap_or(false);
    let ports = spec.ports.unwrap_or_default();
    let families = families(spec.ip_families.as_deref());

    let mut wanted: BTreeMap<(bool, Ports), Vec<(String, Value)>> = BTreeMap::new();
    let selector = LabelSelector::from_labels(&json!(selector));
    for pod_record in candidates(view, &pods(), key.namespace(), &selector) {
        let facts = pod_record.header.facts.pod();
        if !selector.matches_record(pod_record) || facts.is_none_or(|facts| facts.phase.is_terminal()) {
            continue;
        }
        let pod: Pod = decode(pod_record)?;
        for ipv6 in &families {
            if let Some(address) = address(&pod, *ipv6) {
                let endpoint = endpoint(pod_record, &pod, &address, publish_unready);
                let ports = resolve(&ports, &pod);
                wanted.entry((*ipv6, ports)).or_default().push((address, endpoint));
            }
        }
    }
    reconcile(view, record, wanted, &mut decision)?;
    Ok(decision)
}

/// The Service's families as "is IPv6"; IPv4 when it names none.
fn families(names: Option<&[String]>) -> Vec<bool> {
    match names {
        Some(names) if !names.is_empty() => names.iter().map(|name| name == "IPv6").collect(),
        _ => vec![false],
    }
}

fn address(pod: &Pod, ipv6: bool) -> Option<String> {
    let status = pod.status.as_ref()?;
    let listed = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str());
    listed
        .chain(status.pod_ip.as_deref())
        .find(|ip| ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6() == ipv6))
        .map(Into::into)
}

/// Conditions by KEP-1672: a terminating pod is not ready, and serves while its probes pass.
fn endpoint(record: &Record, pod: &Pod, address: &str, publish_unready: bool) -> Value {
    let passes = record.header.facts.pod().is_some_and(|facts| facts.ready);
    let terminating = record.header.deletion.is_some();
    let mut endpoint = json!({
        "addresses": [address],
        "conditions": {
            "ready": publish_unready || (passes && !terminating),
            "serving": publish_unready || passes,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": record.key.namespace(),
            "name": record.key.name(),
            "uid": record.header.uid.as_str(),
        },
    });
    if let Some(spec) = &pod.spec {
        if let Some(node) = &spec.node_name {
            endpoint["nodeName"] = json!(node);
        }
        if let (Some(hostname), Some(_)) = (&spec.hostname, &spec.subdomain) {
            endpoint["hostname"] = json!(hostname);
        }
    }
    endpoint
}

/// Target ports of a pod: numbers as they stand, names looked up in its containers.
fn resolve(ports: &[ServicePort], pod: &Pod) -> Ports {
    let containers = pod.spec.iter().flat_map(|spec| {
        // Restartable init containers serve too (KEP-753).
        let sidecars = spec.init_containers.iter().flatten();
        let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
        spec.containers.iter().chain(sidecars)
    });
    let named: Vec<_> = containers.flat_map(|container| container.ports.iter().flatten()).collect();
    let mut resolved: Ports = Vec::new();
    for port in ports {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
        let number = match &port.target_port {
            None => Some(port.port),
            Some(IntOrString::Int(0)) => Some(port.port),
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(name)) => named
                .iter()
                .find(|candidate| {
                    candidate.name.as_deref() == Some(name)
                        && candidate.protocol.as_deref().unwrap_or("TCP") == protocol
                })
                .map(|candidate| candidate.container_port),
        };
        if let Some(number) = number {
            resolved.push((port.name.clone(), protocol, number, port.app_protocol.clone()));
        }
    }
    resolved
}

fn reconcile(
    view: &View,
    service: &Record,
    wanted: BTreeMap<(bool, Ports), Vec<(String, Value)>>,
    decision: &mut Decision,
) -> Result<(), Damaged> {
    let slices = Resource::new("discovery.k8s.io", "endpointslices");
    let mut existing: BTreeMap<&str, _> =
        managed(view, service, &slices).map(|record| (record.key.name(), record)).collect();
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    if wanted.is_empty() {
        // A Service without pods has one empty slice, so that readers can tell "none" from "not known yet".
        wanted.push(((false, Ports::new()), Vec::new()));
    }
    for ((ipv6, ports), mut endpoints) in wanted {
        endpoints.sort_by(|a, b| a.0.cmp(&b.0));
        let endpoints: Vec<Value> = endpoints.into_iter().map(|(_, endpoint)| endpoint).collect();
        let parts = endpoints.chunks(SLICE_MAX).map(<[Value]>::to_vec).collect::<Vec<_>>();
        let parts = if parts.is_empty() { vec![Vec::new()] } else { parts };
        for (nth, endpoints) in parts.into_iter().enumerate() {
            let family = if ipv6 { "IPv6" } else { "IPv4" };
            let identity = [service.header.uid.as_str(), family, &json!(ports).to_string(), &nth.to_string()];
            let name = suffixed(service.key.name(), &hash(&identity, 5));
            let slice = slice(service, &name, family, &ports, &endpoints);
            match existing.remove(name.as_str()) {
                None => decision.change(Change::Create { resource: slices.clone(), object: slice }),
                Some(record) => {
                    let old: Value = decode(record)?;
                    let fields = ["endpoints", "ports"];
                    if fields.iter().any(|field| old.get(field) != slice.get(field)) {
                        let changed = json!({"endpoints": slice["endpoints"], "ports": slice["ports"]});
                        decision.change(patch(record, None, changed));
                    }
                }
            }
        }
    }
    for (_, record) in existing {
        decision.change(delete(record));
    }
    Ok(())
}

fn slice(service: &Record, name: &str, family: &str, ports: &Ports, endpoints: &[Value]) -> Value {
    let ports: Vec<Value> = ports
        .iter()
        .map(|(name, protocol, number, app)| {
            let mut port = json!({"name": name.as_deref().unwrap_or(""), "protocol": protocol, "port": number});
            if let Some(app) = app {
                port["appProtocol"] = json!(app);
            }
            port
        })
        .collect();
    let mut labels: BTreeMap<&str, &str> =
        service.header.labels.iter().map(|(label, value)| (&**label, &**value)).collect();
    labels.insert(SERVICE_NAME, service.key.name());
    labels.insert(MANAGED_BY, MANAGER);
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "generateName": format!("{}-", service.key.name()),
            "namespace": service.key.namespace(),
            "labels": labels,
            "ownerReferences": [controller_reference(service, "v1", "Service")],
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": ports,
    })
}

#[cfg(test)]
mod tests;
