//! Credentials as Docker keeps them: `config.json` of `docker login`, and Secrets of type `kubernetes.io/dockerconfigjson`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::pull::Credentials;

/// Credentials by registry.
#[derive(Debug, Deserialize)]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    username: Option<String>,
    password: Option<String>,
    auth: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("username", &self.username).finish_non_exhaustive()
    }
}

impl DockerConfig {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no JSON of that form.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Those for a registry, `HOST[:PORT]`. Names may be addresses, as older clients wrote them.
    #[must_use]
    pub fn credentials(&self, registry: &str) -> Option<Credentials> {
        let (_, auth) = self.auths.iter().find(|(name, _)| host(name) == host(registry))?;
        if let (Some(username), Some(password)) = (&auth.username, &auth.password) {
            return Some(Credentials { username: username.clone(), password: password.clone() });
        }
        let text = String::from_utf8(STANDARD.decode(auth.auth.as_ref()?).ok()?).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Credentials { username: username.to_owned(), password: password.to_owned() })
    }
}

/// The host of a registry's name or address. Docker's own has two names.
fn host(name: &str) -> &str {
    let name = name.trim_start_matches("https://").trim_start_matches("http://");
    match name.split('/').next().unwrap_or_default() {
        "index.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests assert")]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_found_under_its_names() {
        let text = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YTpiOmM="},
            "registry.example.com:5000": {"username": "u", "password": "p"},
            "broken.example.com": {"auth": "!"}
        }}"#;
        let config = DockerConfig::parse(text.as_bytes()).unwrap();
        let of = |registry: &str| config.credentials(registry).map(|found| (found.username, found.password));
        assert_eq!(of("docker.io"), Some(("a".to_owned(), "b:c".to_owned())));
        assert_eq!(of("registry.example.com:5000"), Some(("u".to_owned(), "p".to_owned())));
        assert_eq!(of("registry.example.com"), None);
        assert_eq!(of("broken.example.com"), None);
        assert!(DockerConfig::parse(b"{}").unwrap().credentials("docker.io").is_none());
    }
}
