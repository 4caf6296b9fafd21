//! What a volume is, parsed once.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use crate::amount;
use crate::volumes::VolumeError;
use crate::volumes::host_path::HostPathKind;

/// The API's default for `defaultMode`.
const MODE: u32 = 0o644;
/// The API's default for `serviceAccountToken.expirationSeconds`.
const TOKEN_SECONDS: i64 = 3600;

/// What a volume is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A directory that lives as long as the pod.
    EmptyDir {
        /// In memory.
        memory: bool,
        /// Largest size of one in memory, in bytes.
        limit: Option<u64>,
        /// Permissions.
        mode: u32,
    },
    /// A place of the node.
    HostPath {
        /// Where.
        path: PathBuf,
        /// What has to be there.
        kind: HostPathKind,
    },
    /// Files from the API.
    Files {
        /// Where they come from, later ones over earlier ones.
        parts: Vec<Part>,
        /// Permissions of those that name none.
        mode: u32,
        /// They hold secrets and never touch a disk.
        secret: bool,
    },
}

/// Where some files come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// Keys of a `ConfigMap`.
    ConfigMap(Keys),
    /// Keys of a Secret.
    Secret(Keys),
    /// The pod's own fields.
    Downward(Vec<DownwardAPIVolumeFile>),
    /// A token of the pod's service account.
    Token {
        /// File.
        path: String,
        /// For whom; the API server itself when empty.
        audience: String,
        /// Lifetime, in seconds.
        seconds: i64,
    },
}

/// Keys of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Keys {
    /// The object.
    pub name: String,
    /// Which keys, as which files; all of them under their own names when absent.
    pub items: Option<Vec<KeyToPath>>,
    /// Whether object and keys may be missing.
    pub optional: bool,
}

/// Parses a volume.
///
/// # Errors
/// When this node has no such volumes.
pub(crate) fn parse(volume: &Volume) -> Result<Source, VolumeError> {
    let files = |parts, mode: Option<i32>, secret| Source::Files { parts, mode: permissions(mode), secret };
    let keys = |name: &str, items: &Option<Vec<KeyToPath>>, optional: Option<bool>| Keys {
        name: name.to_owned(),
        items: items.clone().filter(|items| !items.is_empty()),
        optional: optional.unwrap_or(false),
    };
    if let Some(source) = &volume.config_map {
        let keys = keys(&source.name, &source.items, source.optional);
        return Ok(files(vec![Part::ConfigMap(keys)], source.default_mode, false));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        return Ok(files(vec![Part::Secret(keys(name, &source.items, source.optional))], source.default_mode, true));
    }
    if let Some(source) = &volume.downward_api {
        let items = source.items.clone().unwrap_or_default();
        return Ok(files(vec![Part::Downward(items)], source.default_mode, false));
    }
    if let Some(source) = &volume.projected {
        let parts: Vec<Part> = source
            .sources
            .iter()
            .flatten()
            .map(|projection| part(&volume.name, projection, &keys))
            .collect::<Result<_, _>>()?;
        let secret = parts.iter().any(|part| matches!(part, Part::Secret(_) | Part::Token { .. }));
        return Ok(files(parts, source.default_mode, secret));
    }
    if let Some(source) = &volume.host_path {
        let text = source.type_.as_deref().unwrap_or_default();
        let kind = HostPathKind::parse(text)
            .ok_or_else(|| VolumeError::refused(&volume.name, format!("hostPath.type {text} is unknown")))?;
        return Ok(Source::HostPath { path: PathBuf::from(&source.path), kind });
    }
    if let Some(source) = &volume.empty_dir {
        let medium = source.medium.as_deref().unwrap_or_default();
        return Ok(Source::EmptyDir {
            memory: medium == "Memory",
            limit: source.size_limit.as_ref().and_then(amount::whole).filter(|&limit| limit > 0),
            mode: 0o777,
        });
    }
    Err(VolumeError::refused(&volume.name, format!("this node has no volumes of type {}", unknown(volume))))
}

fn part(
    volume: &str,
    projection: &VolumeProjection,
    keys: &impl Fn(&str, &Option<Vec<KeyToPath>>, Option<bool>) -> Keys,
) -> Result<Part, VolumeError> {
    if let Some(source) = &projection.config_map {
        return Ok(Part::ConfigMap(keys(&source.name, &source.items, source.optional)));
    }
    if let Some(source) = &projection.secret {
        return Ok(Part::Secret(keys(&source.name, &source.items, source.optional)));
    }
    if let Some(source) = &projection.downward_api {
        return Ok(Part::Downward(source.items.clone().unwrap_or_default()));
    }
    if let Some(source) = &projection.service_account_token {
        return Ok(Part::Token {
            path: source.path.clone(),
            audience: source.audience.clone().unwrap_or_default(),
            seconds: source.expiration_seconds.unwrap_or(TOKEN_SECONDS),
        });
    }
    Err(VolumeError::refused(volume, "this node projects configMap, secret, downwardAPI and serviceAccountToken only"))
}

/// Permission bits of the API, which are validated to be at most 0777.
pub(super) fn permissions(mode: Option<i32>) -> u32 {
    mode.and_then(|mode| u32::try_from(mode).ok()).unwrap_or(MODE) & 0o777
}

/// The field that names the volume's type.
fn unknown(volume: &Volume) -> String {
    let fields = serde_json::to_value(volume).unwrap_or_default();
    let mut names = fields.as_object().into_iter().flat_map(|fields| fields.keys()).filter(|name| *name != "name");
    names.next().cloned().unwrap_or_else(|| "none".to_owned())
}
