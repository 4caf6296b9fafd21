//! From Services and `EndpointSlices` to the table that the pod network balances by. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use api::range::Range;
use k8s_openapi::api::core::v1::{Service, ServicePort as Port};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use network::contract::{Protocol, ServicePort};

/// Label that ties a slice to its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The API's default for `sessionAffinityConfig.clientIP.timeoutSeconds`.
const AFFINITY_SECONDS: i32 = 10_800;

/// One entry per port and address of every Service that has addresses, sorted. Slices of one Service and family are merged.
pub(crate) fn table<'a>(
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
    node: &str,
) -> Vec<ServicePort> {
    let mut by_service: BTreeMap<(&str, &str), Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        let labels = slice.metadata.labels.as_ref();
        let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME)) else { continue };
        let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
        by_service.entry((namespace, service)).or_default().push(slice);
    }
    let mut table = Vec::new();
    for service in services {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let slices = by_service.get(&(namespace, name)).map(Vec::as_slice).unwrap_or_default();
        of_service(service, slices, node, &mut table);
    }
    table.sort();
    table
}

/// Ranges of Service addresses, as network and prefix length, each once. Those of a ServiceCIDR that goes count until it is
/// gone: Services have addresses of it until then.
pub(crate) fn ranges<'a>(objects: impl IntoIterator<Item = &'a ServiceCIDR>) -> Vec<(IpAddr, u8)> {
    let texts = objects.into_iter().filter_map(|object| object.spec.as_ref()?.cidrs.as_ref()).flatten();
    let ranges = texts.filter_map(|text| Range::parse(text)).map(|range| (range.first(), range.length));
    ranges.collect::<BTreeSet<_>>().into_iter().collect()
}

fn of_service(service: &Service, slices: &[&EndpointSlice], node: &str, table: &mut Vec<ServicePort>) {
    let Some(spec) = &service.spec else { return };
    if spec.type_.as_deref() == Some("ExternalName") {
        return;
    }
    let external = |address: &String| (address.clone(), false);
    let cluster =
        spec.cluster_ips.iter().flatten().chain(spec.cluster_ip.iter()).map(|address| (address.clone(), true));
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let balanced = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    let others = spec
        .external_ips
        .iter()
        .flatten()
        .map(external)
        .chain(balanced.iter().filter_map(|i| i.ip.as_ref()).map(external));
    let mut addresses: BTreeMap<IpAddr, bool> = BTreeMap::new();
    for (address, own) in cluster.chain(others) {
        // Headless Services say "None" and have no address.
        if let Ok(address) = address.parse() {
            addresses.entry(address).and_modify(|known| *known |= own).or_insert(own);
        }
    }
    let affinity = (spec.session_affinity.as_deref() == Some("ClientIP")).then(|| {
        let config = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
        let seconds = config.and_then(|config| config.timeout_seconds).unwrap_or(AFFINITY_SECONDS);
        u32::try_from(seconds).unwrap_or_default()
    });
    for port in spec.ports.iter().flatten() {
        let (Some(protocol), Ok(number)) = (protocol(port.protocol.as_deref()), u16::try_from(port.port)) else {
            continue;
        };
        for (&address, &own) in &addresses {
            let local = spec.internal_traffic_policy.as_deref() == Some("Local") && own;
            let node_port = port.node_port.and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0 && own);
            table.push(ServicePort {
                address,
                protocol,
                port: number,
                node_port,
                endpoints: endpoints(
                    slices,
                    port,
                    protocol,
                    address,
                    spec.publish_not_ready_addresses == Some(true),
                    local.then_some(node),
                ),
                affinity_seconds: affinity,
            });
        }
    }
}

