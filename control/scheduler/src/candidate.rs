//! What placing reads of a node and of a pod, decoded once per batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::facts::Amounts;
use api::meta::Key;
use api::record::Record;
use api::view::View;
use serde_json::Value;

/// A node and what is left of it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: Arc<str>,
    pub(crate) record: Arc<Record>,
    pub(crate) unschedulable: bool,
    pub(crate) allocatable: Amounts,
    pub(crate) used: Amounts,
    pub(crate) taints: Vec<Value>,
    pub(crate) images: BTreeSet<String>,
    /// Host ports taken: protocol, address, port.
    pub(crate) ports: BTreeSet<HostPort>,
}

/// A port on the node: protocol, address (`0.0.0.0` is every one), number.
pub(crate) type HostPort = (String, String, i64);

impl Candidate {
    pub(crate) fn of(view: &View, record: &Arc<Record>) -> Option<Self> {
        let facts = record.header.facts.node()?;
        if record.header.deletion.is_some() {
            return None;
        }
        let object: Value = record.decode().ok()?;
        let strings = |value: &Value| value.as_str().map(str::to_owned);
        let images =
            list(&object, "/status/images").iter().flat_map(|image| list(image, "/names").iter().filter_map(strings));
        let mut candidate = Self {
            name: record.key.name().into(),
            record: Arc::clone(record),
            unschedulable: facts.unschedulable,
            allocatable: facts.allocatable,
            used: Amounts::default(),
            taints: list(&object, "/spec/taints").to_vec(),
            images: images.collect(),
            ports: BTreeSet::new(),
        };
        for pod in view.on_node(record.key.name()) {
            let Some(facts) = pod.header.facts.pod().filter(|facts| !facts.phase.is_terminal()) else { continue };
            add(&mut candidate.used, facts.requests);
            if facts.constrained
                && let Ok(pod) = pod.decode::<Value>()
            {
                candidate.ports.extend(host_ports(&pod));
            }
        }
        Some(candidate)
    }

    /// Counts a pod that was just placed here.
    pub(crate) fn take(&mut self, wish: &Wish) {
        add(&mut self.used, wish.requests);
        self.ports.extend(wish.ports.iter().cloned());
    }
}

fn add(sum: &mut Amounts, more: Amounts) {
    sum.cpu_milli += more.cpu_milli;
    sum.memory += more.memory;
    sum.storage += more.storage;
    sum.pods += more.pods.max(1);
}

/// A pod that wants a node.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) pod: Key,
    pub(crate) priority: i32,
    pub(crate) created: i64,
    pub(crate) requests: Amounts,
    pub(crate) tolerations: Vec<Value>,
    pub(crate) selector: Vec<(String, String)>,
    pub(crate) affinity: Value,
    pub(crate) images: Vec<String>,
    pub(crate) ports: Vec<HostPort>,
    /// Scheduling gates hold it back (KEP-3521).
    pub(crate) gated: bool,
}

impl Wish {
    pub(crate) fn of(record: &Arc<Record>) -> Option<Self> {
        let facts = record.header.facts.pod()?;
        let object: Value = record.decode().ok()?;
        let selector = object.pointer("/spec/nodeSelector").and_then(Value::as_object);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Self {
            pod: record.key.clone(),
            priority: facts.priority,
            created: facts.created,
            requests: facts.requests,
            tolerations: list(&object, "/spec/tolerations").to_vec(),
            selector: selector.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect(),
            affinity: object.pointer("/spec/affinity/nodeAffinity").cloned().unwrap_or_default(),
            images: list(&object, "/spec/containers").iter().map(|container| text(&container["image"])).collect(),
            ports: host_ports(&object),
            gated: !list(&object, "/spec/schedulingGates").is_empty(),
        })
    }
}

fn host_ports(pod: &Value) -> Vec<HostPort> {
    let ports = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports"));
    ports
        .filter_map(|port| {
            let number = port.get("hostPort")?.as_i64().filter(|number| *number > 0)?;
            let text = |name: &str, default: &str| port.get(name).and_then(Value::as_str).unwrap_or(default).to_owned();
            let address = text("hostIP", "0.0.0.0");
            let address = if address.is_empty() { "0.0.0.0".to_owned() } else { address };
            Some((text("protocol", "TCP"), address, number))
        })
        .collect()
}

pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
