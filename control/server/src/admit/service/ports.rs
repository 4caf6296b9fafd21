//! Ports that nodes open for Services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::meta::Resource;
use api::service_spec::{needs_health_check, opens_nodes, takes_node_ports};
use api::status::Status;
use api::validate::FieldError;
use api::view::View;
use serde_json::Value;

use super::{Review, Took, refused};

/// The range, as in Kubernetes.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// Gives ports on the nodes to a Service that wants some; its kind has kept those that it had.
pub(super) fn give(review: &Review<'_>, service: &mut Value) -> Result<Took, Status> {
    let before = review.old.map(|old| &old["spec"]);
    let mut pool = Pool { review, used: None, had: before.map(numbers).unwrap_or_default(), took: Took::Nothing };
    if opens_nodes(&service["spec"]) {
        for_ports(&mut pool, service)?;
    }
    let checked = before.is_some_and(needs_health_check);
    if needs_health_check(&service["spec"]) && !checked {
        let spec = &mut service["spec"];
        let asked = number(&spec["healthCheckNodePort"]);
        let number = match asked {
            0 => pool.next().map_err(|why| format!("failed to allocate a HealthCheck NodePort {asked}: {why}")),
            asked => pool
                .open(asked)
                .map_err(|why| format!("failed to allocate requested HealthCheck NodePort {asked}: {why}")),
        };
        spec["healthCheckNodePort"] = number.map_err(Status::internal)?.into();
    }
    Ok(pool.took)
}

/// Ports of the same number and other protocols of a new Service share the port on the nodes.
fn for_ports(pool: &mut Pool<'_>, service: &mut Value) -> Result<(), Status> {
    let takes = takes_node_ports(&service["spec"]);
    let new = pool.review.old.is_none();
    let mut shared = BTreeMap::new();
    if new {
        let ports = service["spec"]["ports"].as_array().into_iter().flatten().rev();
        let asked = ports.map(|port| (port["port"].clone().to_string(), number(&port["nodePort"])));
        shared.extend(asked.filter(|(_, node)| *node != 0));
    }
    let count = service["spec"]["ports"].as_array().map_or(0, Vec::len);
    for nth in 0..count {
        let port = &service["spec"]["ports"][nth];
        let (own, own_port) = (number(&port["nodePort"]), port["port"].to_string());
        let asked = if own == 0 { shared.get(&own_port).copied().unwrap_or_default() } else { own };
        let given = match asked {
            0 if !takes => continue,
            0 => pool.next().map_err(|why| Status::internal(format!("failed to allocate a nodePort: {why}")))?,
            asked => pool.open(asked).map_err(|why| {
                let path = format!("spec.ports[{nth}].nodePort");
                refused(service, &[FieldError::invalid(path, &asked.into(), why)])
            })?,
        };
        if new {
            shared.entry(own_port).or_insert_with(|| i64::from(given));
        }
        service["spec"]["ports"][nth]["nodePort"] = given.into();
    }
    Ok(())
}

/// The ports of all nodes while those of one Service are found.
struct Pool<'a> {
    review: &'a Review<'a>,
    /// Ports of all stored Services; read when one is needed.
    used: Option<BTreeSet<i64>>,
    /// Ports that the Service had, or has got.
    had: BTreeSet<i64>,
    took: Took,
}

impl Pool<'_> {
    fn used(&mut self) -> &BTreeSet<i64> {
        let view = self.review.view;
        self.used.get_or_insert_with(|| used_ports(view))
    }

    fn take(&mut self, number: u16) -> u16 {
        self.had.insert(i64::from(number));
        self.took = Took::Something;
        number
    }

    /// The asked one, when it may be had.
    fn open(&mut self, asked: i64) -> Result<u16, String> {
        let (first, last) = (*NODE_PORTS.start(), *NODE_PORTS.end());
        let number = u16::try_from(asked).ok().filter(|number| NODE_PORTS.contains(number));
        let number = number.ok_or_else(|| {
            format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
        })?;
        if self.had.contains(&asked) {
            return Ok(number);
        }
        if self.used().contains(&asked) {
            return Err("provided port is already allocated".to_owned());
        }
        Ok(self.take(number))
    }

    /// A free one.
    fn next(&mut self) -> Result<u16, String> {
        let (first, last) = (*NODE_PORTS.start(), *NODE_PORTS.end());
        let span = last - first + 1;
        let start = u16::try_from(self.review.core.seam.random().below(u64::from(span))).unwrap_or(0);
        let had = self.had.clone();
        let used = self.used();
        let free = |number: &u16| !had.contains(&i64::from(*number)) && !used.contains(&i64::from(*number));
        let found = (0..span).map(|step| first + (start + step) % span).find(free);
        found.map(|number| self.take(number)).ok_or_else(|| "range is full".to_owned())
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// Every port on the nodes that a Service holds.
fn numbers(spec: &Value) -> BTreeSet<i64> {
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| number(&port["nodePort"]));
    ports.chain([number(&spec["healthCheckNodePort"])]).filter(|number| *number != 0).collect()
}

fn used_ports(view: &View) -> BTreeSet<i64> {
    let opens = |fields: &[(Arc<str>, Arc<str>)]| {
        fields.iter().any(|(name, value)| &**name == "spec.type" && matches!(&**value, "NodePort" | "LoadBalancer"))
    };
    let mut used = BTreeSet::new();
    for service in view.list(&Resource::new("", "services"), None) {
        if opens(&service.header.fields)
            && let Ok(object) = service.body.decode::<Value>()
        {
            used.extend(numbers(&object["spec"]));
        }
    }
    used
}
