//! Links, addresses and routes by netlink.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::path::Path;

use futures::TryStreamExt;
use netlink_packet_route::address::AddressHeaderFlags;
use netlink_packet_route::link::{InfoData, InfoVeth};
use netlink_packet_route::route::{RouteScope, RouteType};
use rtnetlink::{Error, Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::allocation::Allocation;
use super::error::NetworkError;
use super::netns;

/// The pod's gateway: the node's end of the pair has it, on every pair the same, and nobody beyond the pair ever sees it.
const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The same for IPv6.
const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// Every namespace has its loopback first; a pod's interface is asked to be the second.
pub(crate) const LOOPBACK: u32 = 1;
/// The pod's interface in its own namespace.
const POD_LINK: u32 = 2;

/// A netlink socket in the namespace of the calling thread. Must be called on a runtime.
pub(crate) fn connect() -> Result<Handle, NetworkError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(NetworkError::io("open a netlink socket"))?;
    // Ends with the last handle.
    tokio::spawn(connection);
    Ok(handle)
}

/// The index of a link, when it exists.
pub(crate) async fn index(handle: &Handle, name: &str) -> Result<Option<u32>, NetworkError> {
    match handle.link().get().match_name(name.to_owned()).execute().try_next().await {
        Ok(link) => Ok(link.map(|link| link.header.index)),
        Err(error) if code(&error) == -libc::ENODEV => Ok(None),
        Err(error) => Err(NetworkError::netlink(format!("look for link {name}"))(error)),
    }
}

/// Connects a pinned namespace: pair, addresses and routes on both sides. `sources` are the node's own addresses.
pub(crate) async fn attach(
    handle: &Handle,
    netns_path: &Path,
    allocation: &Allocation,
    sources: &[IpAddr],
) -> Result<(), NetworkError> {
    make_pair(handle, netns_path, &allocation.interface).await?;
    // Each side waits for a dozen answers of the kernel, and neither needs the other.
    let pod = async { configure_pod(&inner_handle(netns_path).await?, &allocation.addresses).await };
    futures::try_join!(configure_node(handle, allocation, sources), pod)?;
    Ok(())
}

/// The node's side of a pair: the gateway's addresses on it, and the pod's addresses behind it.
async fn configure_node(handle: &Handle, allocation: &Allocation, sources: &[IpAddr]) -> Result<(), NetworkError> {
    let name = &allocation.interface;
    let link = index(handle, name)
        .await?
        .ok_or_else(|| NetworkError::netlink(format!("find link {name}"))(Error::RequestFailed))?;
    for address in &allocation.addresses {
        let gateway = gateway(*address);
        add_address(handle, link, gateway, host_length(gateway)).await?;
        let source = sources.iter().find(|source| source.is_ipv4() == address.is_ipv4()).copied();
        route_to_link(handle, link, *address, host_length(*address), source).await?;
    }
    Ok(())
}

/// Deletes a link; one that is gone is fine.
pub(crate) async fn delete(handle: &Handle, name: &str) -> Result<(), NetworkError> {
    let Some(index) = index(handle, name).await? else { return Ok(()) };
    match handle.link().del(index).execute().await {
        Err(error) if code(&error) != -libc::ENODEV => Err(NetworkError::netlink(format!("delete link {name}"))(error)),
        _ => Ok(()),
    }
}

/// Gives the node its own address towards pods.
pub(crate) async fn prepare_node(handle: &Handle, own: &[IpAddr]) -> Result<(), NetworkError> {
    set_up(handle, LOOPBACK).await?;
    for address in own {
        add_address(handle, LOOPBACK, *address, host_length(*address)).await?;
    }
    Ok(())
}

