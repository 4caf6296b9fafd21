//! Which addresses a guest's own sockets may use. Outgoing HTTP has grants of its own.

use std::net::{IpAddr, SocketAddr};

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::WorkerSpec;

/// The word that grants looking up names.
const NAME_LOOKUP: &str = "name-lookup";

/// What a guest may do with sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// No socket can be made.
    Denied,
    /// What is listed.
    Listed(Listed),
    /// Whatever the pod can do.
    All,
}

/// Addresses to send to and ports to listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    peers: Vec<Peers>,
    ports: Vec<u16>,
    name_lookup: bool,
}

/// One granted range of addresses. Without a range it is every address, without a port every port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Peers {
    range: Option<Range>,
    port: Option<u16>,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    address: IpAddr,
    prefix: u32,
}

/// A grant that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` grants no sockets: write `address`, `address:port`, `range/prefix:port`, `*:port` (IPv6 in brackets), \
     `{NAME_LOOKUP}` or `true` in wasm.bireme.dev/sockets.<container>"
)]
pub(super) struct NetworkError(String);

impl Network {
    /// Reads what a worker is granted.
    pub(super) fn of(spec: &WorkerSpec) -> Result<Self, NetworkError> {
        if spec.sockets {
            return Ok(Self::All);
        }
        let mut listed = Listed { ports: spec.listen_ports.clone(), ..Listed::default() };
        for grant in &spec.peers {
            if grant == NAME_LOOKUP {
                listed.name_lookup = true;
            } else {
                listed.peers.push(Peers::parse(grant).ok_or_else(|| NetworkError(grant.clone()))?);
            }
        }
        Ok(if listed == Listed::default() { Self::Denied } else { Self::Listed(listed) })
    }

    /// Gives it to a guest. What a builder is not told, it denies.
    pub(super) fn grant(&self, context: &mut WasiCtxBuilder) {
        let some = *self != Self::Denied;
        // The builder allows both kinds of sockets; without an address that is allowed they can do nothing.
        context.allow_tcp(some).allow_udp(some);
        match self {
            Self::Denied => {
                context.allow_ip_name_lookup(false);
            }
            Self::Listed(listed) => {
                let allowed = listed.clone();
                context.allow_ip_name_lookup(listed.name_lookup).socket_addr_check(move |address, purpose| {
                    let answer = allowed.allow(address, purpose);
                    Box::pin(async move { answer })
                });
            }
            Self::All => {
                context.allow_ip_name_lookup(true).inherit_network();
            }
        }
    }
}

impl Listed {
    /// Whether an address may be used for this.
    fn allow(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match purpose {
            // Port 0 is the kernel's choice, which comes before every connection and every datagram that is sent.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
                address.port() == 0 || self.ports.contains(&address.port())
            }
            SocketAddrUse::TcpListen => self.ports.contains(&address.port()),
            // Whoever may listen may be called: that is what a container port says.
            SocketAddrUse::TcpAccept => true,
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => self.reaches(address),
            // The check is not told which port a datagram came to.
            SocketAddrUse::UdpReceive => !self.ports.is_empty() || self.reaches(address),
        }
    }

    fn reaches(&self, address: SocketAddr) -> bool {
        self.peers.iter().any(|peers| peers.contain(address))
    }
}

impl Peers {
    fn parse(text: &str) -> Option<Self> {
        let (range, port) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (range, rest) = bracketed.split_once(']')?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
                (range, port)
            }
            None => match text.split_once(':') {
                Some((range, port)) => (range, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None | Some("*") => None,
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        };
        let range = if range == "*" { None } else { Some(Range::parse(range)?) };
        Some(Self { range, port })
    }

    fn contain(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && self.range.is_none_or(|range| range.contains(address.ip().to_canonical()))
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { u32::BITS } else { u128::BITS };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        // Bits that differ, moved to the top: those within the prefix must be none.
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.prefix,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.prefix,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(grants: &[&str], ports: &[u16]) -> Listed {
        let peers = grants.iter().map(|grant| Peers::parse(grant).unwrap()).collect();
        Listed { peers, ports: ports.to_vec(), name_lookup: false }
    }

    fn check(grants: &[&str], peer: &str, expected: bool) {
        let peer = peer.parse().unwrap();
        let listed = listed(grants, &[]);
        for purpose in [SocketAddrUse::TcpConnect, SocketAddrUse::UdpSend, SocketAddrUse::UdpReceive] {
            assert_eq!(listed.allow(peer, purpose), expected, "{grants:?} for {purpose:?} {peer}");
        }
    }

    #[test]
    fn only_granted_addresses_are_reached() {
        check(&[], "10.0.0.1:80", false);
        check(&["10.0.0.1:80"], "10.0.0.1:80", true);
        check(&["10.0.0.1:80"], "10.0.0.1:81", false);
        check(&["10.0.0.1:80"], "[::ffff:10.0.0.1]:80", true);
        check(&["10.0.0.1"], "10.0.0.1:9", true);
        check(&["10.96.0.0/12:5432"], "10.111.255.255:5432", true);
        check(&["10.96.0.0/12:5432"], "10.112.0.0:5432", false);
        check(&["0.0.0.0/0"], "9.9.9.9:1", true);
        check(&["0.0.0.0/0"], "[fd00::1]:1", false);
        check(&["[fd00::/8]:53"], "[fdff::1]:53", true);
        check(&["[fd00::/8]"], "[fe00::1]:53", false);
        check(&["*:53"], "[fe00::1]:53", true);
        check(&["*:53"], "9.9.9.9:54", false);
        check(&["*"], "9.9.9.9:54", true);
    }

    #[test]
    fn only_declared_ports_are_listened_on() {
        let listed = listed(&["*"], &[8080]);
        let any = |port| SocketAddr::from(([0; 4], port));
        for (port, bind, listen) in [(8080, true, true), (8081, false, false), (0, true, false)] {
            assert_eq!(listed.allow(any(port), SocketAddrUse::TcpBind), bind, "{port}");
            assert_eq!(listed.allow(any(port), SocketAddrUse::TcpListen), listen, "{port}");
        }
        assert!(listed.allow(any(1), SocketAddrUse::TcpAccept));
    }

    #[test]
    fn a_grant_that_would_never_match_is_refused() {
        for wrong in
            ["", "example.org:80", "10.0.0.1:", "10.0.0.1:0", "10.0.0.0/33", "fd00::1", "[fd00::1]80", "[fd00::1"]
        {
            assert_eq!(Peers::parse(wrong), None, "{wrong}");
        }
    }
}
