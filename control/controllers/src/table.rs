//! Every controller in one table.

use api::meta::{Key, Resource, Timestamp};
use api::view::{Event, View};

use crate::decision::{Damaged, Decision};
use crate::{
    deployment, disruption, endpoint_slice, garbage, namespace, node_health, pod_garbage, replica_set, service_account,
    service_address, service_cidr,
};

/// One controller.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// Name in logs, metrics and events, as kube-controller-manager names it.
    pub name: &'static str,
    /// The keys that an event makes due. The view already holds the event.
    pub due: fn(&View, &Event) -> Vec<Key>,
    /// The keys that are due at the start, when no event is known.
    pub all: fn(&View) -> Vec<Key>,
    /// The decision about one key.
    pub decide: fn(&View, &Key, Timestamp) -> Result<Decision, Damaged>,
}

/// All controllers.
#[must_use]
pub fn table() -> &'static [Controller] {
    TABLE
}

const TABLE: &[Controller] = &[
    Controller {
        name: "deployment-controller",
        due: deployment::due,
        all: |view| keys(view, "apps", "deployments"),
        decide: deployment::decide,
    },
    Controller {
        name: "replicaset-controller",
        due: replica_set::due,
        all: |view| keys(view, "apps", "replicasets"),
        decide: replica_set::decide,
    },
    Controller {
        // As its events name it.
        name: "controllermanager",
        due: disruption::due,
        all: |view| keys(view, "policy", "poddisruptionbudgets"),
        decide: disruption::decide,
    },
    Controller {
        name: "endpoint-slice-controller",
        due: endpoint_slice::due,
        all: |view| keys(view, "", "services"),
        decide: endpoint_slice::decide,
    },
    Controller {
        name: "namespace-controller",
        due: namespace::due,
        all: |view| keys(view, "", "namespaces"),
        decide: namespace::decide,
    },
    Controller {
        name: "service-account-controller",
        due: service_account::due,
        all: |view| keys(view, "", "namespaces"),
        decide: service_account::decide,
    },
    Controller {
        name: "service-cidr-controller",
        due: service_cidr::due,
        all: |view| keys(view, "networking.k8s.io", "servicecidrs"),
        decide: service_cidr::decide,
    },
    Controller {
        // As its events name it.
        name: "ipallocator-repair-controller",
        due: service_address::due,
        all: service_address::all,
        decide: service_address::decide,
    },
    Controller { name: "garbage-collector-controller", due: garbage::due, all: garbage::all, decide: garbage::decide },
    Controller {
        name: "node-controller",
        due: node_health::due,
        all: |view| keys(view, "", "nodes"),
        decide: node_health::decide,
    },
    Controller {
        name: "pod-garbage-collector",
        due: pod_garbage::due,
        all: |view| keys(view, "", "pods"),
        decide: pod_garbage::decide,
    },
];

fn keys(view: &View, group: &str, plural: &str) -> Vec<Key> {
    view.list(&Resource::new(group, plural), None).map(|record| record.key.clone()).collect()
}
