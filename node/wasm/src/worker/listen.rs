//! The sockets of an HTTP worker.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt::Ipv6V6Only};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted, per socket.
const BACKLOG: u32 = 1024;

/// Listens on every address of each family that the pod has; without addresses (the host's network) on both, as far as the
/// machine has them. Where all are the machine's own, only it is served.
pub(super) fn listeners(port: u16, addresses: &[IpAddr]) -> io::Result<Vec<TcpListener>> {
    let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    let v6 = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    if addresses.is_empty() {
        let mut listeners = vec![bind(v4)?];
        match bind(v6) {
            Ok(listener) => listeners.push(listener),
            Err(error) if [Some(libc::EAFNOSUPPORT), Some(libc::EADDRNOTAVAIL)].contains(&error.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        return Ok(listeners);
    }
    if addresses.iter().all(IpAddr::is_loopback) {
        return addresses.iter().map(|address| bind(SocketAddr::new(*address, port))).collect();
    }
    let families = [(addresses.iter().any(IpAddr::is_ipv4), v4), (addresses.iter().any(IpAddr::is_ipv6), v6)];
    families.into_iter().filter(|(wanted, _)| *wanted).map(|(_, address)| bind(address)).collect()
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A container that restarts takes its port again although connections of its predecessor linger.
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
