//! What the rules of one part of a pod's spec need to know of the others.

use std::collections::BTreeSet;

use crate::field::Field;

use super::volume::Volumes;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Context<'a> {
    /// Whether it is the spec of a Pod itself, not of a template for Pods.
    pub(super) is_pod: bool,
    /// Volumes that containers may mount.
    pub(super) volumes: Volumes<'a>,
    /// Names of claims to devices that containers may use.
    pub(super) claims: BTreeSet<&'a str>,
    /// Seconds that the pod has to stop, when they are given and make sense.
    pub(super) grace: Option<i64>,
    /// Whether users in the pod are those of the host.
    pub(super) host_users: bool,
    /// When containers are started again.
    pub(super) restart: &'a str,
}

impl<'a> Context<'a> {
    /// Reads a spec whose volumes are known.
    pub(super) fn of(spec: &Field<'a>, volumes: Volumes<'a>, is_pod: bool) -> Self {
        let claims = spec.at("resourceClaims").items().map(|claim| claim.at("name").text());
        Self {
            is_pod,
            volumes,
            claims: claims.filter(|name| !name.is_empty()).collect(),
            grace: spec.at("terminationGracePeriodSeconds").integer(),
            host_users: *spec.at("hostUsers").value != false,
            restart: spec.at("restartPolicy").text(),
        }
    }
}
