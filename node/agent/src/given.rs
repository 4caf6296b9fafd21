//! The resources that a running container was given, as the API writes them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Serialize};

/// Requests and limits by resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    requests: BTreeMap<String, String>,
    limits: BTreeMap<String, String>,
}

impl Given {
    /// What a specification asks for.
    pub(crate) fn asked(container: &Container) -> Self {
        container.resources.as_ref().map(Self::from).unwrap_or_default()
    }

    /// `status.containerStatuses[].resources`; none when nothing was asked for.
    pub(crate) fn written(&self) -> Option<ResourceRequirements> {
        if self.requests.is_empty() && self.limits.is_empty() {
            return None;
        }
        Some(ResourceRequirements {
            requests: self.requests(),
            limits: (!self.limits.is_empty()).then(|| quantities(&self.limits)),
            ..ResourceRequirements::default()
        })
    }

    /// Writes them into a specification.
    pub(crate) fn put(&self, resources: &mut ResourceRequirements) {
        resources.requests = self.requests();
        resources.limits = (!self.limits.is_empty()).then(|| quantities(&self.limits));
    }

    /// The limit of a resource.
    pub(crate) fn limit(&self, resource: &str) -> Option<&str> {
        self.limits.get(resource).map(String::as_str)
    }

    /// `status.containerStatuses[].allocatedResources`.
    pub(crate) fn requests(&self) -> Option<BTreeMap<String, Quantity>> {
        (!self.requests.is_empty()).then(|| quantities(&self.requests))
    }

    /// Resources in which this differs from what was given before.
    pub(crate) fn changed<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a str> {
        let names =
            [&self.requests, &self.limits, &before.requests, &before.limits].into_iter().flat_map(BTreeMap::keys);
        let differs = |name: &&String| {
            self.requests.get(*name) != before.requests.get(*name) || self.limits.get(*name) != before.limits.get(*name)
        };
        names.filter(differs).map(String::as_str)
    }
}

impl From<&ResourceRequirements> for Given {
    fn from(resources: &ResourceRequirements) -> Self {
        let texts = |amounts: &Option<BTreeMap<String, Quantity>>| {
            amounts.iter().flatten().map(|(name, amount)| (name.clone(), amount.0.clone())).collect()
        };
        Self { requests: texts(&resources.requests), limits: texts(&resources.limits) }
    }
}

fn quantities(amounts: &BTreeMap<String, String>) -> BTreeMap<String, Quantity> {
    amounts.iter().map(|(name, amount)| (name.clone(), Quantity(amount.clone()))).collect()
}
