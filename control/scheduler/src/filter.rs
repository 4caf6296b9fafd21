//! May the pod run there? Every reason why not, in the words of kube-scheduler.

use std::fmt;

use api::taints::{Taint, Toleration, tolerates};
use serde_json::Value;

use crate::affinity;
use crate::candidate::{Candidate, HostPort, Wish};

/// One reason against a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Obstacle {
    /// `spec.unschedulable`.
    Unschedulable,
    /// A taint that is not tolerated: `{key: value}`.
    Taint(String),
    /// `nodeSelector` or required node affinity does not match.
    Affinity,
    /// A host port is taken.
    Ports,
    /// Too many pods.
    Pods,
    /// Not enough of that resource is left.
    Insufficient(&'static str),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unschedulable => f.write_str("node(s) were unschedulable"),
            Self::Taint(taint) => write!(f, "node(s) had untolerated taint(s) {taint}"),
            Self::Affinity => f.write_str("node(s) didn't match Pod's node affinity/selector"),
            Self::Ports => f.write_str("node(s) didn't have free ports for the requested pod ports"),
            Self::Pods => f.write_str("Too many pods"),
            Self::Insufficient(resource) => write!(f, "Insufficient {resource}"),
        }
    }
}

/// Taint that a cordoned node carries; a pod that tolerates it may go there all the same.
const UNSCHEDULABLE: Taint<'_> = Taint { key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" };

/// What stands against the node: the first kind of reason found, with all resources that lack.
pub(crate) fn obstacle(node: &Candidate, wish: &Wish) -> Vec<Obstacle> {
    if node.unschedulable && !tolerated(wish, UNSCHEDULABLE) {
        return vec![Obstacle::Unschedulable];
    }
    if let Some(taint) = untolerated(node, wish, &["NoSchedule", "NoExecute"]) {
        let (key, value) = (taint.key, taint.value);
        return vec![Obstacle::Taint(format!("{{{key}: {value}}}"))];
    }
    let selected = wish.selector.iter().all(|(key, value)| node.record.label(key) == Some(value));
    if !selected || !affinity::required(&wish.affinity, &node.record) {
        return vec![Obstacle::Affinity];
    }
    if wish.ports.iter().any(|wanted| node.ports.iter().any(|taken| clash(wanted, taken))) {
        return vec![Obstacle::Ports];
    }
    lacking(node, wish)
}

fn lacking(node: &Candidate, wish: &Wish) -> Vec<Obstacle> {
    let (have, used, want) = (&node.allocatable, &node.used, &wish.requests);
    let mut found = Vec::new();
    if used.pods + 1 > have.pods {
        found.push(Obstacle::Pods);
    }
    let amounts = [
        ("cpu", have.cpu_milli, used.cpu_milli, want.cpu_milli),
        ("memory", have.memory, used.memory, want.memory),
        ("ephemeral-storage", have.storage, used.storage, want.storage),
    ];
    for (name, have, used, want) in amounts {
        if want > 0 && used + want > have {
            found.push(Obstacle::Insufficient(name));
        }
    }
    found
}

/// Two host ports clash when protocol and number agree and the addresses do, or one of them is every address.
fn clash(a: &HostPort, b: &HostPort) -> bool {
    let every = |address: &str| address == "0.0.0.0" || address == "::";
    a.0 == b.0 && a.2 == b.2 && (a.1 == b.1 || every(&a.1) || every(&b.1))
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn tolerated(wish: &Wish, taint: Taint<'_>) -> bool {
    wish.tolerations.iter().any(|toleration| {
        let toleration = Toleration {
            key: field(toleration, "key"),
            exists: field(toleration, "operator") == "Exists",
            value: field(toleration, "value"),
            effect: field(toleration, "effect"),
        };
        tolerates(toleration, taint)
    })
}

/// The first taint with one of the effects that the pod does not tolerate.
pub(crate) fn untolerated<'a>(node: &'a Candidate, wish: &Wish, effects: &[&str]) -> Option<Taint<'a>> {
    let taints = node.taints.iter().map(|taint| Taint {
        key: field(taint, "key"),
        value: field(taint, "value"),
        effect: field(taint, "effect"),
    });
    taints.filter(|taint| effects.contains(&taint.effect)).find(|taint| !tolerated(wish, *taint))
}
