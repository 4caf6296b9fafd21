//! The environment of a container.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVarSource};

use crate::policy;
use crate::spec::expand::expand;
use crate::spec::fields::{self, Context};
use crate::spec::{ConfigError, Material};

/// Variables in order: what `envFrom` brings, then `env`, then the Services that neither names.
pub(super) fn environment(
    context: &Context<'_>,
    container: &Container,
    material: &Material,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut env = Variables::default();
    for source in container.env_from.iter().flatten() {
        for (name, value) in bulk(context, source, material)? {
            env.set(name, value);
        }
    }
    let services: BTreeMap<&str, &str> =
        material.services.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for variable in container.env.iter().flatten() {
        let known = |name: &str| env.get(name).or_else(|| services.get(name).map(|value| (*value).to_owned()));
        let value = match &variable.value_from {
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), known)),
            Some(source) => single(context, container, source, material)?,
        };
        if let Some(value) = value {
            env.set(variable.name.clone(), value);
        }
    }
    for (name, value) in &material.services {
        if env.get(name).is_none() {
            env.set(name.clone(), value.clone());
        }
    }
    Ok(env.0)
}

/// Variables in the order in which they were first set.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl Variables {
    fn set(&mut self, name: String, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name, value)),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// All keys of a `ConfigMap` or Secret. Keys that are no variable names are left out.
fn bulk(
    context: &Context<'_>,
    source: &EnvFromSource,
    material: &Material,
) -> Result<Vec<(String, String)>, ConfigError> {
    let prefix = source.prefix.as_deref().unwrap_or_default();
    let mut variables = Vec::new();
    let mut add = |key: &str, value: String| {
        let name = format!("{prefix}{key}");
        if !name.is_empty() && !name.contains(['=', '\0']) {
            variables.push((name, value));
        }
    };
    if let Some(reference) = &source.config_map_ref {
        let map = object(&material.config_maps, &reference.name);
        if let Some(map) = required(map, reference.optional, || ConfigError::ConfigMap(reference.name.clone()))? {
            map.data.iter().flatten().for_each(|(key, value)| add(key, value.clone()));
        }
    }
    if let Some(reference) = &source.secret_ref {
        let secret = object(&material.secrets, &reference.name);
        if let Some(secret) = required(secret, reference.optional, || ConfigError::Secret(reference.name.clone()))? {
            for (key, value) in secret.data.iter().flatten() {
                add(key, text(context, &reference.name, key, &value.0)?);
            }
        }
    }
    Ok(variables)
}

/// One value; `None` when it is optional and absent.
fn single(
    context: &Context<'_>,
    container: &Container,
    source: &EnvVarSource,
    material: &Material,
) -> Result<Option<String>, ConfigError> {
    if let Some(selector) = &source.field_ref {
        return fields::field(context, selector).map(Some);
    }
    if let Some(selector) = &source.resource_field_ref {
        return fields::resource(context, Some(container), selector).map(Some);
    }
    let missing = |kind, key: &str, name: &str| ConfigError::Key {
        key: key.to_owned(),
        kind,
        namespace: policy::namespace(context.pod).to_owned(),
        name: name.to_owned(),
    };
    if let Some(selector) = &source.config_map_key_ref {
        let (name, key) = (&selector.name, &selector.key);
        let map =
            required(object(&material.config_maps, name), selector.optional, || ConfigError::ConfigMap(name.clone()))?;
        let Some(map) = map else { return Ok(None) };
        let value = map.data.as_ref().and_then(|data| data.get(key)).cloned();
        return required(value, selector.optional, || missing("ConfigMap", key, name));
    }
    if let Some(selector) = &source.secret_key_ref {
        let (name, key) = (&selector.name, &selector.key);
        let secret =
            required(object(&material.secrets, name), selector.optional, || ConfigError::Secret(name.clone()))?;
        let Some(secret) = secret else { return Ok(None) };
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        let Some(value) = required(value, selector.optional, || missing("Secret", key, name))? else { return Ok(None) };
        return text(context, name, key, &value.0).map(Some);
    }
    Ok(None)
}

/// A variable is text for the kernel only up to a zero byte, and for Wasm only when it is UTF-8.
fn text(context: &Context<'_>, name: &str, key: &str, value: &[u8]) -> Result<String, ConfigError> {
    String::from_utf8(value.to_vec()).map_err(|_| ConfigError::Reference {
        field: format!("key {key} of Secret {}/{name}", policy::namespace(context.pod)),
        why: "the value is not text, which an environment variable has to be; mount it as a file".to_owned(),
    })
}

fn object<'a, T>(objects: &'a BTreeMap<String, Option<std::sync::Arc<T>>>, name: &str) -> Option<&'a T> {
    objects.get(name).and_then(Option::as_deref)
}

fn required<T>(
    value: Option<T>,
    optional: Option<bool>,
    error: impl FnOnce() -> ConfigError,
) -> Result<Option<T>, ConfigError> {
    match value {
        Some(value) => Ok(Some(value)),
        None if optional == Some(true) => Ok(None),
        None => Err(error()),
    }
}
