//! The part of a pod's specification that can be resized.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use serde::{Deserialize, Serialize};

use crate::given::Given;
use crate::policy;

/// Resources by container: of the containers proper and of the sidecars, the others end before anybody could resize them.
pub(crate) type Shares = BTreeMap<String, Given>;

/// What is written down about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What its containers may have.
    pub(super) allocated: Shares,
    /// What they still have instead.
    pub(super) lagging: Shares,
}

/// The containers that can be resized.
pub(crate) fn resizable(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    policy::init(spec).iter().filter(|init| policy::is_sidecar(init)).chain(&spec.containers)
}

/// What a specification asks for.
pub(crate) fn shares(pod: &Pod) -> Shares {
    let spec = pod.spec.iter();
    spec.flat_map(resizable).map(|container| (container.name.clone(), Given::asked(container))).collect()
}

/// The pod as if it asked for what it was promised.
pub(crate) fn as_allocated(pod: &Arc<Pod>, shares: &Shares) -> Arc<Pod> {
    let differs =
        |container: &Container| shares.get(&container.name).is_some_and(|share| *share != Given::asked(container));
    if !pod.spec.iter().flat_map(resizable).any(differs) {
        return Arc::clone(pod);
    }
    let mut allocated = Pod::clone(pod);
    if let Some(spec) = &mut allocated.spec {
        let all = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
        for container in all.filter(|container| differs(container)) {
            if let Some(share) = shares.get(&container.name) {
                share.put(container.resources.get_or_insert_default());
            }
        }
    }
    Arc::new(allocated)
}
