//! `/etc/resolv.conf` of a pod, by `dnsPolicy` and `dnsConfig`.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use crate::policy;
use crate::spec::NodeFacts;

/// The three sorts of lines, before they are written.
#[derive(Default)]
struct Resolver {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<(String, Option<String>)>,
}

/// The text of `/etc/resolv.conf`.
pub(super) fn resolv_conf(pod: &Pod, spec: &PodSpec, node: &NodeFacts) -> String {
    let host_network = spec.host_network == Some(true);
    let mut resolver = match (spec.dns_policy.as_deref(), &node.cluster_dns) {
        (Some("None"), _) => Resolver::default(),
        (Some("ClusterFirstWithHostNet"), Some(_)) => of_cluster(pod, node),
        (Some("ClusterFirst") | None, Some(_)) if !host_network => of_cluster(pod, node),
        _ => parse(&node.resolv_conf),
    };
    if let Some(config) = &spec.dns_config {
        resolver.servers.extend(config.nameservers.iter().flatten().cloned());
        resolver.searches.extend(config.searches.iter().flatten().cloned());
        for option in config.options.iter().flatten() {
            let Some(name) = &option.name else { continue };
            resolver.options.retain(|(known, _)| known != name);
            resolver.options.push((name.clone(), option.value.clone()));
        }
    }
    write(&resolver)
}

/// The cluster's servers, its search path before the node's, and `ndots:5`, which that path needs.
fn of_cluster(pod: &Pod, node: &NodeFacts) -> Resolver {
    let Some(dns) = &node.cluster_dns else { return Resolver::default() };
    let domain = &dns.domain;
    let mut searches =
        vec![format!("{}.svc.{domain}", policy::namespace(pod)), format!("svc.{domain}"), domain.clone()];
    searches.extend(parse(&node.resolv_conf).searches);
    Resolver {
        servers: dns.servers.iter().map(ToString::to_string).collect(),
        searches,
        options: vec![("ndots".to_owned(), Some("5".to_owned()))],
    }
}

fn parse(text: &str) -> Resolver {
    let mut resolver = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => resolver.servers.extend(words.next().map(ToOwned::to_owned)),
            // The last line wins, as in the resolver's own reading.
            Some("search" | "domain") => resolver.searches = words.map(ToOwned::to_owned).collect(),
            Some("options") => resolver.options.extend(words.map(|word| match word.split_once(':') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.to_owned(), None),
            })),
            _ => {}
        }
    }
    resolver
}

fn write(resolver: &Resolver) -> String {
    let mut text = String::new();
    for server in unique(&resolver.servers) {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "nameserver {server}");
    }
    if !resolver.searches.is_empty() {
        let _infallible = writeln!(text, "search {}", unique(&resolver.searches).join(" "));
    }
    if !resolver.options.is_empty() {
        let option = |(name, value): &(String, Option<String>)| match value {
            Some(value) if !value.is_empty() => format!("{name}:{value}"),
            _ => name.clone(),
        };
        let _infallible =
            writeln!(text, "options {}", resolver.options.iter().map(option).collect::<Vec<_>>().join(" "));
    }
    text
}

fn unique(words: &[String]) -> Vec<&str> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word.as_str()) {
            seen.push(word);
        }
    }
    seen
}
