//! Image references: `registry/repository:tag@digest` with Docker's shorthands.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// A parsed reference, normalised: registry and repository are always there, and a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    inner: oci_distribution::Reference,
    digest: Option<Digest>,
}

/// Text that is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an image reference ({why}): want [registry/]repository[:tag][@sha256:…]")]
pub struct NotAReference {
    text: String,
    why: String,
}

impl Reference {
    /// Host and port of the registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.inner.resolve_registry()
    }

    /// Repository in the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.inner.repository()
    }

    /// Tag; `latest` when neither tag nor digest was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.inner.tag()
    }

    /// Digest, when the reference pins one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository by digest.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> Self {
        let registry = self.inner.registry().to_owned();
        let inner =
            oci_distribution::Reference::with_digest(registry, self.inner.repository().to_owned(), digest.to_string());
        Self { inner, digest: Some(digest.clone()) }
    }

    /// Whether the registry is on this machine, where plain HTTP is used as Docker does.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let registry = self.registry();
        let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host).trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn inner(&self) -> &oci_distribution::Reference {
        &self.inner
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let not = |why: String| NotAReference { text: text.into(), why };
        let inner: oci_distribution::Reference =
            text.parse().map_err(|cause: oci_distribution::ParseError| not(cause.to_string()))?;
        // The library lets capitals through; the specification and every registry refuse them.
        if inner.repository().bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(not("the repository must be lower-case".into()));
        }
        let digest = inner.digest().map(str::parse).transpose();
        let digest = digest.map_err(|cause: crate::digest::NotADigest| not(cause.to_string()))?;
        Ok(Self { inner, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthands_are_written_out() {
        let reference: Reference = "nginx".parse().unwrap();
        assert_eq!((reference.repository(), reference.tag()), ("library/nginx", Some("latest")));
        let local: Reference = "127.0.0.1:5000/hello:1".parse().unwrap();
        assert_eq!((local.registry(), local.repository(), local.tag()), ("127.0.0.1:5000", "hello", Some("1")));
        assert!(local.is_loopback());
        assert!(!reference.is_loopback());
    }

    #[test]
    fn nonsense_is_refused_with_the_wanted_form() {
        for bad in ["", "UPPER/case", "a b", "x@sha256:12"] {
            let error = bad.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains("want [registry/]repository"), "{error}");
        }
    }
}
