//! Routes to the ranges of Services: packets to a Service address leave the node's own processes with the right source, also
//! on a machine that has no way to elsewhere. The rules turn them to an endpoint, or refuse what is left.
//!
//! The kernel is the only record of them: they are the ones that lead to the loopback with an address of the node as source.

use std::net::IpAddr;

use futures::TryStreamExt;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use rtnetlink::{Error, Handle, RouteMessageBuilder};

use super::error::NetworkError;
use super::links::{LOOPBACK, code, link_route};

/// Preference of the routes, lower than any other: a range that somebody adds must not take away a network of the same
/// prefix on which the machine is.
const METRIC: u32 = 0x7fff_ffff;

/// Makes the routes those to exactly these ranges, from the node's own addresses.
pub(crate) async fn set(handle: &Handle, own: &[IpAddr], ranges: &[(IpAddr, u8)]) -> Result<(), NetworkError> {
    let known = known(handle, own).await?;
    for &(base, length) in ranges.iter().filter(|range| !known.contains(range)) {
        add(handle, own, (base, length)).await?;
    }
    for &(base, length) in known.iter().filter(|range| !ranges.contains(range)) {
        let message = link_route(LOOPBACK, base, length, source(own, base))?;
        match handle.route().del(message).execute().await {
            Err(error) if code(&error) != -libc::ESRCH => {
                return Err(NetworkError::netlink(format!("delete the route to {base}/{length}"))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds what is missing and leaves the others: Services of an earlier run go on until this one knows better.
pub(crate) async fn extend(handle: &Handle, own: &[IpAddr], ranges: &[(IpAddr, u8)]) -> Result<(), NetworkError> {
    let known = known(handle, own).await?;
    for range in ranges.iter().filter(|range| !known.contains(range)) {
        add(handle, own, *range).await?;
    }
    Ok(())
}

async fn add(handle: &Handle, own: &[IpAddr], (base, length): (IpAddr, u8)) -> Result<(), NetworkError> {
    // Without an address of the family there are no rules either.
    let Some(source) = source(own, base) else { return Ok(()) };
    let mut message = link_route(LOOPBACK, base, length, Some(source))?;
    message.attributes.push(RouteAttribute::Priority(METRIC));
    let attempt = format!("route {base}/{length} to the loopback");
    handle.route().add(message).replace().execute().await.map_err(NetworkError::netlink(attempt))
}

fn source(own: &[IpAddr], base: IpAddr) -> Option<IpAddr> {
    own.iter().find(|source| source.is_ipv4() == base.is_ipv4()).copied()
}

/// The ranges that have a route.
async fn known(handle: &Handle, own: &[IpAddr]) -> Result<Vec<(IpAddr, u8)>, NetworkError> {
    let mut found = Vec::new();
    for source in own {
        let all = match source {
            IpAddr::V4(_) => RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
            IpAddr::V6(_) => RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        };
        let failed = |error: Error| NetworkError::netlink("list routes")(error);
        let mut routes = handle.route().get(all).execute();
        while let Some(route) = routes.try_next().await.map_err(failed)? {
            found.extend(range_of(&route, *source));
        }
    }
    Ok(found)
}

/// The range to which a route leads, when it is one of ours.
fn range_of(route: &RouteMessage, own: IpAddr) -> Option<(IpAddr, u8)> {
    let RouteHeader { table, kind, destination_prefix_length: length, .. } = route.header;
    let ours = |attribute: &RouteAttribute| match attribute {
        RouteAttribute::PrefSource(source) => address(source) == Some(own),
        _ => false,
    };
    let main = table == RouteHeader::RT_TABLE_MAIN && kind == RouteType::Unicast;
    if !main || !route.attributes.contains(&RouteAttribute::Oif(LOOPBACK)) || !route.attributes.iter().any(ours) {
        return None;
    }
    let destination = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(destination) => address(destination),
        _ => None,
    });
    // A route to everywhere names no destination.
    let anywhere = if own.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    Some((destination.unwrap_or(anywhere), length))
}

fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
