//! What bytes on disk mean: our own versioned forms, never a dump of a library's types.
//!
//! Every value is sealed as `version: u8`, `crc32 of version and content: u32 LE`, content in postcard. A form that changes
//! raises its version and keeps the reader of the versions in its range.
//!
//! | form | where | version | readers | content |
//! |---|---|---|---|---|
//! | directory | `format` | 1 | 1 | text: `bireme store format 1` |
//! | log entry | `raft.redb`, table `entries`: index → | 1 | 1 | [`Entry`] |
//! | log ballot | `raft.redb`, table `meta`: `ballot` | 1 | 1 | [`Ballot`] |
//! | log position | `raft.redb`, table `meta`: `committed`, `purged` | 1 | 1 | [`Position`] |
//! | command | inside a log entry | 1 (byte in front) | 1 | [`crate::command::Command`] |
//! | record | `state.redb`, table `objects`: key → | 1 | 1 | [`StoredRecord`]; holds `api::facts::VERSION` |
//! | past | `state.redb`, table `history`: (revision, nth) → | 1 | 1 | [`StoredPast`] |
//! | request | `state.redb`, table `requests`: number → | 1 | 1 | [`StoredRequest`] |
//! | summary | `state.redb`, table `meta`: `summary` | 1 | 1 | [`Summary`] |

use api::meta::{Epoch, Key, Revision};
use api::record::{Body, Header, Record};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::history::Limits;

/// A form of bytes on disk and the versions that this release reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    name: &'static str,
    oldest: u8,
    newest: u8,
}

pub(crate) const LOG_ENTRY: Form = Form { name: "log entry", oldest: 1, newest: 1 };
pub(crate) const LOG_META: Form = Form { name: "log position", oldest: 1, newest: 1 };
pub(crate) const RECORD: Form = Form { name: "record", oldest: 1, newest: 1 };
pub(crate) const PAST: Form = Form { name: "past", oldest: 1, newest: 1 };
pub(crate) const REQUEST: Form = Form { name: "request", oldest: 1, newest: 1 };
pub(crate) const SUMMARY: Form = Form { name: "summary", oldest: 1, newest: 1 };

/// Version byte of the command inside a log entry.
const COMMAND: u8 = 1;

/// Version and checksum in front of the content.
const SEAL_LENGTH: usize = 5;

