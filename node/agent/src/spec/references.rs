//! Which objects of its namespace a pod refers to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};

/// Names of objects that a pod needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// `ConfigMap`s.
    pub config_maps: BTreeSet<String>,
    /// Secrets.
    pub secrets: BTreeSet<String>,
}

/// What volumes refer to.
pub(crate) fn of_volumes(spec: &PodSpec) -> References {
    let mut found = References::default();
    spec.volumes.iter().flatten().for_each(|volume| found.volume(volume));
    found
}

/// What a container's environment refers to.
pub(crate) fn of_container(container: &Container) -> References {
    let mut found = References::default();
    for source in container.env_from.iter().flatten() {
        found.config_maps.extend(source.config_map_ref.iter().map(|reference| reference.name.clone()));
        found.secrets.extend(source.secret_ref.iter().map(|reference| reference.name.clone()));
    }
    for source in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
        found.config_maps.extend(source.config_map_key_ref.iter().map(|selector| selector.name.clone()));
        found.secrets.extend(source.secret_key_ref.iter().map(|selector| selector.name.clone()));
    }
    found
}

impl References {
    fn volume(&mut self, volume: &Volume) {
        self.config_maps.extend(volume.config_map.iter().map(|source| source.name.clone()));
        self.secrets.extend(volume.secret.iter().filter_map(|source| source.secret_name.clone()));
        let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
        for source in projected {
            self.config_maps.extend(source.config_map.iter().map(|source| source.name.clone()));
            self.secrets.extend(source.secret.iter().map(|source| source.name.clone()));
        }
    }
}