/// Takes back what [`prepare_node`] gave.
pub(crate) async fn restore_node(handle: &Handle, own: &[IpAddr]) -> Result<(), NetworkError> {
    for address in own {
        let add = handle.address().add(LOOPBACK, *address, host_length(*address));
        let message = {
            let mut add = add;
            add.message_mut().clone()
        };
        match handle.address().del(message).execute().await {
            Err(error) if code(&error) != -libc::EADDRNOTAVAIL => {
                return Err(NetworkError::netlink(format!("delete address {address}"))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// One message makes both ends, the pod's directly in its namespace. (Asking for the peer to be up here fails.)
async fn make_pair(handle: &Handle, netns_path: &Path, name: &str) -> Result<(), NetworkError> {
    let netns = std::fs::File::open(netns_path).map_err(NetworkError::io(format!("open {}", netns_path.display())))?;
    let mut peer =
        LinkMessageBuilder::<LinkUnspec>::new().name("eth0".to_owned()).setns_by_fd(netns.as_raw_fd()).build();
    peer.header.index = POD_LINK;
    let message = LinkMessageBuilder::<LinkVeth>::new(name, "eth0")
        .up()
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .build();
    handle.link().add(message).execute().await.map_err(NetworkError::netlink(format!("make link {name}")))
}

/// A netlink socket in a pinned namespace, usable from everywhere.
async fn inner_handle(netns_path: &Path) -> Result<Handle, NetworkError> {
    let runtime = tokio::runtime::Handle::current();
    let (connection, handle, _) = netns::within(netns_path, move || {
        let _guard = runtime.enter();
        rtnetlink::new_connection()
    })
    .await?;
    tokio::spawn(connection);
    Ok(handle)
}

async fn configure_pod(inner: &Handle, addresses: &[IpAddr]) -> Result<(), NetworkError> {
    set_up(inner, LOOPBACK).await?;
    set_up(inner, POD_LINK).await?;
    for address in addresses {
        add_address(inner, POD_LINK, *address, host_length(*address)).await?;
    }
    for address in addresses {
        let message = match gateway(*address) {
            IpAddr::V4(gateway) => {
                RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).output_interface(POD_LINK).onlink().build()
            }
            IpAddr::V6(gateway) => {
                RouteMessageBuilder::<Ipv6Addr>::new().gateway(gateway).output_interface(POD_LINK).onlink().build()
            }
        };
        inner
            .route()
            .add(message)
            .replace()
            .execute()
            .await
            .map_err(NetworkError::netlink("add the pod's default route"))?;
    }
    Ok(())
}

async fn set_up(handle: &Handle, index: u32) -> Result<(), NetworkError> {
    let message = LinkUnspec::new_with_index(index).up().build();
    handle.link().set(message).execute().await.map_err(NetworkError::netlink(format!("bring link {index} up")))
}

async fn add_address(handle: &Handle, index: u32, address: IpAddr, length: u8) -> Result<(), NetworkError> {
    let mut request = handle.address().add(index, address, length).replace();
    // Nobody else can have it, so there is nothing to detect; without the flag IPv6 is silent for a second.
    request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
    request.execute().await.map_err(NetworkError::netlink(format!("add address {address} to link {index}")))
}

async fn route_to_link(
    handle: &Handle,
    index: u32,
    base: IpAddr,
    length: u8,
    source: Option<IpAddr>,
) -> Result<(), NetworkError> {
    let message = link_route(index, base, length, source)?;
    let attempt = format!("route {base}/{length} to link {index}");
    handle.route().add(message).replace().execute().await.map_err(NetworkError::netlink(attempt))
}

pub(crate) fn link_route(
    index: u32,
    base: IpAddr,
    length: u8,
    source: Option<IpAddr>,
) -> Result<netlink_packet_route::route::RouteMessage, NetworkError> {
    let invalid = |_| NetworkError::Invalid(format!("{base}/{length} is no destination"));
    let mut builder = RouteMessageBuilder::<IpAddr>::new().destination_prefix(base, length).map_err(invalid)?;
    if let Some(source) = source {
        builder = builder.pref_source(source).map_err(invalid)?;
    }
    // IPv6 knows no scopes of routes.
    let scope = if base.is_ipv4() { RouteScope::Link } else { RouteScope::Universe };
    Ok(builder.output_interface(index).scope(scope).kind(RouteType::Unicast).build())
}

fn gateway(family_of: IpAddr) -> IpAddr {
    if family_of.is_ipv4() { GATEWAY_V4.into() } else { GATEWAY_V6.into() }
}

fn host_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The negative error number of a refused request; 0 for other failures.
pub(crate) fn code(error: &Error) -> i32 {
    match error {
        Error::NetlinkError(message) => message.raw_code(),
        _ => 0,
    }
}
