//! The files of a volume: a pure function of its source and the objects it names.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use k8s_openapi::api::core::v1::DownwardAPIVolumeFile;

use crate::spec::Material;
use crate::spec::fields::{self, Context};
use crate::volumes::VolumeError;
use crate::volumes::source::{Keys, Part, permissions};

/// Files by their path below the volume.
pub(crate) type Payload = BTreeMap<String, Content>;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Bytes.
    pub bytes: Vec<u8>,
    /// Permissions.
    pub mode: u32,
}

/// Collects the files of a volume.
///
/// # Errors
/// When an object or key is missing, or a path leaves the volume.
pub(crate) fn payload(
    volume: &str,
    parts: &[Part],
    mode: u32,
    context: &Context<'_>,
    material: &Material,
) -> Result<Payload, VolumeError> {
    let mut collector = Collector { volume, mode, files: Payload::new() };
    for part in parts {
        match part {
            Part::ConfigMap(keys) => {
                let Some(map) = material.config_maps.get(&keys.name).and_then(Option::as_deref) else {
                    collector.missing(keys, "configmap")?;
                    continue;
                };
                let text = map.data.iter().flatten().map(|(key, value)| (key.as_str(), value.as_bytes()));
                let binary = map.binary_data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
                collector.keys(keys, &text.chain(binary).collect(), "config")?;
            }
            Part::Secret(keys) => {
                let Some(secret) = material.secrets.get(&keys.name).and_then(Option::as_deref) else {
                    collector.missing(keys, "secret")?;
                    continue;
                };
                let data = secret.data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
                collector.keys(keys, &data.collect(), "secret")?;
            }
            Part::Downward(items) => items.iter().try_for_each(|item| collector.downward(item, context))?,
            Part::Token { path, audience, .. } => {
                let token = material.tokens.get(audience);
                let token =
                    token.ok_or_else(|| VolumeError::refused(volume, "there is no token for the service account"))?;
                collector.add(path, token.as_bytes().to_vec(), mode)?;
            }
        }
    }
    Ok(collector.files)
}

struct Collector<'a> {
    volume: &'a str,
    mode: u32,
    files: Payload,
}

impl Collector<'_> {
    fn missing(&self, keys: &Keys, kind: &str) -> Result<(), VolumeError> {
        if keys.optional {
            return Ok(());
        }
        Err(VolumeError::refused(self.volume, format!("{kind} \"{}\" not found", keys.name)))
    }

    fn keys(&mut self, keys: &Keys, data: &BTreeMap<&str, &[u8]>, kind: &str) -> Result<(), VolumeError> {
        let Some(items) = &keys.items else {
            return data.iter().try_for_each(|(key, bytes)| self.add(key, bytes.to_vec(), self.mode));
        };
        for item in items {
            match data.get(item.key.as_str()) {
                Some(bytes) => {
                    let mode = item.mode.map_or(self.mode, |mode| permissions(Some(mode)));
                    self.add(&item.path, bytes.to_vec(), mode)?;
                }
                None if keys.optional => {}
                None => {
                    return Err(VolumeError::refused(
                        self.volume,
                        format!("references non-existent {kind} key: {}", item.key),
                    ));
                }
            }
        }
        Ok(())
    }

    fn downward(&mut self, item: &DownwardAPIVolumeFile, context: &Context<'_>) -> Result<(), VolumeError> {
        let value = match (&item.field_ref, &item.resource_field_ref) {
            (Some(selector), _) => fields::field(context, selector),
            (None, Some(selector)) => fields::resource(context, None, selector),
            (None, None) => Ok(String::new()),
        };
        let value = value.map_err(|error| VolumeError::refused(self.volume, error.to_string()))?;
        let mode = item.mode.map_or(self.mode, |mode| permissions(Some(mode)));
        self.add(&item.path, value.into_bytes(), mode)
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>, mode: u32) -> Result<(), VolumeError> {
        let inside = !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.starts_with("..") {
            return Err(VolumeError::refused(self.volume, format!("the path \"{path}\" leaves the volume")));
        }
        self.files.insert(path.to_owned(), Content { bytes, mode });
        Ok(())
    }
}
