//! The table of differences: who asks, what must be there before, and where our answer is another one on purpose.

use json_patch::{Patch, PatchOperation};
use serde::Deserialize;
use serde_json::Value;

use crate::recording::{self, Pair, Request};

/// See `table.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Fields that we leave out wherever the recording has them.
    #[serde(default)]
    pub everywhere: Vec<Absent>,
    /// In the order of the pairs.
    pairs: Vec<Entry>,
    #[serde(skip)]
    default: Entry,
}

/// A field that was in old answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Name of the field.
    pub field: String,
    /// Only where it is null.
    #[serde(default)]
    null: bool,
    #[expect(dead_code, reason = "for readers of the table")]
    why: String,
}

/// What is to know about one pair.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    #[serde(default)]
    pair: String,
    /// Who asked.
    #[serde(default, rename = "as")]
    pub identity: Identity,
    /// Requests of an administrator that must have been answered.
    #[serde(default)]
    pub before: Vec<Request>,
    /// Which part is not there.
    pub excluded: Option<String>,
    /// Why the recorded body is no whole body; only status and headers are compared then.
    pub partial: Option<String>,
    /// What makes our answer out of the recorded one.
    #[serde(default)]
    differs: Vec<Change>,
    /// Lists of which only what both servers have is compared, in its order.
    #[serde(default)]
    pub common: Vec<Common>,
}

/// Who asked; the recording does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    #[default]
    Admin,
    /// Somebody who shows no credentials.
    NoCredentials,
    /// Somebody who is known to be nobody.
    Anonymous,
    /// A user without any right.
    Bob,
}

/// Changes of one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[expect(dead_code, reason = "for readers of the table")]
    why: String,
    /// RFC 6902, on `{status, headers, body}`.
    patch: Vec<PatchOperation>,
}

/// A list of which either server has members that the other one lacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    #[expect(dead_code, reason = "for readers of the table")]
    why: String,
    /// Where it is.
    path: String,
    /// Field that says which member is which; none when it is the member itself.
    by: Option<String>,
}

impl Common {
    /// Leaves in both answers what both have.
    ///
    /// # Errors
    /// There is no such list, or both have the same members.
    pub fn apply(&self, recorded: &mut Value, ours: &mut Value) -> Result<(), String> {
        let identity = |member: &Value| self.by.as_ref().map_or(member, |field| &member[field]).clone();
        let list = |answer: &Value| -> Result<Vec<Value>, String> {
            let list = answer.pointer(&self.path).and_then(Value::as_array);
            Ok(list.ok_or_else(|| format!("{} is no list", self.path))?.iter().map(identity).collect())
        };
        let (theirs, own) = (list(recorded)?, list(ours)?);
        let mut dropped = false;
        for (answer, others) in [(recorded, own), (ours, theirs)] {
            let list = answer.pointer_mut(&self.path).and_then(Value::as_array_mut).unwrap();
            let before = list.len();
            list.retain(|member| others.contains(&identity(member)));
            dropped |= list.len() < before;
        }
        if dropped { Ok(()) } else { Err(format!("both have the same {}", self.path)) }
    }
}

impl Table {
    /// Reads the table and checks that its entries are of pairs, in their order.
    pub fn read(pairs: &[Pair]) -> Self {
        let text = std::fs::read_to_string(recording::folder().join("table.yaml")).unwrap();
        let table: Self = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("table.yaml: {error}"));
        let mut known = pairs.iter();
        for entry in &table.pairs {
            assert!(known.any(|pair| pair.name == entry.pair), "table.yaml: {} is no pair or out of order", entry.pair);
        }
        table
    }

    /// The entry of a pair; an empty one when the table has none.
    pub fn entry(&self, pair: &Pair) -> &Entry {
        self.pairs.iter().find(|entry| entry.pair == pair.name).unwrap_or(&self.default)
    }

    /// The answer that we are to give. `used` notes which rules of [`Table::everywhere`] changed something.
    ///
    /// # Errors
    /// A change that changes nothing.
    pub fn expected(&self, pair: &Pair, entry: &Entry, used: &mut [bool]) -> Result<Value, String> {
        let mut answer = pair.answer.clone();
        for (rule, used) in self.everywhere.iter().zip(used) {
            *used |= remove(&mut answer["body"], rule);
        }
        for operation in entry.differs.iter().flat_map(|change| &change.patch) {
            let before = answer.clone();
            let one = Patch(vec![operation.clone()]);
            let outcome = json_patch::patch(&mut answer, &one).map_err(|error| error.to_string());
            match outcome {
                Err(error) => return Err(format!("stale difference: {error}: {operation}")),
                Ok(()) if answer == before => return Err(format!("stale difference: {operation}")),
                Ok(()) => {}
            }
        }
        Ok(answer)
    }
}

/// Removes a field wherever it is; whether there was one.
fn remove(value: &mut Value, rule: &Absent) -> bool {
    match value {
        Value::Object(fields) => {
            let doomed = fields.get(&rule.field).is_some_and(|value| value.is_null() || !rule.null);
            let here = doomed && fields.remove(&rule.field).is_some();
            fields.values_mut().fold(here, |any, value| remove(value, rule) | any)
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| remove(item, rule) | any),
        _ => false,
    }
}