/// Why bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// Another version.
    #[error("a {form} of version {found}, this release reads {oldest} to {newest}")]
    Version { form: &'static str, found: u8, oldest: u8, newest: u8 },
    /// The checksum does not fit.
    #[error("a {form} with a wrong checksum")]
    Checksum { form: &'static str },
    /// The checksum fits, the content does not.
    #[error("a {form} that cannot be decoded: {source}")]
    Content { form: &'static str, source: postcard::Error },
    /// Decoded, but no membership.
    #[error("members that are none: {why}")]
    Members { why: String },
}

impl From<FormatError> for std::io::Error {
    fn from(error: FormatError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// Encodes a value in the newest version of its form.
pub(crate) fn seal<T: Serialize>(form: Form, value: &T) -> Result<Vec<u8>, FormatError> {
    let mut front = Vec::with_capacity(256);
    front.extend_from_slice(&[form.newest, 0, 0, 0, 0]);
    let mut sealed =
        postcard::to_extend(value, front).map_err(|source| FormatError::Content { form: form.name, source })?;
    let checksum = checksum(&sealed).to_le_bytes();
    sealed[1..SEAL_LENGTH].copy_from_slice(&checksum);
    Ok(sealed)
}

/// Decodes a value in any version of its form that this release reads.
pub(crate) fn unseal<T: DeserializeOwned>(form: Form, sealed: &[u8]) -> Result<T, FormatError> {
    let Some((front, content)) = sealed.split_at_checked(SEAL_LENGTH) else {
        return Err(FormatError::Checksum { form: form.name });
    };
    if checksum(sealed).to_le_bytes() != front[1..] {
        return Err(FormatError::Checksum { form: form.name });
    }
    let found = front[0];
    if !(form.oldest..=form.newest).contains(&found) {
        return Err(FormatError::Version { form: form.name, found, oldest: form.oldest, newest: form.newest });
    }
    postcard::from_bytes(content).map_err(|source| FormatError::Content { form: form.name, source })
}

/// Over all but the checksum itself.
fn checksum(sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sealed[..1]);
    hasher.update(&sealed[SEAL_LENGTH..]);
    hasher.finalize()
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

/// Whom this member has voted for, and whether that one was elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ballot {
    pub(crate) term: u64,
    pub(crate) member: u64,
    pub(crate) elected: bool,
}

/// Who belongs to the cluster, and since which entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Members {
    pub(crate) since: Option<Position>,
    /// Sets of voters; two while the membership changes.
    pub(crate) voters: Vec<Vec<u64>>,
    /// Address of every member, voter or learner.
    pub(crate) addresses: Vec<(u64, String)>,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: Position,
    pub(crate) payload: Payload,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Payload {
    /// A leader begins.
    Blank,
    /// [`encode_command`].
    Command(Bytes),
    /// The cluster's members.
    Members(Members),
}

/// A command as it stands in a log entry: its own version byte, then postcard. The entry's seal holds the checksum.
pub(crate) fn encode_command(command: &Command) -> Result<Bytes, FormatError> {
    let encoded = postcard::to_extend(command, vec![COMMAND]);
    Ok(encoded.map_err(|source| FormatError::Content { form: "command", source })?.into())
}

/// Reads what [`encode_command`] wrote.
pub(crate) fn decode_command(encoded: &[u8]) -> Result<Command, FormatError> {
    match encoded.split_first() {
        Some((&COMMAND, content)) => {
            postcard::from_bytes(content).map_err(|source| FormatError::Content { form: "command", source })
        }
        Some((&found, _)) => Err(FormatError::Version { form: "command", found, oldest: COMMAND, newest: COMMAND }),
        None => Err(FormatError::Checksum { form: "command" }),
    }
}

/// An object, without its key where the key is the table's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredRecord {
    facts_version: u8,
    revision: Revision,
    header: Header,
    body: Body,
}

impl StoredRecord {
    pub(crate) fn new(record: &Record) -> Self {
        let (revision, header, body) = (record.revision, record.header.clone(), record.body.clone());
        Self { facts_version: api::facts::VERSION, revision, header, body }
    }

    /// The record of that key.
    ///
    /// # Errors
    /// When its facts are of another version than this release reads.
    pub(crate) fn into_record(mut self, key: Key) -> Result<Record, FormatError> {
        let newest = api::facts::VERSION;
        if self.facts_version != newest {
            return Err(FormatError::Version { form: "fact", found: self.facts_version, oldest: newest, newest });
        }
        self.header.share();
        Ok(Record { key, revision: self.revision, header: self.header, body: self.body })
    }
}

/// An event as the state before it: newest first, these undo the objects step by step, so no state is stored twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredPast {
    pub(crate) key: Key,
    /// `None` when the event created the object.
    pub(crate) before: Option<StoredRecord>,
}

/// A request that was applied.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct StoredRequest {
    pub(crate) request: u128,
    pub(crate) revision: Revision,
}

/// What the checkpoint says beside objects, history and requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Random, made with the cluster.
    pub(crate) cluster: u128,
    /// This member's id; never used again once the directory is gone.
    pub(crate) member: u64,
    /// The entry up to which everything is in the checkpoint.
    pub(crate) applied: Option<Position>,
    pub(crate) members: Members,
    pub(crate) revision: Revision,
    pub(crate) epoch: Epoch,
    /// Everything after this revision is in the history.
    pub(crate) history_floor: Revision,
    pub(crate) history_limits: Limits,
    pub(crate) requests_max: u64,
    pub(crate) requests_forgotten: u64,
}

impl Summary {
    /// Before anything has happened.
    pub(crate) fn of_nothing(history_limits: Limits, requests_max: u64) -> Self {
        Self {
            cluster: 0,
            member: 0,
            applied: None,
            members: Members::default(),
            revision: Revision::ZERO,
            epoch: Epoch::default(),
            history_floor: Revision::ZERO,
            history_limits,
            requests_max,
            requests_forgotten: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_comes_back_and_a_damaged_one_is_refused() {
        let at = Position { term: 3, index: 7 };
        let sealed = seal(LOG_META, &at).unwrap();
        assert_eq!(unseal::<Position>(LOG_META, &sealed), Ok(at));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Position>(LOG_META, &damaged).is_err(), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(unseal::<Position>(LOG_META, &sealed[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let next = Form { name: "log position", oldest: 1, newest: 2 };
        let sealed = seal(next, &Position { term: 1, index: 1 }).unwrap();
        let error = unseal::<Position>(LOG_META, &sealed).unwrap_err();
        assert_eq!(error.to_string(), "a log position of version 2, this release reads 1 to 1");
    }
}
