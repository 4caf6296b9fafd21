//! The nftables rules of Services, as text. Pure.
//!
//! One table per family. A new connection's protocol, address and port are looked up in the map `services`, which leads to
//! the chain for as many endpoints as there are (`pick_N`): it draws a number into the packet mark and looks the endpoint up
//! by all four. So the number of rules does not grow with the number of Services, and adding one adds map elements only.
//! Services with client affinity have chains and sets of their own, one per endpoint.
//!
//! Whatever is still addressed to a Service range after that has no endpoint and is refused.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

use super::config::NetworkConfig;
use super::contract::{Protocol, ServicePort, Services};

/// Set in the mark of connections to a node port: their source becomes the node's, so that answers of endpoints on other
/// nodes come back through this one.
const NODE_PORT_MARK: u32 = 0x4000_0000;

/// Words that differ between the families.
struct Family {
    v4: bool,
    /// Of tables and statements.
    word: &'static str,
    /// Type of addresses.
    address: &'static str,
}

const FAMILIES: [Family; 2] =
    [Family { v4: true, word: "ip", address: "ipv4_addr" }, Family { v4: false, word: "ip6", address: "ipv6_addr" }];

/// The transaction that replaces our tables by ones for these ranges of Services and their ports, for `nft -f -`.
///
/// Order matters to `nft`: what is referred to comes first. Connections that exist keep their endpoint; client affinities
/// start anew.
#[must_use]
pub fn render(config: &NetworkConfig, services: &Services) -> String {
    let (ranges, ports) = (&config.ranges_with(&services.ranges), &services.ports);
    let mut text = String::new();
    for family in &FAMILIES {
        let table = format!("{} {}", family.word, config.name);
        if let Some(node) = config.node_address(family.v4) {
            // A map takes each key once; of two that claim the same the first is served.
            let mut taken = BTreeSet::new();
            let ports = ports.iter().filter(|port| port.address.is_ipv4() == family.v4);
            let ports = ports.filter(|port| taken.insert((port.protocol, port.address, port.port))).collect();
            Table { family, table, node, config, ranges, ports, text: &mut text }.render();
        }
    }
    text
}

/// The transaction that removes our tables, whether or not they exist.
pub(crate) fn render_removal(name: &str) -> String {
    FAMILIES
        .iter()
        .fold(String::new(), |text, f| format!("{text}add table {0} {name}\ndelete table {0} {name}\n", f.word))
}

struct Table<'a> {
    family: &'a Family,
    table: String,
    node: IpAddr,
    config: &'a NetworkConfig,
    /// All ranges of Services.
    ranges: &'a [(IpAddr, u8)],
    ports: Vec<&'a ServicePort>,
    text: &'a mut String,
}

