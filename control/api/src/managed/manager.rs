//! Who owns fields: names of managers, and the entries of `metadata.managedFields`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::fields::NotFields;
use super::{Set, Version};
use crate::json as read;
use crate::meta::Timestamp;
use crate::time;

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// What tells entries apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// `apiVersion` of the writes; empty for appliers, who stay one manager when they move to another version.
    pub(super) version: String,
    /// Empty for the main resource.
    pub(super) subresource: String,
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) fields: Set,
    /// The `apiVersion` in which the fields are named.
    pub(super) version: String,
    /// Of the last write that gave the manager something.
    pub(super) time: Option<Timestamp>,
}

/// Every manager of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(pub(super) BTreeMap<Manager, Entry>);

/// Why a value is no `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotManaged {
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    #[error("apiVersion must not be empty")]
    Version,
    #[error("missing fieldsType in managed fields entry {0}")]
    NoType(usize),
    #[error("invalid fieldsType \"{1}\" in managed fields entry {0}")]
    Type(usize, String),
    #[error("error decoding versioned set of managed fields entry {0}: {1}")]
    Fields(usize, #[source] NotFields),
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Apply, Self::Update].into_iter().find(|one| one.word() == word)
    }
}

impl Manager {
    /// A manager by that operation.
    pub(super) fn new(name: &str, operation: Operation, version: &str, subresource: &str) -> Self {
        let name = if name.is_empty() { "unknown" } else { name };
        let version = if operation == Operation::Apply { "" } else { version };
        Self { name: name.into(), operation, version: version.into(), subresource: subresource.into() }
    }
}

/// As messages about conflicts name it.
impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(f, " using {}", self.version),
        }
    }
}

impl Managers {
    /// Reads `metadata.managedFields`; none, when it is absent.
    ///
    /// # Errors
    /// See [`NotManaged`].
    pub(super) fn decode(entries: &Value) -> Result<Self, NotManaged> {
        let mut managers = BTreeMap::new();
        for (nth, entry) in entries.as_array().into_iter().flatten().enumerate() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            let operation = Operation::parse(text("operation")).ok_or(NotManaged::Operation)?;
            let version = text("apiVersion");
            if version.is_empty() {
                return Err(NotManaged::Version);
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => return Err(NotManaged::NoType(nth)),
                other => return Err(NotManaged::Type(nth, other.to_owned())),
            }
            let fields = match &entry["fieldsV1"] {
                Value::Null => Set::default(),
                fields => Set::decode(fields).map_err(|error| NotManaged::Fields(nth, error))?,
            };
            let manager = Manager {
                name: text("manager").to_owned(),
                operation,
                version: if operation == Operation::Apply { String::new() } else { version.to_owned() },
                subresource: text("subresource").to_owned(),
            };
            let time = time::at(entry, "/time");
            managers.insert(manager, Entry { fields, version: version.to_owned(), time });
        }
        Ok(Self(managers))
    }

    /// `metadata.managedFields`: appliers first, each kind by time. `None` when nobody owns anything.
    pub(super) fn encode(&self) -> Option<Value> {
        let mut entries: Vec<_> = self.0.iter().collect();
        let seconds = |entry: &Entry| entry.time.map_or(0, Timestamp::as_second);
        entries.sort_by(|(a, x), (b, y)| {
            let order = a.operation.cmp(&b.operation).then_with(|| seconds(x).cmp(&seconds(y)));
            order.then_with(|| (&a.name, &x.version, &a.subresource).cmp(&(&b.name, &y.version, &b.subresource)))
        });
        let entries: Vec<_> = entries.into_iter().map(|(manager, entry)| encode(manager, entry)).collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops managers of versions that are not served any more: nobody could say what their fields are.
    pub(super) fn retain_versions(&mut self, served: &[Version]) {
        self.0.retain(|_, entry| served.iter().any(|version| version.api_version() == entry.version));
    }
}

fn encode(manager: &Manager, entry: &Entry) -> Value {
    let mut out = json!({
        "operation": manager.operation.word(),
        "apiVersion": entry.version,
        "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields.encode(),
    });
    let time = entry.time.map(time::text).unwrap_or_default();
    for (name, text) in [("manager", &manager.name), ("subresource", &manager.subresource), ("time", &time)] {
        if !text.is_empty() {
            read::set(&mut out, name, text.as_str());
        }
    }
    out
}

/// Whether somebody asks to forget all managers: an empty list, or a list of one empty entry.
pub(super) fn forgets(entries: &Value) -> bool {
    match entries.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([one]) => one.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}
