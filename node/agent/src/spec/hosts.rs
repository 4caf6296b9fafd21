//! Host name and `/etc/hosts` of a pod.

use std::fmt::Write as _;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use crate::policy;
use crate::spec::NodeFacts;

/// The longest host name that Linux takes.
const HOSTNAME_MAX: usize = 63;

/// `spec.hostname`, the node's own name with `hostNetwork`, or the pod's name, cut to what Linux takes.
pub(super) fn hostname(pod: &Pod, spec: &PodSpec, node: &NodeFacts) -> String {
    let name = match (&spec.hostname_override, &spec.hostname) {
        (Some(name), _) => return name.clone(),
        _ if spec.host_network == Some(true) => &node.name,
        (None, Some(name)) if !name.is_empty() => name,
        _ => policy::name(pod),
    };
    let short: String = name.chars().take(HOSTNAME_MAX).collect();
    let short = short.trim_end_matches(['-', '.']).to_owned();
    match domain(pod, spec, node) {
        Some(domain) if spec.set_hostname_as_fqdn == Some(true) => format!("{short}.{domain}"),
        _ => short,
    }
}

/// `<subdomain>.<namespace>.svc.<cluster domain>`, for pods that name a subdomain.
fn domain(pod: &Pod, spec: &PodSpec, node: &NodeFacts) -> Option<String> {
    let subdomain = spec.subdomain.as_deref().filter(|subdomain| !subdomain.is_empty())?;
    let cluster = node.cluster_dns.as_ref().map_or("cluster.local", |dns| dns.domain.as_str());
    Some(format!("{subdomain}.{}.svc.{cluster}", policy::namespace(pod)))
}

/// The text of `/etc/hosts`.
pub(super) fn hosts(pod: &Pod, spec: &PodSpec, node: &NodeFacts, hostname: &str, addresses: &[IpAddr]) -> String {
    let mut text = String::from(
        "# Kubernetes-managed hosts file.\n\
         127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\n\
         fe00::1\tip6-allnodes\n\
         fe00::2\tip6-allrouters\n",
    );
    let full =
        domain(pod, spec, node).filter(|_| !hostname.contains('.')).map(|domain| format!("{hostname}.{domain}\t"));
    for address in addresses {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{address}\t{}{hostname}", full.as_deref().unwrap_or_default());
    }
    let aliases = spec.host_aliases.as_deref().unwrap_or_default();
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        let _infallible = writeln!(text, "{}\t{names}", alias.ip);
    }
    text
}
