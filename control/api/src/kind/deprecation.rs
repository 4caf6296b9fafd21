//! That a version of a kind goes.

use super::Kind;

/// Since when a version of a kind goes, and what to use instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Minor version of Kubernetes 1 since which it goes.
    pub since: u8,
    /// The one from which on Kubernetes does not have it.
    pub until: Option<u8>,
    /// What to use.
    pub instead: Instead,
}

/// What takes the place of a version of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Nothing.
    Nothing,
    /// The version that is stored.
    Stored,
    /// Group, version and kind, e.g. `discovery.k8s.io/v1 EndpointSlice`.
    Other(&'static str),
}

impl Kind {
    /// What everybody who uses the kind is warned of, in the words of Kubernetes.
    #[must_use]
    pub fn deprecation(&self) -> Option<String> {
        let Deprecation { since, until, instead } = self.deprecated?;
        let mut text = format!("{} {} is deprecated in v1.{since}+", self.api_version(), self.kind);
        if let Some(minor) = until {
            text += &format!(", unavailable in v1.{minor}+");
        }
        match (instead, &self.conversion) {
            (Instead::Nothing, _) | (Instead::Stored, None) => {}
            (Instead::Stored, Some(conversion)) => text += &format!("; use {} {}", conversion.api_version, self.kind),
            (Instead::Other(other), _) => text += &format!("; use {other}"),
        }
        Some(text)
    }
}
