//! Stories of several writers, told through what the object is afterwards and who owns what.

mod algebra;
mod lists;
mod stories;
mod update;
mod versions;

use serde_json::{Value, json};

use super::manager::Managers;
use super::{Reach, Version, Write, apply, update as note};
use crate::meta::Timestamp;
use crate::schema::Schema;
use crate::status::Status;

/// An object over time; every write is a minute after the one before.
struct Story {
    versions: Vec<Version>,
    /// In which of them it is written now.
    at: usize,
    kind: &'static str,
    subresource: &'static str,
    reach: Reach,
    minutes: i64,
    object: Option<Value>,
}

impl Story {
    fn of(api_version: &'static str, kind: &'static str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let versions = vec![Version::only(api_version, Schema::of_kind(group, version, kind))];
        Self { versions, at: 0, kind, subresource: "", reach: Reach::But(&[&["status"]]), minutes: 0, object: None }
    }

    /// A story that begins with an object by an updater.
    fn created(api_version: &'static str, kind: &'static str, manager: &str, object: &Value) -> Self {
        let mut story = Self::of(api_version, kind);
        story.update(manager, |_| object.clone());
        story
    }

    fn write<'a>(&'a self, manager: &'a str) -> Write<'a> {
        Write {
            version: &self.versions[self.at],
            kind: self.kind,
            manager,
            subresource: self.subresource,
            reach: self.reach,
            served: &self.versions,
            now: Timestamp::from_second(self.minutes * 60).unwrap(),
        }
    }

    fn named(&self, object: &Value) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = self.versions[self.at].api_version().into();
        object["kind"] = self.kind.into();
        object["metadata"]["name"] = "x".into();
        object
    }

    fn try_apply(&mut self, manager: &str, config: &Value, force: bool) -> Result<(), Status> {
        self.minutes += 1;
        let config = self.named(config);
        let applied = apply(&self.write(manager), self.object.as_ref(), &config, force)?;
        self.object = Some(without_nulls(applied));
        Ok(())
    }

    fn apply(&mut self, manager: &str, config: &Value) -> &mut Self {
        self.try_apply(manager, config, false).unwrap();
        self
    }

    fn force(&mut self, manager: &str, config: &Value) -> &mut Self {
        self.try_apply(manager, config, true).unwrap();
        self
    }

    /// The message of the refusal.
    fn refused(&mut self, manager: &str, config: &Value) -> String {
        let before = self.object.clone();
        let status = self.try_apply(manager, config, false).unwrap_err();
        assert_eq!(self.object, before);
        status.message
    }

    fn update(&mut self, manager: &str, change: impl FnOnce(Value) -> Value) -> &mut Self {
        self.minutes += 1;
        let shown = self.object.as_ref().map(|object| self.versions[self.at].shown(object).into_owned());
        let changed = change(shown.unwrap_or(json!({})));
        let mut new = self.versions[self.at].stored(self.named(&changed));
        note(&self.write(manager), self.object.as_ref(), &mut new);
        self.object = Some(new);
        self
    }

    /// The object without its managers and its name.
    fn content(&self) -> Value {
        let mut object = self.object.clone().unwrap();
        let fields = object.as_object_mut().unwrap();
        fields.remove("apiVersion");
        fields.remove("kind");
        let meta = fields["metadata"].as_object_mut().unwrap();
        meta.remove("name");
        meta.remove("managedFields");
        if meta.is_empty() {
            fields.remove("metadata");
        }
        object
    }

    /// One line a manager: operation, name, subresource, minute, paths.
    fn owners(&self) -> String {
        let entries = &self.object.as_ref().unwrap()["metadata"]["managedFields"];
        assert_eq!(Managers::decode(entries).unwrap().encode().unwrap_or_default(), *entries, "not as it is written");
        let lines = entries.as_array().into_iter().flatten().map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            let set = super::Set::decode(&entry["fieldsV1"]).unwrap();
            let paths = set.paths().into_iter().map(|path| path.iter().map(ToString::to_string).collect::<String>());
            let minute = text("time").get(14..16).unwrap_or("-");
            let manager = [text("operation"), text("manager"), text("subresource")].join(" ");
            format!("{}@{minute}: {}", manager.trim(), paths.collect::<Vec<_>>().join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What storing does.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        other => other,
    }
}

fn pod(containers: &Value) -> Value {
    json!({"spec": {"containers": containers}})
}
