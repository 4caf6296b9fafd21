//! Update: a new state of an object. Replacing, patching, scaling, binding and writing the status all end here.

use std::sync::Arc;

use api::kind::Subresource;
use api::meta::Revision;
use api::record::Record;
use api::status::Status;
use api::validate::FieldError;
use api::{managed, metadata};
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::create::name_mismatch;
use super::owners::{self, Owners};
use super::{Ask, Core, Object, RETRIES_MAX, Written, first, value_of};
use crate::admit::{self, Operation, Review};
use crate::stamp;

/// Which part of an object a request may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status, when the kind has one apart.
    Whole,
    /// The status alone.
    Status,
    /// A namespace's `spec.finalizers` alone.
    Finalizers,
    /// What the kind's strategy says that a subresource may change.
    Section(Subresource),
}

impl Part {
    /// The part behind a subresource that takes objects of the kind itself.
    pub(crate) fn of(subresource: Option<Subresource>) -> Self {
        match subresource {
            Some(Subresource::Status) => Self::Status,
            Some(Subresource::Finalize) => Self::Finalizers,
            Some(part @ (Subresource::EphemeralContainers | Subresource::Resize | Subresource::Approval)) => {
                Self::Section(part)
            }
            Some(
                Subresource::Scale
                | Subresource::Binding
                | Subresource::Log
                | Subresource::Eviction
                | Subresource::Proxy,
            )
            | None => Self::Whole,
        }
    }
}

/// A new state as a client wants it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The object; without `resourceVersion` the change is for whatever state there is.
    pub(crate) object: Value,
    /// Whether the change was computed from the state it is made to, so that it needs to name no revision.
    pub(crate) relative: bool,
    /// What was noticed on the way.
    pub(crate) warnings: Vec<String>,
    /// Whether the object says who owns what in it.
    pub(crate) owners: Owners,
}

impl Wanted {
    /// A change computed from the old state. It is for whatever revision there is, unless it names another than that.
    pub(crate) fn computed(object: Value, old: &Value) -> Self {
        if stamp::meta_text(&object, "resourceVersion") == stamp::meta_text(old, "resourceVersion") {
            return Self::relative(object);
        }
        Self { object, relative: true, ..Self::default() }
    }

    /// A change computed from the state it is made to. It is for whatever revision there is.
    pub(crate) fn relative(mut object: Value) -> Self {
        if let Some(meta) = stamp::metadata(&mut object) {
            meta.remove("resourceVersion");
        }
        Self { object, relative: true, ..Self::default() }
    }
}

impl Core {
    /// Changes an object: `change` is given the state as it is and answers the one that is wanted. When somebody else writes
    /// meanwhile it is asked again, unless it answered with the revision that it wants to change.
    ///
    /// # Errors
    /// 404, 409 when the object is not at the wanted revision, 422 when fields are wrong, and what `change` says.
    pub(crate) async fn modify(
        &self,
        ask: &Ask<'_>,
        part: Part,
        change: impl Fn(&Value) -> Result<Wanted, Status> + Send + Sync,
    ) -> Result<Written, Status> {
        let key = ask.key(ask.name)?;
        for _ in 0..RETRIES_MAX {
            let view = self.store.view();
            let record = view.get(&key).cloned().ok_or_else(|| ask.not_found())?;
            let old = value_of(&record)?;
            let wanted = change(&old)?;
            let (mut object, mut warnings) = (wanted.object, wanted.warnings);
            let pinned = !stamp::meta_text(&object, "resourceVersion").is_empty();
            identify(ask, &object, &old, &record)?;
            if wanted.relative && !pinned {
                set_revision(&mut object, record.revision);
            }
            if matches!(part, Part::Whole | Part::Section(_)) {
                ask.kind.strategy.default(&mut object);
            }
            if wanted.owners == Owners::Tell {
                owners::of_changed(ask, part, &old, &mut object, &self.seam);
            }
            keep(ask, part, &mut object, &old);
            let review = Review { operation: Operation::Update, ask, old: Some(&old), view: &view, core: self };
            let admitted = admit::admit(&review, &mut object).await?;
            count(ask, &mut object, &old);
            check(ask, part, (&object, &old), &admitted.errors)?;
            warnings.extend(admitted.warnings);
            if part == Part::Whole {
                warnings.extend(ask.kind.strategy.warnings(&object));
            }
            set_revision(&mut object, record.revision);
            if managed::same(&object, &old) && !is_over(&object) {
                return Ok(Written { object: Object::Stored(record), created: false, warnings });
            }
            if ask.options.dry_run {
                return Ok(Written { object: Object::Loose(object), created: false, warnings });
            }
            let over = is_over(&object);
            let write = if over { Write::Delete { key: key.clone() } } else { Self::put(ask.kind, &key, &object)? };
            let mut preconditions = vec![Precondition::At(key.clone(), record.revision)];
            preconditions.extend(admitted.preconditions);
            let freed = if over { admit::freed(&view, ask.kind, &old)? } else { Vec::new() };
            let writes = std::iter::once(write).chain(admitted.writes).chain(freed).collect();
            match self.propose(ask.epoch, preconditions, writes).await? {
                Ok(_) if over => return Ok(Written { object: Object::Loose(object), created: false, warnings }),
                Ok(applied) => {
                    return Ok(Written { object: Object::Stored(first(applied)?), created: false, warnings });
                }
                Err(unmet) if pinned && unmet.index == 0 => break,
                Err(_) => {}
            }
        }
        Err(Status::modified(&ask.kind.resource(), ask.name))
    }

