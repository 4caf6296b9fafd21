//! An object as it is stored, watched and listed: wire bytes and a small header.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::Facts;
use crate::intern::share;
use crate::meta::{Key, Revision, Uid};

/// Canonical JSON of an object without `metadata.resourceVersion`, and the place where that goes.
///
/// `apiVersion` and `kind` come first and all other keys are sorted, so that two equal objects have equal bytes, and items of
/// a list need not say what the list says. A reader is given prefix, number and suffix; nothing is parsed on the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    bytes: Bytes,
    splice: u32,
}

/// Why a value cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStorable {
    /// The value is not a JSON object that has an object `metadata` with at least one field.
    #[error("cannot store a value without metadata")]
    NoMetadata,
    /// The encoded object is longer than [`Body::LENGTH_MAX`].
    #[error("cannot store an object of {0} bytes: the limit is {max}", max = Body::LENGTH_MAX)]
    TooLong(usize),
}

/// Fields that say what an object is.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

impl Body {
    /// Longest stored object, in bytes: etcd's default request limit, which Kubernetes users know.
    pub const LENGTH_MAX: usize = 1_572_864;

    /// Encodes an object; `metadata.resourceVersion` is left out wherever it stood.
    ///
    /// # Errors
    /// See [`NotStorable`].
    pub fn encode(object: &Value) -> Result<Self, NotStorable> {
        let fields = object.as_object().ok_or(NotStorable::NoMetadata)?;
        let mut out = Vec::with_capacity(1024);
        let mut splice = None;
        out.push(b'{');
        let first = TYPE.iter().filter_map(|name| fields.get_key_value(*name));
        let rest = fields.iter().filter(|(name, _)| !TYPE.contains(&name.as_str()));
        for (nth, (name, value)) in first.chain(rest).enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            write_json(&mut out, name);
            out.push(b':');
            if name == "metadata" {
                let meta = value.as_object().ok_or(NotStorable::NoMetadata)?;
                out.push(b'{');
                splice = Some(out.len());
                for (nth, (name, value)) in meta.iter().filter(|(name, _)| *name != "resourceVersion").enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    write_json(&mut out, name);
                    out.push(b':');
                    write_json(&mut out, value);
                }
                if splice == Some(out.len()) {
                    return Err(NotStorable::NoMetadata);
                }
                out.push(b'}');
            } else {
                write_json(&mut out, value);
            }
        }
        out.push(b'}');
        if out.len() > Self::LENGTH_MAX {
            return Err(NotStorable::TooLong(out.len()));
        }
        let splice = splice.and_then(|at| u32::try_from(at).ok()).ok_or(NotStorable::NoMetadata)?;
        // It is kept for long: exactly as large as it is.
        Ok(Self { bytes: out.into_boxed_slice().into(), splice })
    }

    /// The bytes before and after the place where `"resourceVersion":"N",` goes.
    #[must_use]
    pub fn halves(&self) -> (Bytes, Bytes) {
        let at = self.splice as usize;
        (self.bytes.slice(..at), self.bytes.slice(at..))
    }

    /// Appends the object as a client sees it at this revision.
    pub fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let at = self.splice as usize;
        out.extend_from_slice(&self.bytes[..at]);
        out.extend_from_slice(revision_member(revision).as_bytes());
        out.extend_from_slice(&self.bytes[at..]);
    }

    /// The text between the braces of `metadata`, without the revision: found by looking for its end, without parsing what is
    /// in it. `None` when the stored bytes are damaged.
    #[must_use]
    pub fn metadata(&self) -> Option<&[u8]> {
        let text = self.bytes.get(self.splice as usize..)?;
        let (mut depth, mut quoted, mut escaped) = (1_u32, false, false);
        let end = text.iter().position(|byte| {
            match (byte, quoted) {
                (b'"', _) if !escaped => quoted = !quoted,
                (b'{', false) => depth += 1,
                (b'}', false) => depth -= 1,
                _ => {}
            }
            escaped = *byte == b'\\' && quoted && !escaped;
            depth == 0
        })?;
        text.get(..end)
    }

    /// Appends the object as it stands in a list of its kind: without `apiVersion` and `kind`, as Kubernetes writes it.
    pub fn write_item(&self, revision: Revision, out: &mut Vec<u8>) {
        let start = out.len();
        self.write(revision, out);
        let said = after_type(&out[start..]);
        // The brace stays.
        out.drain(start + 1..start + said);
    }

    /// Stored length, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: an encoded object has at least its metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Parses the stored bytes.
    ///
    /// # Errors
    /// When the bytes are not JSON, which means that the store is damaged.
    pub fn decode<T: for<'de> Deserialize<'de>>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }
}

/// The revision as it stands in `metadata` before other fields. An object that was never stored has none.
#[must_use]
pub fn revision_member(revision: Revision) -> String {
    if revision == Revision::ZERO { String::new() } else { format!("\"resourceVersion\":\"{revision}\",") }
}

/// Where the fields begin that follow `apiVersion` and `kind`; right behind the brace when those are not there. Neither has
/// anything in it that JSON escapes.
fn after_type(object: &[u8]) -> usize {
    let mut at = 1;
    for name in TYPE {
        let lead = format!("\"{name}\":\"");
        let Some(rest) = object.get(at..).and_then(|rest| rest.strip_prefix(lead.as_bytes())) else { break };
        let Some(end) = rest.windows(2).position(|two| two == b"\",") else { break };
        at += lead.len() + end + 2;
    }
    at
}

fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    #[allow(
        clippy::expect_used,
        reason = "a Vec does not fail to be written, and names and values of JSON are serialisable"
    )]
    serde_json::to_writer(out, value).expect("JSON written to memory");
}

/// An owner as it stands in `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRef {
    /// Owner's uid.
    pub uid: Uid,
    /// `apiVersion` of the owner.
    pub api_version: Arc<str>,
    /// `kind` of the owner.
    pub kind: Arc<str>,
    /// Owner's name, in the same namespace or cluster-scoped.
    pub name: Arc<str>,
    /// Whether this owner manages the object.
    pub controller: bool,
    /// Whether the object holds back a foreground deletion of the owner.
    pub block_owner_deletion: bool,
}

/// What the proposing server extracts from an object once, so that readers and decisions need not parse it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.labels`, sorted by key.
    pub labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// `metadata.ownerReferences`.
    pub owners: Arc<[OwnerRef]>,
    /// Values of the kind's selectable fields beyond name and namespace, e.g. `("spec.nodeName", "n1")`.
    pub fields: Arc<[(Arc<str>, Arc<str>)]>,
    /// `metadata.deletionTimestamp` in seconds since 1970, when deletion has begun.
    pub deletion: Option<i64>,
    /// Whether `metadata.finalizers` is not empty.
    pub finalizers: bool,
    /// What decisions read.
    pub facts: Facts,
}

impl Header {
    /// Puts texts that others have already in place of its own: for a header that was just read.
    pub fn share(&mut self) {
        let pairs = [&mut self.labels, &mut self.fields].into_iter().filter_map(Arc::get_mut).flatten();
        pairs.flat_map(|(key, value)| [key, value]).for_each(share);
        let owners = Arc::get_mut(&mut self.owners).into_iter().flatten();
        owners.flat_map(|owner| [&mut owner.api_version, &mut owner.kind, &mut owner.name]).for_each(share);
        if let Facts::Pod(facts) = &mut self.facts {
            [&mut facts.node, &mut facts.scheduler, &mut facts.template_hash].into_iter().flatten().for_each(share);
        }
    }
}

/// One object at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lives.
    pub key: Key,
    /// The revision of the write that made this state.
    pub revision: Revision,
    /// Extracted facts.
    pub header: Header,
    /// Wire bytes.
    pub body: Body,
}

impl Record {
    /// The object as JSON text, with its resource version.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 40);
        self.body.write(self.revision, &mut out);
        out
    }

    /// The object as a value, with its resource version. Costs a parse; do not keep the result.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        let mut value: Value = self.body.decode()?;
        if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("resourceVersion".into(), self.revision.to_string().into());
        }
        Ok(value)
    }

    /// The object as a typed struct, without its resource version.
    ///
    /// # Errors
    /// When the stored bytes do not fit the type.
    pub fn decode<T: for<'de> Deserialize<'de>>(&self) -> Result<T, serde_json::Error> {
        self.body.decode()
    }

    /// Value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.header.labels.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }

    /// The owner that manages this object.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerRef> {
        self.header.owners.iter().find(|owner| owner.controller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_gives_the_object_back_with_the_revision_in_its_metadata() {
        let object =
            json!({"kind": "A", "data": {"metadata": {"x": 1}}, "metadata": {"name": "a", "resourceVersion": "7"}});
        let body = Body::encode(&object).unwrap();
        let mut out = Vec::new();
        body.write(Revision(12), &mut out);
        let back: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            back,
            json!({"kind": "A", "data": {"metadata": {"x": 1}}, "metadata": {"name": "a", "resourceVersion": "12"}})
        );
    }

    #[test]
    fn metadata_is_found_whatever_is_in_it() {
        let object = json!({"a": "{", "metadata": {"annotations": {"x": "}\\\"{"}, "name": "a"}, "spec": {"b": 1}});
        let body = Body::encode(&object).unwrap();
        let text = [b"{", body.metadata().unwrap(), b"}"].concat();
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), object["metadata"]);
    }

    #[test]
    fn an_item_of_a_list_does_not_say_what_it_is() {
        let check = |object: &Value, item: &str| {
            let mut out = b"[".to_vec();
            Body::encode(object).unwrap().write_item(Revision(7), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("[{item}"));
        };
        let object = json!({"apiVersion": "v1", "data": {"a": "b"}, "kind": "ConfigMap", "metadata": {"name": "a"}});
        check(&object, r#"{"data":{"a":"b"},"metadata":{"resourceVersion":"7","name":"a"}}"#);
        check(&json!({"metadata": {"name": "a"}}), r#"{"metadata":{"resourceVersion":"7","name":"a"}}"#);
    }

    #[test]
    fn a_value_without_metadata_is_refused() {
        assert_eq!(Body::encode(&json!({"kind": "A"})), Err(NotStorable::NoMetadata));
        assert_eq!(Body::encode(&json!({"metadata": {"resourceVersion": "1"}})), Err(NotStorable::NoMetadata));
    }
}
