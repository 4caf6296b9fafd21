//! The other versions, and groups, in which stored kinds are served: what older clients speak.

mod deprecated;

use crate::kind::{Conversion, Directions, Kind};
use crate::kinds::{
    admissionregistration, autoscaling, batch, coordination, discovery, events, networking, node, policy, rbac,
    scheduling, storage,
};

/// Forms that are more than another `apiVersion`. Within a group, the version that clients should prefer stands first.
const TABLE: &[fn() -> Kind] = &[
    events::event::v1,
    events::event::v1beta1,
    autoscaling::older::v1,
    autoscaling::older::v2beta1,
    autoscaling::older::v2beta2,
    policy::pod_disruption_budget_v1beta1::kind,
    networking::ingress_v1beta1::networking,
    networking::ingress_v1beta1::extensions,
    admissionregistration::configurations_v1beta1::mutating,
    admissionregistration::configurations_v1beta1::validating,
    discovery::endpoint_slice_v1beta1::kind,
];

/// A stored kind.
type Stored = fn() -> Kind;

/// Kinds whose `v1beta1` looks like the stored version, and the name of its type.
const SAME: &[(Stored, &str)] = &[
    (batch::cron_job::kind, "io.k8s.api.batch.v1beta1.CronJob"),
    (networking::ingress_class::kind, "io.k8s.api.networking.v1beta1.IngressClass"),
    (rbac::cluster_role_binding::kind, "io.k8s.api.rbac.v1beta1.ClusterRoleBinding"),
    (rbac::cluster_role::kind, "io.k8s.api.rbac.v1beta1.ClusterRole"),
    (rbac::role_binding::kind, "io.k8s.api.rbac.v1beta1.RoleBinding"),
    (rbac::role::kind, "io.k8s.api.rbac.v1beta1.Role"),
    (scheduling::priority_class::kind, "io.k8s.api.scheduling.v1beta1.PriorityClass"),
    (storage::storage_class::kind, "io.k8s.api.storage.v1beta1.StorageClass"),
    (storage::volume_attachment::kind, "io.k8s.api.storage.v1beta1.VolumeAttachment"),
    (storage::csi_node::kind, "io.k8s.api.storage.v1beta1.CSINode"),
    (storage::csi_driver::kind, "io.k8s.api.storage.v1beta1.CSIDriver"),
    (storage::csi_storage_capacity::kind, "io.k8s.api.storage.v1beta1.CSIStorageCapacity"),
    (
        admissionregistration::mutating_admission_policy::kind,
        "io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicy",
    ),
    (
        admissionregistration::mutating_admission_policy_binding::kind,
        "io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicyBinding",
    ),
    (coordination::lease::kind, "io.k8s.api.coordination.v1beta1.Lease"),
    (node::runtime_class::kind, "io.k8s.api.node.v1beta1.RuntimeClass"),
];

/// Every form.
pub(super) fn all() -> impl Iterator<Item = Kind> {
    let same = SAME.iter().map(|(stored, schema)| {
        let stored = stored();
        let group = stored.group.clone();
        form(stored, &group, "v1beta1", schema, Directions::SAME)
    });
    TABLE.iter().map(|kind| kind()).chain(same).map(deprecated::warned)
}

/// A stored kind as another version, or another group, shows it.
pub(super) fn form(stored: Kind, group: &str, version: &str, schema: &'static str, directions: Directions) -> Kind {
    let conversion = Some(Conversion::of(&stored, directions));
    Kind { group: group.into(), version: version.into(), schema, conversion, ..stored }
}

#[cfg(test)]
mod tests;
