//! The kinds that are built in: a table of one line each. A kind's own file says all that is its own.

use std::sync::LazyLock;

use crate::kind::{Column, Flags, Kind, Scope, Strategy};

mod admissionregistration;
mod apiregistration;
mod apps;
mod autoscaling;
mod batch;
mod cells;
mod certificates;
mod coordination;
mod core;
mod discovery;
mod events;
mod flowcontrol;
mod forms;
mod metrics;
mod networking;
mod node;
mod policy;
mod rbac;
mod resource;
mod scheduling;
mod storage;

/// In the order of discovery: by group, then by the name that people look for first.
const TABLE: &[fn() -> Kind] = &[
    apiregistration::api_service::kind,
    core::namespace::kind,
    core::node::kind,
    core::pod::kind,
    core::config_map::kind,
    core::secret::kind,
    core::service::kind,
    core::service_account::kind,
    core::event::kind,
    core::persistent_volume::kind,
    core::persistent_volume_claim::kind,
    core::replication_controller::kind,
    core::pod_template::kind,
    core::endpoints::kind,
    core::resource_quota::kind,
    core::limit_range::kind,
    core::component_status::kind,
    apps::deployment::kind,
    apps::replica_set::kind,
    apps::stateful_set::kind,
    apps::daemon_set::kind,
    apps::controller_revision::kind,
    batch::job::kind,
    batch::cron_job::kind,
    certificates::certificate_signing_request::kind,
    networking::ingress::kind,
    networking::ingress_class::kind,
    networking::network_policy::kind,
    networking::ip_address::kind,
    networking::service_cidr::kind,
    rbac::cluster_role_binding::kind,
    rbac::cluster_role::kind,
    rbac::role_binding::kind,
    rbac::role::kind,
    storage::storage_class::kind,
    storage::volume_attachment::kind,
    storage::csi_node::kind,
    storage::csi_driver::kind,
    storage::csi_storage_capacity::kind,
    storage::volume_attributes_class::kind,
    admissionregistration::mutating_webhook_configuration::kind,
    admissionregistration::validating_webhook_configuration::kind,
    admissionregistration::validating_admission_policy::kind,
    admissionregistration::validating_admission_policy_binding::kind,
    admissionregistration::mutating_admission_policy::kind,
    admissionregistration::mutating_admission_policy_binding::kind,
    coordination::lease::kind,
    node::runtime_class::kind,
    discovery::endpoint_slice::kind,
    flowcontrol::priority_level_configuration::kind,
    flowcontrol::flow_schema::kind,
    resource::device_class::kind,
    resource::resource_claim::kind,
    resource::resource_claim_template::kind,
    resource::resource_slice::kind,
    autoscaling::horizontal_pod_autoscaler::kind,
    policy::pod_disruption_budget::kind,
    scheduling::priority_class::kind,
    metrics::node_metrics::kind,
    metrics::pod_metrics::kind,
];

static ALL: LazyLock<Vec<Kind>> = LazyLock::new(|| TABLE.iter().map(|kind| kind()).chain(forms::all()).collect());

/// Every built-in kind.
#[must_use]
pub fn all() -> &'static [Kind] {
    &ALL
}

/// The kind of a resource in the version that the store holds.
#[must_use]
pub fn stored(group: &str, plural: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.is_stored() && *kind.group == *group && *kind.plural == *plural)
}

/// Every kind in which what a kind stores is served: its versions, in all groups that have one.
pub fn versions(of: &Kind) -> impl Iterator<Item = &'static Kind> {
    let stored = of.stored_resource();
    all().iter().filter(move |kind| match &kind.conversion {
        Some(conversion) => conversion.stored == stored,
        None => kind.group == stored.group && kind.plural == stored.plural,
    })
}

/// The kind behind a URL's group (empty for core), version and plural.
#[must_use]
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| *kind.group == *group && *kind.version == *version && *kind.plural == *plural)
}

/// The kind that an object's `apiVersion` (as group and version) and `kind` name.
#[must_use]
pub fn by_kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    all().iter().find(|one| *one.group == *group && *one.version == *version && *one.kind == *kind)
}

/// What most kinds share: namespaced, without short name, subresource or flag; the singular is the kind in lower case.
fn base(group: &str, kind: &str, plural: &str, strategy: &'static dyn Strategy) -> Kind {
    Kind {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: plural.into(),
        singular: kind.to_lowercase().into(),
        short: &[],
        categories: &[],
        scope: Scope::Namespaced,
        subresources: &[],
        columns: &[],
        selectable: &[],
        flags: Flags::default(),
        deprecated: None,
        schema: "",
        strategy,
        conversion: None,
    }
}

/// A column that is always shown.
const fn column(name: &'static str, kind: &'static str, description: &'static str) -> Column {
    Column { name, kind, format: "", description, priority: 0 }
}

/// A column of `-o wide`.
const fn wide(name: &'static str, kind: &'static str, description: &'static str) -> Column {
    Column { name, kind, format: "", description, priority: 1 }
}

const NAME: Column =
    Column { name: "Name", kind: "string", format: "name", description: "Name of the object.", priority: 0 };
/// What kinds without columns of their own show beside the name.
const CREATED_AT: Column = column("Created At", "date", "Time at which the object was created.");
const AGE: Column = column("Age", "string", "Time since the object was created.");

#[cfg(test)]
mod tests;
