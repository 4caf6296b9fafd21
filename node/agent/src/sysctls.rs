//! Which settings of the kernel a pod may make: the safe ones on every node, others where the node's administrator lets it
//! ("Using sysctls" in the Kubernetes documentation).

use serde::{Deserialize, Serialize};

/// Settings that belong to a pod alone and cannot harm its neighbours.
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Beginnings of the settings of which every namespace has its own (namespaces(7)).
const NAMESPACED: [(&str, Namespace); 5] = [
    ("kernel.msg", Namespace::Ipc),
    ("kernel.sem", Namespace::Ipc),
    ("kernel.shm", Namespace::Ipc),
    ("fs.mqueue.", Namespace::Ipc),
    ("net.", Namespace::Net),
];

/// The kind of namespace that has a setting of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    Ipc,
    Net,
}

impl Namespace {
    fn of(name: &str) -> Option<Self> {
        NAMESPACED.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, namespace)| *namespace)
    }
}

/// What a pod shares with its node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SharedNamespaces {
    /// `hostNetwork`.
    pub net: bool,
    /// `hostIPC`.
    pub ipc: bool,
}

/// Settings beyond the safe ones that a node lets pods make: the kubelet's `allowedUnsafeSysctls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct UnsafeSysctls(Vec<String>);

/// A pattern that cannot be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowedUnsafeSysctls: {0:?} is not known to be namespaced: name settings of kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* or net.*"
)]
pub struct NotNamespaced(String);

impl TryFrom<Vec<String>> for UnsafeSysctls {
    type Error = NotNamespaced;

    fn try_from(patterns: Vec<String>) -> Result<Self, NotNamespaced> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| normal(pattern)).collect();
        let node_wide = |pattern: &&String| Namespace::of(pattern.strip_suffix('*').unwrap_or(pattern)).is_none();
        match patterns.iter().find(node_wide) {
            Some(pattern) => Err(NotNamespaced(pattern.clone())),
            None => Ok(Self(patterns)),
        }
    }
}

impl From<UnsafeSysctls> for Vec<String> {
    fn from(allowed: UnsafeSysctls) -> Self {
        allowed.0
    }
}

impl UnsafeSysctls {
    /// Whether a pod may make a setting; why not, in Kubernetes' words.
    pub(crate) fn admit(&self, name: &str, shared: SharedNamespaces) -> Result<(), String> {
        let name = normal(name);
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => *pattern == name,
        };
        let allowed = SAFE.contains(&name.as_str()) || self.0.iter().any(matches);
        let refused = match Namespace::of(&name).filter(|_| allowed) {
            None => return Err(format!("\"{name}\" not allowlisted")),
            Some(Namespace::Net) => shared.net.then_some("Net"),
            Some(Namespace::Ipc) => shared.ipc.then_some("IPC"),
        };
        refused.map_or(Ok(()), |namespace| Err(format!("\"{name}\" not allowed with host {namespace} enabled")))
    }
}

/// `net/ipv4/conf/eth0.1/forwarding` and `net.ipv4.conf.eth0/1.forwarding` are one setting (sysctl.d(5)): whichever of `.` and
/// `/` comes first separates.
fn normal(name: &str) -> String {
    let exchange = |letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => name.chars().map(exchange).collect(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &[&str]) -> Result<UnsafeSysctls, String> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        patterns.try_into().map_err(|error: NotNamespaced| error.to_string())
    }

    #[test]
    fn safe_ones_are_for_all_and_others_as_the_node_says() {
        let check = |name: &str, patterns: &[&str], shared, expected: Result<(), &str>| {
            let found = allowed(patterns).unwrap().admit(name, shared);
            assert_eq!(found, expected.map_err(str::to_owned), "{name}");
        };
        let none = SharedNamespaces::default();
        let all = SharedNamespaces { net: true, ipc: true };
        check("net/ipv4/tcp_syncookies", &[], none, Ok(()));
        check("kernel.msgmax", &[], none, Err("\"kernel.msgmax\" not allowlisted"));
        check("kernel.msgmax", &["kernel.msg*"], none, Ok(()));
        check("kernel.sem", &["kernel.msg*", "kernel.sem"], none, Ok(()));
        check("net.core.somaxconn", &["net/core/somaxconn"], none, Ok(()));
        check("net.core.somaxconn2", &["net.core.somaxconn"], none, Err("\"net.core.somaxconn2\" not allowlisted"));
        check("kernel.msgmax", &["kernel.msg*"], all, Err("\"kernel.msgmax\" not allowed with host IPC enabled"));
        check("net.core.somaxconn", &["net.*"], all, Err("\"net.core.somaxconn\" not allowed with host Net enabled"));
    }

    #[test]
    fn what_belongs_to_the_whole_node_cannot_be_allowed() {
        for pattern in ["kernel.*", "vm.swappiness", "*", "kernel.panic"] {
            let error = allowed(&[pattern]).unwrap_err();
            assert!(
                error.starts_with(&format!("allowedUnsafeSysctls: {pattern:?} is not known to be namespaced")),
                "{error}"
            );
        }
    }
}
