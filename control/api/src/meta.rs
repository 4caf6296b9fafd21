//! Identifiers: what an object is called, which revision it has, which object it is.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A moment, in UTC. Always given as an argument; this crate never asks what time it is.
pub type Timestamp = jiff::Timestamp;

/// Identity of one object over its life; a re-created object of the same name has another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(Arc<str>);

impl Uid {
    /// Takes a uid as it stands in `metadata.uid`. Kubernetes treats it as opaque text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text as it stands in `metadata.uid`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Uid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The store's own counter: plus one for every transaction that changes something. Shown to clients as `resourceVersion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first write.
    pub const ZERO: Self = Self(0);

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Term of leadership under which one of our own components decided something. `apply` refuses an older one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A resource without its version: `{group: "apps", plural: "deployments"}`. The core group is the empty string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// API group; empty for core.
    pub group: Arc<str>,
    /// Plural, lower-case name as it stands in a URL.
    pub plural: Arc<str>,
}

impl Resource {
    /// Names a resource.
    #[must_use]
    pub fn new(group: &str, plural: &str) -> Self {
        Self { group: group.into(), plural: plural.into() }
    }

    /// Where the keys of this resource begin in key order: `group/plural/`.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.group, self.plural)
    }
}

/// `deployments.apps`, or `pods` for the core group, as messages to users name a resource.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(&self.plural) } else { write!(f, "{}.{}", self.plural, self.group) }
    }
}

/// Where an object lives: `group/plural/namespace/name`, in one allocation, ordered as text.
///
/// The namespace of a cluster-scoped object is empty. None of the four parts may contain `/`; [`Key::new`] is the only way to
/// make a key and refuses such parts, so prefixes of keys never match by accident.
#[derive(Clone)]
pub struct Key {
    text: Arc<str>,
    // Offsets of plural, namespace and name in `text`.
    plural: u16,
    namespace: u16,
    name: u16,
}

/// Why text is not a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot name an object by \"{text}\": want group/plural/namespace/name, at most {} bytes", Key::LENGTH_MAX)]
pub struct NotAKey {
    /// The text that was given.
    pub text: String,
}

impl Key {
    /// Longest key, in bytes: a group (253), a plural (63), a namespace (63), a name (253) and three slashes fit.
    pub const LENGTH_MAX: usize = 1024;

    /// Names an object.
    ///
    /// # Errors
    /// When a part holds `/`, when plural or name is empty, or when the whole is longer than [`Key::LENGTH_MAX`].
    pub fn new(resource: &Resource, namespace: &str, name: &str) -> Result<Self, NotAKey> {
        Self::parse(&format!("{}/{}/{namespace}/{name}", resource.group, resource.plural))
    }

    /// Reads the form that [`Key::as_str`] gives.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let not = || NotAKey { text: text.to_owned() };
        if text.len() > Self::LENGTH_MAX {
            return Err(not());
        }
        let mut slashes = text.match_indices('/').map(|(at, _)| at + 1);
        let (Some(plural), Some(namespace), Some(name), None) =
            (slashes.next(), slashes.next(), slashes.next(), slashes.next())
        else {
            return Err(not());
        };
        if namespace == plural + 1 || name == text.len() {
            return Err(not());
        }
        let offset = |at: usize| u16::try_from(at).map_err(|_| not());
        Ok(Self { text: text.into(), plural: offset(plural)?, namespace: offset(namespace)?, name: offset(name)? })
    }

    /// `group/plural/namespace/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// API group; empty for core.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.text[..usize::from(self.plural) - 1]
    }

    /// Plural, as in a URL.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.text[usize::from(self.plural)..usize::from(self.namespace) - 1]
    }

    /// Namespace; empty for a cluster-scoped object.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.text[usize::from(self.namespace)..usize::from(self.name) - 1]
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[usize::from(self.name)..]
    }

    /// The resource this object is of.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::new(self.group(), self.plural())
    }

    /// Whether this object is of the resource.
    #[must_use]
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group() == group && self.plural() == plural
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for Key {}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.text
    }
}
impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_parts_back() {
        let key = Key::new(&Resource::new("apps", "deployments"), "default", "web").unwrap();
        assert_eq!((key.group(), key.plural(), key.namespace(), key.name()), ("apps", "deployments", "default", "web"));
        let node = Key::new(&Resource::new("", "nodes"), "", "n1").unwrap();
        assert_eq!((node.group(), node.plural(), node.namespace(), node.name()), ("", "nodes", "", "n1"));
        assert_eq!(node.as_str(), "/nodes//n1");
    }

    #[test]
    fn a_part_with_a_slash_is_no_key() {
        let pods = Resource::new("", "pods");
        assert!(Key::new(&pods, "default", "a/b").is_err());
        assert!(Key::new(&pods, "de/fault", "a").is_err());
        assert!(Key::new(&pods, "default", "").is_err());
        assert!(Key::new(&Resource::new("", ""), "default", "a").is_err());
    }
}
