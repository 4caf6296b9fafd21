//! Server-side apply: a configuration laid over the live object, and who owns what afterwards.

use serde_json::{Map, Value};

use super::change::Change;
use super::compare::compare;
use super::conflict::Conflicts;
use super::extract::paths;
use super::manager::{Entry, Manager, Managers, Operation};
use super::merge::merge;
use super::prune::prune;
use super::update::put;
use super::write::{Write, ownable};
use super::{check, last_applied};
use crate::status::Status;

/// Who owns the fields of an object that had no managers when it was first applied to.
const BEFORE: &str = "before-first-apply";
/// The manager whose applies keep the annotation of client-side apply in step.
const KUBECTL: &str = "kubectl";

/// Applies a configuration, in the version of the write, to the live object; none, when there is none yet. That, and the object
/// with its managers that is answered, are in the form that is stored. It is still to be defaulted and checked. `force` takes
/// fields from whoever has them.
///
/// # Errors
/// 409 with every conflict; 400 when the configuration is of another kind or names managers; 500, as in Kubernetes, when it
/// does not fit the schema.
pub fn apply(write: &Write<'_>, live: Option<&Value>, config: &Value, force: bool) -> Result<Value, Status> {
    fits(write, config)?;
    let managers = live.map_or(&Value::Null, |live| &live["metadata"]["managedFields"]);
    let mut managers =
        Managers::decode(managers).map_err(|error| failed(format!("failed to decode managed fields: {error}")))?;
    let empty = Value::Object(Map::new());
    let stored = live.unwrap_or(&empty);
    let before = write.version.shown(stored);
    if managers.is_empty() && live.is_some() {
        managers.0.extend(unmanaged(write, &before)?);
    }
    managers.retain_versions(write.served);
    let attempt = Attempt { write, stored, live: &before, config };
    let mut outcome = attempt.run(managers.clone(), force)?;
    if let Err(conflicts) = outcome {
        let allowed = if write.manager == KUBECTL { last_applied::accounted(write.version, &before) } else { None };
        let conflicts = allowed.map_or_else(|| conflicts.clone(), |allowed| conflicts.clone().beyond(&allowed));
        if !conflicts.is_empty() {
            return Err(conflicts.status());
        }
        outcome = attempt.run(managers, true)?;
    }
    let (mut object, managers) = outcome.map_err(|conflicts| conflicts.status())?;
    if write.manager == KUBECTL {
        last_applied::renew(&mut object, config);
    }
    put(&mut object, managers.encode());
    Ok(object)
}

/// Refuses what is no configuration for this write.
///
/// # Errors
/// 400 when it is of another kind or names managers; 500, as in Kubernetes, when it does not fit the schema.
fn fits(write: &Write<'_>, config: &Value) -> Result<(), Status> {
    let text = |name: &str| config[name].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version != write.version.api_version() || kind != write.kind {
        return Err(Status::bad_request(format!("invalid object type: {}", gvk(version, kind))));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    match check::problems(write.version.place(), config) {
        None => Ok(()),
        Some(problems) => {
            let meta = |name: &str| config["metadata"][name].as_str().unwrap_or_default();
            let who = format!("{}/{}; {}", meta("namespace"), meta("name"), gvk(version, kind));
            Err(failed(format!("failed to create typed patch object ({who}): {problems}")))
        }
    }
}

/// A version and kind as Go prints it; core versions begin with a slash.
fn gvk(version: &str, kind: &str) -> String {
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={kind}")
}

/// Kubernetes answers 500 without a reason to what it finds wrong here.
fn failed(why: impl Into<String>) -> Status {
    Status::new(500, "", why)
}

/// The one who owns everything of an object without managers.
fn unmanaged(write: &Write<'_>, live: &Value) -> Result<Option<(Manager, Entry)>, Status> {
    let everything = compare(write.version.place(), &Value::Object(Map::new()), live)
        .map_err(|error| failed(format!("failed to create manager for existing fields: {error}")))?;
    let fields = ownable(&write.reach.filter(&everything.given()));
    let version = write.version.api_version();
    let manager = Manager::new(BEFORE, Operation::Update, version, write.subresource);
    let entry = Entry { fields, version: version.to_owned(), time: Some(write.now) };
    Ok((!entry.fields.is_empty()).then_some((manager, entry)))
}

/// One try.
struct Attempt<'a> {
    write: &'a Write<'a>,
    /// The live object as it is stored.
    stored: &'a Value,
    /// The live object in the version of the write.
    live: &'a Value,
    config: &'a Value,
}

impl Attempt<'_> {
    fn run(&self, mut managers: Managers, force: bool) -> Result<Result<(Value, Managers), Conflicts>, Status> {
        let (write, version) = (self.write, self.write.version);
        let merged = merge(version.place(), self.live, self.config)
            .map_err(|error| failed(format!("failed to merge config: {error}")))?;
        let mut object = version.stored(merged);
        let me = write.manager(Operation::Apply);
        let fields = write.reach.filter(&paths(version.place(), self.config));
        let last = managers.0.remove(&me);
        let time = last.as_ref().and_then(|last| last.time);
        managers.0.insert(me.clone(), Entry { fields, version: version.api_version().to_owned(), time });
        if let Some(last) = last.filter(|last| !last.fields.is_empty()) {
            object = prune(write, object, &last, &managers);
        }
        let change = Change::of(write, self.stored, &object, &managers)
            .map_err(|error| failed(format!("failed to compare objects: {error}")))?;
        let others = || managers.0.iter().filter(|(manager, _)| **manager != me);
        let given = |entry: &Entry| entry.fields.intersection(&change.given(&entry.version));
        let conflicts = others().map(|(manager, entry)| (manager.clone(), given(entry)));
        let conflicts = Conflicts(conflicts.filter(|(_, set)| !set.is_empty()).collect());
        if !force && !conflicts.is_empty() {
            return Ok(Err(conflicts));
        }
        for (manager, entry) in &mut managers.0 {
            if *manager == me {
                entry.fields = ownable(&entry.fields);
                if object != *self.stored {
                    entry.time = Some(write.now);
                }
            } else {
                entry.fields = entry.fields.difference(&change.touched(&entry.version));
            }
        }
        managers.0.retain(|_, entry| !entry.fields.is_empty());
        Ok(Ok((object, managers)))
    }
}