impl Table<'_> {
    fn render(mut self) {
        self.declare();
        self.pick_chains();
        self.affinity_chains();
        self.hooks();
        self.elements();
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(line).ok();
        self.text.push('\n');
    }

    fn declare(&mut self) {
        let Self { table, family: Family { address, .. }, .. } = &self;
        let key = format!("inet_proto . {address} . inet_service");
        let lines = [
            format!("add table {table}"),
            format!("delete table {table}"),
            format!("add table {table}"),
            format!("add map {table} endpoints {{ type {key} . mark : {address} . inet_service; }}"),
            format!(
                "add map {table} node_endpoints {{ type inet_proto . inet_service . mark : {address} . inet_service; }}"
            ),
            format!("add set {table} hairpin {{ type {address} . {address}; }}"),
            format!("add map {table} services {{ type {key} : verdict; }}"),
            format!("add map {table} node_ports {{ type inet_proto . inet_service : verdict; }}"),
        ];
        for line in lines {
            self.line(format_args!("{line}"));
        }
    }

    fn pick_chains(&mut self) {
        let (table, word) = (self.table.clone(), self.family.word);
        let plain = self.ports.iter().filter(|port| port.affinity_seconds.is_none() && !port.endpoints.is_empty());
        let counts: BTreeSet<usize> = plain.map(|port| port.endpoints.len()).collect();
        for n in counts {
            self.line(format_args!("add chain {table} pick_{n}"));
            self.line(format_args!("add rule {table} pick_{n} meta mark set numgen random mod {n}"));
            self.line(format_args!(
                "add rule {table} pick_{n} dnat {word} to meta l4proto . {word} daddr . th dport . meta mark map @endpoints"
            ));
            self.line(format_args!("add chain {table} node_pick_{n}"));
            self.line(format_args!(
                "add rule {table} node_pick_{n} meta mark set numgen random mod {n} offset {NODE_PORT_MARK}"
            ));
            self.line(format_args!(
                "add rule {table} node_pick_{n} dnat {word} to meta l4proto . th dport . meta mark map @node_endpoints"
            ));
        }
    }

    /// A client that an endpoint's set knows goes there again; otherwise an endpoint is drawn and its set learns the client.
    fn affinity_chains(&mut self) {
        let (table, word, address) = (self.table.clone(), self.family.word, self.family.address);
        let sticky: Vec<_> = self.ports.iter().copied().filter_map(|p| Some((p, p.affinity_seconds?))).collect();
        for (port, seconds) in sticky.into_iter().filter(|(port, _)| !port.endpoints.is_empty()) {
            let name = affinity_name(port);
            let n = port.endpoints.len();
            for (i, (to, to_port)) in port.endpoints.iter().enumerate() {
                let to = literal(*to, *to_port);
                self.line(format_args!(
                    "add set {table} {name}_{i} {{ type {address}; flags dynamic,timeout; timeout {seconds}s; }}"
                ));
                self.line(format_args!("add chain {table} {name}_{i}"));
                self.line(format_args!("add rule {table} {name}_{i} update @{name}_{i} {{ {word} saddr }}"));
                let protocol = protocol(port);
                self.line(format_args!("add rule {table} {name}_{i} meta l4proto {protocol} dnat {word} to {to}"));
            }
            self.line(format_args!("add chain {table} {name}"));
            for i in 0..n {
                self.line(format_args!("add rule {table} {name} {word} saddr @{name}_{i} goto {name}_{i}"));
            }
            let choices: Vec<_> = (0..n).map(|i| format!("{i} : goto {name}_{i}")).collect();
            self.line(format_args!("add rule {table} {name} numgen random mod {n} vmap {{ {} }}", choices.join(", ")));
            self.line(format_args!("add chain {table} node_{name}"));
            self.line(format_args!("add rule {table} node_{name} meta mark set {NODE_PORT_MARK}"));
            self.line(format_args!("add rule {table} node_{name} goto {name}"));
        }
    }

    fn hooks(&mut self) {
        let (table, word, node) = (self.table.clone(), self.family.word, self.node);
        for (hook, priority) in [("prerouting", -100), ("output", -100)] {
            self.line(format_args!("add chain {table} nat_{hook} {{ type nat hook {hook} priority {priority}; }}"));
            self.line(format_args!(
                "add rule {table} nat_{hook} meta l4proto . {word} daddr . th dport vmap @services"
            ));
            self.line(format_args!(
                "add rule {table} nat_{hook} fib daddr type local {word} daddr != {} meta l4proto . th dport vmap @node_ports",
                if self.family.v4 { "127.0.0.0/8" } else { "::1" }
            ));
        }
        self.line(format_args!("add chain {table} nat_postrouting {{ type nat hook postrouting priority 100; }}"));
        // The source is named because masquerading would choose the link-local gateway address.
        self.line(format_args!(
            "add rule {table} nat_postrouting ct status dnat {word} saddr . {word} daddr @hairpin snat to {node}"
        ));
        self.line(format_args!(
            "add rule {table} nat_postrouting ct status dnat meta mark & {NODE_PORT_MARK} == {NODE_PORT_MARK} snat to {node}"
        ));
        self.leave();
        // Before routing, which for IPv6 would answer "unreachable" to what leads to the loopback.
        for hook in ["prerouting", "output"] {
            self.line(format_args!("add chain {table} filter_{hook} {{ type filter hook {hook} priority -90; }}"));
            for range in self.of_family(self.ranges) {
                let unserved = format!("add rule {table} filter_{hook} {word} daddr {range}");
                self.line(format_args!("{unserved} meta l4proto tcp reject with tcp reset"));
                self.line(format_args!("{unserved} reject"));
            }
        }
    }

    /// Pods that talk to the world do so with the address of the interface that leads there.
    fn leave(&mut self) {
        let (table, word, name) = (self.table.clone(), self.family.word, &self.config.name);
        let pods = self.of_family(&self.config.pod_cidrs);
        let interfaces = format!("oifname != \"{name}*\" oifname != \"lo\"");
        for range in &pods {
            self.line(format_args!(
                "add rule {table} nat_postrouting {word} saddr {range} {word} daddr != {range} {interfaces} masquerade"
            ));
        }
    }

    fn of_family(&self, cidrs: &[(IpAddr, u8)]) -> Vec<String> {
        let ours = cidrs.iter().filter(|(base, _)| base.is_ipv4() == self.family.v4);
        ours.map(|(base, length)| format!("{base}/{length}")).collect()
    }

    fn elements(&mut self) {
        let (mut services, mut node_ports) = (Vec::new(), Vec::new());
        let mut taken = BTreeSet::new();
        let (mut endpoints, mut node_endpoints, mut hairpin) = (Vec::new(), Vec::new(), BTreeSet::new());
        for port in self.ports.iter().filter(|port| !port.endpoints.is_empty()) {
            let (protocol, n) = (protocol(port), port.endpoints.len());
            let affinity = port.affinity_seconds.map(|_| affinity_name(port));
            let chain = affinity.clone().unwrap_or_else(|| format!("pick_{n}"));
            let key = format!("{protocol} . {} . {}", port.address, port.port);
            services.push(format!("{key} : goto {chain}"));
            let node_port = port.node_port.filter(|node_port| taken.insert((port.protocol, *node_port)));
            if let Some(node_port) = node_port {
                node_ports.push(format!("{protocol} . {node_port} : goto node_{chain}"));
            }
            for (i, &(to, to_port)) in port.endpoints.iter().enumerate() {
                hairpin.insert(format!("{to} . {to}"));
                if affinity.is_some() {
                    continue;
                }
                endpoints.push(format!("{key} . {i} : {to} . {to_port}"));
                if let Some(node_port) = node_port {
                    let mark = NODE_PORT_MARK as usize + i;
                    node_endpoints.push(format!("{protocol} . {node_port} . {mark} : {to} . {to_port}"));
                }
            }
        }
        let hairpin: Vec<_> = hairpin.into_iter().collect();
        let all = [
            ("endpoints", endpoints),
            ("node_endpoints", node_endpoints),
            ("hairpin", hairpin),
            ("services", services),
            ("node_ports", node_ports),
        ];
        for (set, elements) in all.into_iter().filter(|(_, elements)| !elements.is_empty()) {
            let table = self.table.clone();
            self.line(format_args!("add element {table} {set} {{\n\t{}\n}}", elements.join(",\n\t")));
        }
    }
}

