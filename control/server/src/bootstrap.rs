//! What every cluster has from its first moment: namespaces, the Service through which pods reach the API, and what
//! the server says of itself.

mod flows;
mod given;
pub(crate) mod local_groups;
mod priorities;
mod service_addresses;
pub(crate) mod service_range;

use std::net::{IpAddr, SocketAddr};

use api::range::Range;
use api::requester::Requester;
use api::service_range::Pool;
use api::status::Status;
use serde_json::{Value, json};

use crate::options::WriteOptions;
use crate::verbs::modify::{Part, Wanted};
use crate::verbs::{Ask, Core, kind_of, owners};

/// Namespaces that clients take for granted.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
/// Port of the Service, as every client library expects it.
const SERVICE_PORT: u16 = 443;

/// Makes what is missing and brings the addresses up to date.
pub(crate) async fn run(core: &Core, addresses: &[SocketAddr]) -> Result<(), Status> {
    for name in NAMESPACES {
        ensure(core, ("", "namespaces", "", name), json!({"metadata": {"name": name}}), &[]).await?;
    }
    service_addresses::adopt(core).await?;
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    if let Some(address) = service_address(&core.service_cidrs) {
        let port = addresses.first().map_or(SERVICE_PORT, SocketAddr::port);
        let service = json!({
            "metadata": {"name": "kubernetes", "labels": labels},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": address.to_string(),
                "ipFamilyPolicy": "SingleStack",
                "ports": [{"name": "https", "port": SERVICE_PORT, "protocol": "TCP", "targetPort": port}],
            },
        });
        ensure(core, ("", "services", "default", "kubernetes"), service, &["/spec/ports"]).await?;
    }
    for family in ["IPv4", "IPv6"] {
        let of_family: Vec<SocketAddr> =
            addresses.iter().copied().filter(|address| address.is_ipv4() == (family == "IPv4")).collect();
        if !of_family.is_empty() {
            endpoints(core, family, &of_family).await?;
        }
    }
    let now = core.seam.now();
    let mut others = local_groups::all(now)?;
    others.extend(flows::all(now)?);
    others.extend(priorities::all()?);
    others.extend(service_range::given(core)?);
    given::ensure(core, &others).await
}

async fn endpoints(core: &Core, family: &str, addresses: &[SocketAddr]) -> Result<(), Status> {
    let name = if family == "IPv4" { "kubernetes" } else { "kubernetes-ipv6" };
    let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let port = addresses.first().map_or(SERVICE_PORT, SocketAddr::port);
    let slice = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": family,
        "endpoints": [{"addresses": texts, "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    });
    let key = ("discovery.k8s.io", "endpointslices", "default", name);
    ensure(core, key, slice.clone(), &["/endpoints", "/ports"]).await
}

/// The address of the API server's own Service: the first of the primary range.
pub(crate) fn service_address(ranges: &[Range]) -> Option<IpAddr> {
    ranges.first().and_then(|range| Pool::of(*range)).map(|pool| pool.first())
}

/// Makes the object when it is missing, else sets what these pointers lead to.
async fn ensure(
    core: &Core,
    (group, plural, namespace, name): (&str, &str, &str, &str),
    mut object: Value,
    fields: &[&str],
) -> Result<(), Status> {
    let kind = kind_of(group, plural).ok_or_else(|| Status::internal(format!("{plural} are not served")))?;
    let requester = Requester::component("bootstrap");
    let manager = owners::of_component(&requester);
    let ask =
        Ask { requester: &requester, epoch: None, kind, namespace, name, manager, options: WriteOptions::default() };
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = (&*kind.kind).into();
    if core.store.view().get(&ask.key(name)?).is_none() {
        match core.create(&ask, object.clone()).await {
            // Another server was faster.
            Err(status) if status.reason == "AlreadyExists" => {}
            outcome => return outcome.map(drop),
        }
    }
    if fields.is_empty() {
        return Ok(());
    }
    let change = |old: &Value| {
        let mut next = old.clone();
        for field in fields {
            if let (Some(place), Some(value)) = (next.pointer_mut(field), object.pointer(field)) {
                *place = value.clone();
            }
        }
        Ok(Wanted::relative(next))
    };
    core.modify(&ask, Part::Whole, change).await.map(drop)
}

/// The addresses under which the server is reached from elsewhere: those it advertises, else those it listens on.
pub(crate) fn reachable(advertise: &[IpAddr], listening: &[SocketAddr]) -> Vec<SocketAddr> {
    let port = listening.first().map_or(SERVICE_PORT, SocketAddr::port);
    if !advertise.is_empty() {
        return advertise.iter().map(|address| SocketAddr::new(*address, port)).collect();
    }
    listening.iter().copied().filter(|address| !address.ip().is_unspecified()).collect()
}