    /// Replaces an object, or makes it where the kind allows that. It is given in the form that is stored.
    ///
    /// # Errors
    /// As [`Core::modify`] and [`Core::create`].
    pub(crate) async fn update(&self, ask: &Ask<'_>, part: Part, object: Value) -> Result<Written, Status> {
        let missing = self.store.view().get(&ask.key(ask.name)?).is_none();
        if missing && part == Part::Whole && ask.kind.flags.create_on_update {
            return self.create(ask, object).await;
        }
        let change = |_: &Value| Ok(Wanted { object: object.clone(), ..Wanted::default() });
        self.modify(ask, part, change).await
    }
}

/// Refuses an object that is another one than the stored one.
fn identify(ask: &Ask<'_>, object: &Value, old: &Value, record: &Arc<Record>) -> Result<(), Status> {
    let name = stamp::meta_text(object, "name");
    if !name.is_empty() && name != ask.name {
        return Err(name_mismatch(name, ask.name));
    }
    let namespace = stamp::meta_text(object, "namespace");
    if !namespace.is_empty() && namespace != stamp::meta_text(old, "namespace") {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(message));
    }
    let uid = stamp::meta_text(object, "uid");
    if !uid.is_empty() && uid != record.header.uid.as_str() {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", record.header.uid);
        return Err(Status::conflict(&ask.kind.resource(), ask.name, &why));
    }
    let revision = stamp::meta_text(object, "resourceVersion");
    // "0" means any, as in client-go.
    if !matches!(revision, "" | "0") && revision != record.revision.to_string() {
        return Err(Status::modified(&ask.kind.resource(), ask.name));
    }
    Ok(())
}

/// Takes from the old state everything that this request may not change.
fn keep(ask: &Ask<'_>, part: Part, object: &mut Value, old: &Value) {
    let strategy = ask.kind.strategy;
    if part == Part::Whole {
        keep_identity(object, old);
        if ask.kind.has(Subresource::Status) {
            replace(object, "status", old.get("status"));
        }
        strategy.prepare_update(object, old);
        return;
    }
    let mut wanted = std::mem::replace(object, old.clone());
    match part {
        Part::Whole => {}
        Part::Status => {
            keep_identity(&mut wanted, old);
            if let Some(meta) = wanted.get_mut("metadata") {
                for field in ask.kind.flags.status_keeps.fields() {
                    replace(meta, field, old["metadata"].get(*field));
                }
            }
            replace(object, "metadata", wanted.get("metadata"));
            replace(object, "status", wanted.get("status"));
            strategy.prepare_status(object, old);
        }
        Part::Finalizers => {
            object["spec"]["finalizers"] =
                wanted.pointer_mut("/spec/finalizers").map_or_else(|| json!([]), Value::take);
        }
        Part::Section(part) => {
            strategy.prepare_part(part, object, &wanted);
        }
    }
    if let Some(meta) = object.get_mut("metadata") {
        replace(meta, "managedFields", wanted["metadata"].get("managedFields"));
    }
}