fn protocol(port: &ServicePort) -> &'static str {
    match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// A chain name that follows from what the port is. `nft` takes letters, digits and a few signs, but no colon.
fn affinity_name(port: &ServicePort) -> String {
    let address = port.address.to_string().replace([':', '.'], "_");
    format!("sticky_{}_{address}_{}", protocol(port), port.port)
}

fn literal(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(ports: &[ServicePort], expected: &Expect) {
        let config = NetworkConfig {
            run: "/run/x".into(),
            pod_cidrs: vec![("10.1.0.0".parse().unwrap(), 24)],
            service_cidrs: vec![("10.96.0.0".parse().unwrap(), 16)],
            name: "br".to_owned(),
        };
        // What does not depend on the ports is shown by the first test alone.
        let fixed = render(&config, &Services::default());
        let services = Services { ports: ports.to_vec(), ..Services::default() };
        let lines: Vec<_> = render(&config, &services).lines().map(str::to_owned).collect();
        let shown = lines.iter().filter(|line| ports.is_empty() || !fixed.lines().any(|f| f == line.as_str()));
        expected.assert_eq(&shown.fold(String::new(), |text, line| text + line + "\n"));
    }

    fn port(endpoints: &[&str]) -> ServicePort {
        ServicePort {
            address: "10.96.0.10".parse().unwrap(),
            protocol: Protocol::Tcp,
            port: 80,
            node_port: None,
            endpoints: endpoints.iter().map(|e| (e.parse().unwrap(), 8080)).collect(),
            affinity_seconds: None,
        }
    }

    #[test]
    fn no_services() {
        check(
            &[],
            &expect![[r#"
                add table ip br
                delete table ip br
                add table ip br
                add map ip br endpoints { type inet_proto . ipv4_addr . inet_service . mark : ipv4_addr . inet_service; }
                add map ip br node_endpoints { type inet_proto . inet_service . mark : ipv4_addr . inet_service; }
                add set ip br hairpin { type ipv4_addr . ipv4_addr; }
                add map ip br services { type inet_proto . ipv4_addr . inet_service : verdict; }
                add map ip br node_ports { type inet_proto . inet_service : verdict; }
                add chain ip br nat_prerouting { type nat hook prerouting priority -100; }
                add rule ip br nat_prerouting meta l4proto . ip daddr . th dport vmap @services
                add rule ip br nat_prerouting fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @node_ports
                add chain ip br nat_output { type nat hook output priority -100; }
                add rule ip br nat_output meta l4proto . ip daddr . th dport vmap @services
                add rule ip br nat_output fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @node_ports
                add chain ip br nat_postrouting { type nat hook postrouting priority 100; }
                add rule ip br nat_postrouting ct status dnat ip saddr . ip daddr @hairpin snat to 10.1.0.1
                add rule ip br nat_postrouting ct status dnat meta mark & 1073741824 == 1073741824 snat to 10.1.0.1
                add rule ip br nat_postrouting ip saddr 10.1.0.0/24 ip daddr != 10.1.0.0/24 oifname != "br*" oifname != "lo" masquerade
                add chain ip br filter_prerouting { type filter hook prerouting priority -90; }
                add rule ip br filter_prerouting ip daddr 10.96.0.0/16 meta l4proto tcp reject with tcp reset
                add rule ip br filter_prerouting ip daddr 10.96.0.0/16 reject
                add chain ip br filter_output { type filter hook output priority -90; }
                add rule ip br filter_output ip daddr 10.96.0.0/16 meta l4proto tcp reject with tcp reset
                add rule ip br filter_output ip daddr 10.96.0.0/16 reject
            "#]],
        );
    }

    #[test]
    fn addresses_of_added_ranges_are_refused_too() {
        let config = NetworkConfig {
            run: "/run/x".into(),
            pod_cidrs: vec![("10.1.0.0".parse().unwrap(), 24)],
            service_cidrs: vec![("10.96.0.0".parse().unwrap(), 16)],
            name: "br".to_owned(),
        };
        let ranges = [("10.96.0.0", 16), ("10.97.0.0", 29), ("fd97::", 112)];
        let ranges = ranges.map(|(base, length)| (base.parse().unwrap(), length)).to_vec();
        let text = render(&config, &Services { ranges, ..Services::default() });
        let refused: Vec<&str> = text.lines().filter(|line| line.contains("filter_output ip")).collect();
        expect![[r#"
            add rule ip br filter_output ip daddr 10.96.0.0/16 meta l4proto tcp reject with tcp reset
            add rule ip br filter_output ip daddr 10.96.0.0/16 reject
            add rule ip br filter_output ip daddr 10.97.0.0/29 meta l4proto tcp reject with tcp reset
            add rule ip br filter_output ip daddr 10.97.0.0/29 reject"#]]
        .assert_eq(&refused.join("\n"));
    }

    #[test]
    fn endpoints_share_a_chain_by_their_number() {
        let dns = ServicePort { protocol: Protocol::Udp, port: 53, node_port: Some(30053), ..port(&["10.1.0.4"]) };
        check(
            &[port(&["10.1.0.2", "10.1.0.3"]), dns, port(&[])],
            &expect![[r#"
            add chain ip br pick_1
            add rule ip br pick_1 meta mark set numgen random mod 1
            add rule ip br pick_1 dnat ip to meta l4proto . ip daddr . th dport . meta mark map @endpoints
            add chain ip br node_pick_1
            add rule ip br node_pick_1 meta mark set numgen random mod 1 offset 1073741824
            add rule ip br node_pick_1 dnat ip to meta l4proto . th dport . meta mark map @node_endpoints
            add chain ip br pick_2
            add rule ip br pick_2 meta mark set numgen random mod 2
            add rule ip br pick_2 dnat ip to meta l4proto . ip daddr . th dport . meta mark map @endpoints
            add chain ip br node_pick_2
            add rule ip br node_pick_2 meta mark set numgen random mod 2 offset 1073741824
            add rule ip br node_pick_2 dnat ip to meta l4proto . th dport . meta mark map @node_endpoints
            add element ip br endpoints {
            	tcp . 10.96.0.10 . 80 . 0 : 10.1.0.2 . 8080,
            	tcp . 10.96.0.10 . 80 . 1 : 10.1.0.3 . 8080,
            	udp . 10.96.0.10 . 53 . 0 : 10.1.0.4 . 8080
            }
            add element ip br node_endpoints {
            	udp . 30053 . 1073741824 : 10.1.0.4 . 8080
            }
            add element ip br hairpin {
            	10.1.0.2 . 10.1.0.2,
            	10.1.0.3 . 10.1.0.3,
            	10.1.0.4 . 10.1.0.4
            }
            add element ip br services {
            	tcp . 10.96.0.10 . 80 : goto pick_2,
            	udp . 10.96.0.10 . 53 : goto pick_1
            }
            add element ip br node_ports {
            	udp . 30053 : goto node_pick_1
            }
        "#]],
        );
    }

    #[test]
    fn client_affinity() {
        let sticky = ServicePort { affinity_seconds: Some(10800), ..port(&["10.1.0.2", "10.1.0.3"]) };
        check(
            &[sticky],
            &expect![[r#"
            add set ip br sticky_tcp_10_96_0_10_80_0 { type ipv4_addr; flags dynamic,timeout; timeout 10800s; }
            add chain ip br sticky_tcp_10_96_0_10_80_0
            add rule ip br sticky_tcp_10_96_0_10_80_0 update @sticky_tcp_10_96_0_10_80_0 { ip saddr }
            add rule ip br sticky_tcp_10_96_0_10_80_0 meta l4proto tcp dnat ip to 10.1.0.2:8080
            add set ip br sticky_tcp_10_96_0_10_80_1 { type ipv4_addr; flags dynamic,timeout; timeout 10800s; }
            add chain ip br sticky_tcp_10_96_0_10_80_1
            add rule ip br sticky_tcp_10_96_0_10_80_1 update @sticky_tcp_10_96_0_10_80_1 { ip saddr }
            add rule ip br sticky_tcp_10_96_0_10_80_1 meta l4proto tcp dnat ip to 10.1.0.3:8080
            add chain ip br sticky_tcp_10_96_0_10_80
            add rule ip br sticky_tcp_10_96_0_10_80 ip saddr @sticky_tcp_10_96_0_10_80_0 goto sticky_tcp_10_96_0_10_80_0
            add rule ip br sticky_tcp_10_96_0_10_80 ip saddr @sticky_tcp_10_96_0_10_80_1 goto sticky_tcp_10_96_0_10_80_1
            add rule ip br sticky_tcp_10_96_0_10_80 numgen random mod 2 vmap { 0 : goto sticky_tcp_10_96_0_10_80_0, 1 : goto sticky_tcp_10_96_0_10_80_1 }
            add chain ip br node_sticky_tcp_10_96_0_10_80
            add rule ip br node_sticky_tcp_10_96_0_10_80 meta mark set 1073741824
            add rule ip br node_sticky_tcp_10_96_0_10_80 goto sticky_tcp_10_96_0_10_80
            add element ip br hairpin {
            	10.1.0.2 . 10.1.0.2,
            	10.1.0.3 . 10.1.0.3
            }
            add element ip br services {
            	tcp . 10.96.0.10 . 80 : goto sticky_tcp_10_96_0_10_80
            }
        "#]],
        );
    }
}