fn protocol(name: Option<&str>) -> Option<Protocol> {
    match name {
        None | Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}

/// Where a port leads: ready endpoints of the address's family. When all are ending, those that still serve (KEP-1669).
fn endpoints(
    slices: &[&EndpointSlice],
    port: &Port,
    protocol: Protocol,
    address: IpAddr,
    unready: bool,
    only_on: Option<&str>,
) -> Vec<(IpAddr, u16)> {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let mut ready = BTreeSet::new();
    let mut ending = BTreeSet::new();
    for slice in slices.iter().filter(|slice| slice.address_type == family) {
        let same = |candidate: &&k8s_openapi::api::discovery::v1::EndpointPort| {
            candidate.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
                && self::protocol(candidate.protocol.as_deref()) == Some(protocol)
        };
        let number = slice.ports.iter().flatten().find(same).and_then(|port| u16::try_from(port.port?).ok());
        let Some(number) = number else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            if only_on.is_some_and(|node| endpoint.node_name.as_deref() != Some(node)) {
                continue;
            }
            let targets =
                endpoint.addresses.iter().filter_map(|address| address.parse().ok()).map(|address| (address, number));
            match use_of(endpoint, unready) {
                Use::Ready => ready.extend(targets),
                Use::Ending => ending.extend(targets),
                Use::No => {}
            }
        }
    }
    let chosen = if ready.is_empty() { ending } else { ready };
    chosen.into_iter().collect()
}

/// Whether an endpoint takes connections.
enum Use {
    Ready,
    Ending,
    No,
}

fn use_of(endpoint: &Endpoint, unready: bool) -> Use {
    let conditions = endpoint.conditions.as_ref();
    // An absent condition means "ready" (EndpointConditions in the API reference).
    let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
    let ending = conditions.and_then(|conditions| conditions.terminating).unwrap_or(false);
    let serving = conditions.and_then(|conditions| conditions.serving).unwrap_or(ready);
    match (ready || unready, ending && serving) {
        (true, _) => Use::Ready,
        (false, true) => Use::Ending,
        (false, false) => Use::No,
    }
}

/// Variables that name the Services of a namespace, as containers find them when `enableServiceLinks`, and always those of
/// the API server itself.
pub(crate) fn environment<'a>(
    services: impl IntoIterator<Item = &'a Service>,
    namespace: &str,
    links: bool,
) -> Vec<(String, String)> {
    let mut chosen: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in services {
        let (Some(name), Some(home)) = (&service.metadata.name, &service.metadata.namespace) else { continue };
        let master = home == "default" && name == "kubernetes";
        if master && !chosen.contains_key(name.as_str()) || links && home == namespace {
            chosen.insert(name, service);
        }
    }
    chosen.into_iter().flat_map(|(name, service)| variables(name, service)).collect()
}

/// The variables of one Service, in the forms of Kubernetes and of Docker links.
fn variables(name: &str, service: &Service) -> Vec<(String, String)> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let address = spec.cluster_ip.as_deref().filter(|address| address.parse::<IpAddr>().is_ok());
    let (Some(address), Some([first, ..])) = (address, spec.ports.as_deref()) else { return Vec::new() };
    let upper = |text: &str| text.to_uppercase().replace('-', "_");
    let prefix = upper(name);
    let mut env = vec![
        (format!("{prefix}_SERVICE_HOST"), address.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    let ports = spec.ports.as_deref().unwrap_or_default();
    for port in ports.iter().filter(|port| port.name.as_deref().is_some_and(|name| !name.is_empty())) {
        let suffix = upper(port.name.as_deref().unwrap_or_default());
        env.push((format!("{prefix}_SERVICE_PORT_{suffix}"), port.port.to_string()));
    }
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    for (index, port) in ports.iter().enumerate() {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let url = format!("{}://{host}:{}", protocol.to_lowercase(), port.port);
        if index == 0 {
            env.push((format!("{prefix}_PORT"), url.clone()));
        }
        let link = format!("{prefix}_PORT_{}_{protocol}", port.port);
        env.push((link.clone(), url));
        env.push((format!("{link}_PROTO"), protocol.to_lowercase()));
        env.push((format!("{link}_PORT"), port.port.to_string()));
        env.push((format!("{link}_ADDR"), address.to_owned()));
    }
    env
}

#[cfg(test)]
mod tests;