/// Carries over who the object is. A client may leave that out, and may not change it (which validation says).
fn keep_identity(object: &mut Value, old: &Value) {
    metadata::keep(object, old);
    let Some(meta) = stamp::metadata(object) else { return };
    for field in ["name", "namespace"] {
        if let Some(value) = old["metadata"].get(field) {
            meta.insert(field.to_owned(), value.clone());
        }
    }
    meta.remove("selfLink");
}

fn replace(object: &mut Value, field: &str, value: Option<&Value>) {
    let Some(fields) = object.as_object_mut() else { return };
    match value {
        Some(value) => drop(fields.insert(field.to_owned(), value.clone())),
        None => drop(fields.remove(field)),
    }
}

/// Raises the generation when more than metadata and status changed.
fn count(ask: &Ask<'_>, object: &mut Value, old: &Value) {
    if !stamp::has_generation(ask.kind, object) || same_but(object, old, &["metadata", "status"]) {
        return;
    }
    let next = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
    object["metadata"]["generation"] = next.into();
}

fn same_but(a: &Value, b: &Value, ignored: &[&str]) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let relevant = |name: &&String| !ignored.contains(&name.as_str());
    a.keys().filter(relevant).all(|name| a.get(name) == b.get(name))
        && b.keys().filter(relevant).all(|name| a.contains_key(name))
}

fn check(ask: &Ask<'_>, part: Part, (object, old): (&Value, &Value), admission: &[FieldError]) -> Result<(), Status> {
    let kind = ask.kind;
    let mut errors = metadata::validate(kind, object);
    errors.extend(metadata::validate_update(kind, object, old));
    // Kubernetes looks at metadata for every kind, and again among the rules of the kind; the causes tell both.
    errors.extend_from_within(..);
    errors.extend_from_slice(admission);
    if part != Part::Status {
        errors.extend(kind.strategy.validate(object));
    }
    errors.extend(match part {
        Part::Status => kind.strategy.validate_status(object, old),
        Part::Section(part) => kind.strategy.validate_part(part, object, old),
        Part::Whole | Part::Finalizers => kind.strategy.validate_update(object, old),
    });
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(&kind.group, &kind.kind, ask.name, &errors)) }
}

/// Who holds an object that is being deleted.
pub(super) fn finalizers(object: &Value) -> &[Value] {
    object["metadata"]["finalizers"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether nothing holds the object any more: it is being deleted, its grace is over, and its finalizers are gone.
pub(super) fn is_over(object: &Value) -> bool {
    let meta = &object["metadata"];
    let held = object["kind"] == "Namespace"
        && object["spec"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    meta.get("deletionTimestamp").is_some()
        && meta["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && finalizers(object).is_empty()
        && !held
}

pub(crate) fn set_revision(object: &mut Value, revision: Revision) {
    if let Some(meta) = stamp::metadata(object) {
        meta.insert("resourceVersion".into(), revision.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_over_when_nothing_holds_it() {
        let object = |meta: Value| json!({"kind": "Pod", "metadata": meta});
        assert!(!is_over(&object(json!({}))));
        assert!(is_over(&object(json!({"deletionTimestamp": "t"}))));
        assert!(!is_over(&object(json!({"deletionTimestamp": "t", "deletionGracePeriodSeconds": 30}))));
        assert!(!is_over(&object(json!({"deletionTimestamp": "t", "finalizers": ["x"]}))));
        let namespace = json!({"kind": "Namespace", "metadata": {"deletionTimestamp": "t"}, "spec": {"finalizers": ["kubernetes"]}});
        assert!(!is_over(&namespace));
    }
}
