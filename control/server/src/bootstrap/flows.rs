//! The priority levels and flow schemas that kube-apiserver makes: those that must be, and those that it suggests.

use api::meta::Timestamp;
use api::status::Status;
use api::time;
use serde_json::{Value, json};

use super::given::Given;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
/// Says that a newer server may change the spec.
const AUTOUPDATE: &str = "apf.kubernetes.io/autoupdate-spec";

/// A level: its name and its shares of what is served at once.
struct Level(&'static str, i64, Waiting);

/// What becomes of a request that is too many.
enum Waiting {
    /// It never is.
    Exempt,
    /// It is refused.
    Never,
    /// It waits: percent of the shares that others may borrow, queues, hand size.
    Queues(i64, i64, i64),
}

use Waiting::{Exempt, Never, Queues};

const LEVELS: [Level; 8] = [
    Level("exempt", 0, Exempt),
    Level("catch-all", 5, Never),
    Level("system", 30, Queues(33, 64, 6)),
    Level("node-high", 40, Queues(25, 64, 6)),
    Level("leader-election", 10, Queues(0, 16, 4)),
    Level("workload-high", 40, Queues(50, 128, 6)),
    Level("workload-low", 100, Queues(90, 128, 6)),
    Level("global-default", 20, Queues(50, 128, 6)),
];
/// Requests that wait in a queue at most.
const QUEUE_LENGTH: i64 = 50;

/// A schema: its name, its level, how early it is asked, what tells its flows apart, whose requests, and which of them.
struct Schema(&'static str, &'static str, i64, &'static str, &'static [Subject], Requests);

/// Whose requests.
enum Subject {
    User(&'static str),
    Group(&'static str),
    /// An account of the namespace `kube-system`; `*` for all.
    Account(&'static str),
}

/// Which requests.
enum Requests {
    All,
    /// About these objects in any namespace.
    Objects(&'static [Objects]),
    /// Reads of these pages.
    Pages(&'static [&'static str]),
}

/// Verbs, group, resources, and whether also those that are in no namespace.
struct Objects(&'static [&'static str], &'static str, &'static [&'static str], bool);

use Requests::{All, Pages};
use Subject::{Account, Group, User};

const EVERYBODY: &[Subject] = &[Group("system:unauthenticated"), Group("system:authenticated")];
const NODES: &[Subject] = &[Group("system:nodes")];
const MANAGER: Subject = User("system:kube-controller-manager");
const SCHEDULER: Subject = User("system:kube-scheduler");
/// Verbs of those who hold an election by an object.
const ELECTING: &[&str] = &["get", "create", "update"];
const LEASES: Objects = Objects(ELECTING, "coordination.k8s.io", &["leases"], false);
const OF_NODES: &[Objects] = &[
    Objects(&["*"], "", &["nodes", "nodes/status"], true),
    Objects(&["*"], "coordination.k8s.io", &["leases"], false),
];
const ELECTIONS: &[Objects] = &[Objects(ELECTING, "", &["endpoints", "configmaps"], false), LEASES];

const SCHEMAS: [Schema; 13] = [
    Schema("exempt", "exempt", 1, "", &[Group("system:masters")], All),
    Schema("catch-all", "catch-all", 10_000, "ByUser", EVERYBODY, All),
    Schema("system-nodes", "system", 500, "ByUser", NODES, All),
    Schema("system-node-high", "node-high", 400, "ByUser", NODES, Requests::Objects(OF_NODES)),
    Schema("probes", "exempt", 2, "", EVERYBODY, Pages(&["/healthz", "/readyz", "/livez"])),
    Schema(
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        &[MANAGER, SCHEDULER, Account("*")],
        Requests::Objects(&[LEASES]),
    ),
    Schema(
        "endpoint-controller",
        "workload-high",
        150,
        "ByUser",
        &[MANAGER, Account("endpoint-controller"), Account("endpointslicemirroring-controller")],
        Requests::Objects(&[Objects(ELECTING, "", &["endpoints"], false)]),
    ),
    Schema("workload-leader-election", "leader-election", 200, "ByUser", &[Account("*")], Requests::Objects(ELECTIONS)),
    Schema("kube-controller-manager", "workload-high", 800, "ByNamespace", &[MANAGER], All),
    Schema("kube-scheduler", "workload-high", 800, "ByNamespace", &[SCHEDULER], All),
    Schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", &[Account("*")], All),
    Schema("service-accounts", "workload-low", 9_000, "ByUser", &[Group("system:serviceaccounts")], All),
    Schema("global-default", "global-default", 9_900, "ByUser", EVERYBODY, All),
];

/// Every level and every schema.
pub(crate) fn all(now: Timestamp) -> Result<Vec<Given>, Status> {
    let levels = LEVELS
        .iter()
        .map(|level| Given::of(GROUP, "prioritylevelconfigurations", object(level.0, &level.spec()), json!({})));
    let schemas = SCHEMAS
        .iter()
        .map(|schema| Given::of(GROUP, "flowschemas", object(schema.0, &schema.spec()), found(schema.1, now)));
    levels.chain(schemas).collect()
}

fn object(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}}, "spec": spec})
}

/// Status of a schema whose level is there.
fn found(level: &str, now: Timestamp) -> Value {
    let message =
        format!("This FlowSchema references the PriorityLevelConfiguration object named \"{level}\" and it exists");
    json!({"conditions": [{"type": "Dangling", "status": "False", "reason": "Found", "message": message,
        "lastTransitionTime": time::text(now)}]})
}

impl Level {
    fn spec(&self) -> Value {
        let Self(_, shares, waiting) = self;
        let limited = |lendable: i64, response: Value| {
            let limited =
                json!({"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response});
            json!({"type": "Limited", "limited": limited})
        };
        match waiting {
            Exempt => json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": shares, "lendablePercent": 0}}),
            Never => limited(0, json!({"type": "Reject"})),
            Queues(lendable, queues, hand) => {
                let queuing = json!({"queues": queues, "handSize": hand, "queueLengthLimit": QUEUE_LENGTH});
                limited(*lendable, json!({"type": "Queue", "queuing": queuing}))
            }
        }
    }
}

impl Schema {
    fn spec(&self) -> Value {
        let Self(_, level, precedence, distinguisher, subjects, requests) = self;
        let mut rule = requests.rule();
        rule["subjects"] = subjects.iter().map(Subject::value).collect();
        let mut spec =
            json!({"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule]});
        if !distinguisher.is_empty() {
            spec["distinguisherMethod"] = json!({"type": distinguisher});
        }
        spec
    }
}

impl Subject {
    fn value(&self) -> Value {
        match self {
            User(name) => json!({"kind": "User", "user": {"name": name}}),
            Group(name) => json!({"kind": "Group", "group": {"name": name}}),
            Account(name) => {
                json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": name}})
            }
        }
    }
}

impl Requests {
    fn rule(&self) -> Value {
        let objects = |verbs: &[&str], groups: &[&str], resources: &[&str], cluster: bool| {
            let mut rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "namespaces": ["*"]});
            if cluster {
                rule["clusterScope"] = true.into();
            }
            rule
        };
        match self {
            All => json!({
                "resourceRules": [objects(&["*"], &["*"], &["*"], true)],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            }),
            Self::Objects(all) => {
                let rules = all
                    .iter()
                    .map(|Objects(verbs, group, resources, cluster)| objects(verbs, &[group], resources, *cluster));
                json!({"resourceRules": rules.collect::<Vec<_>>()})
            }
            Pages(urls) => json!({"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": urls}]}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_sound() {
        let all = all(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(all.len(), 21);
        for given in all {
            assert_eq!(given.errors(), [], "{given:?}");
        }
    }
}
