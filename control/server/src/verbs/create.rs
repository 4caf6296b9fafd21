//! Create: a new object.

use api::kind::Scope;
use api::status::Status;
use api::validate::FieldError;
use serde_json::Value;
use store::Precondition;

use super::owners::{self, Owners};
use super::{Ask, Core, Object, RETRIES_MAX, Written, first};
use crate::admit::{self, Operation, Review};
use crate::stamp;

/// How many generated names are tried before a collision is told to the client; as kube-apiserver.
const NAMES_MAX: usize = 8;

impl Core {
    /// Makes an object, which is given in the form that is stored.
    ///
    /// # Errors
    /// 409 when there is one of that name; 404 or 403 when the namespace is missing or going; 422 when fields are wrong.
    pub(crate) async fn create(&self, ask: &Ask<'_>, object: Value) -> Result<Written, Status> {
        self.make(ask, object, Owners::Tell).await
    }

    /// [`Core::create`] of an object whose owners are told, or are to be.
    pub(super) async fn make(&self, ask: &Ask<'_>, mut object: Value, owners: Owners) -> Result<Written, Status> {
        place(ask, &mut object)?;
        if !stamp::meta_text(&object, "resourceVersion").is_empty() {
            return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        let base = stamp::meta_text(&object, "generateName").to_owned();
        let generated = stamp::meta_text(&object, "name").is_empty() && !base.is_empty();
        stamp::create(ask.kind, &mut object, &self.seam);
        ask.kind.strategy.default(&mut object);
        if owners == Owners::Tell {
            owners::of_new(ask, &mut object, &self.seam);
        }
        let attempts = if generated { NAMES_MAX } else { RETRIES_MAX };
        for attempt in 1..=attempts {
            let mut tried = object.clone();
            if generated && let Some(meta) = stamp::metadata(&mut tried) {
                meta.insert("name".into(), stamp::generate_name(&base, &self.seam).into());
            }
            // Only now the object has its name, which may be part of what is prepared.
            ask.kind.strategy.prepare_create(&mut tried);
            let name = stamp::meta_text(&tried, "name").to_owned();
            match self.create_once(ask, &name, tried).await? {
                Ok(written) => return Ok(written),
                Err(Collision::Name) if generated && attempt < attempts => {}
                Err(Collision::Name) => return Err(Status::already_exists(&ask.kind.resource(), &name)),
                // The namespace or an allocation moved: decide again from the newest state.
                Err(Collision::Other) => {}
            }
        }
        Err(Status::conflict(&ask.kind.resource(), ask.name, "too much else was written at the same time; try again"))
    }

    async fn create_once(
        &self,
        ask: &Ask<'_>,
        name: &str,
        mut object: Value,
    ) -> Result<Result<Written, Collision>, Status> {
        let view = self.store.view();
        let review = Review { operation: Operation::Create, ask, old: None, view: &view, core: self };
        let admitted = admit::admit(&review, &mut object).await?;
        check(ask, &object, &admitted.errors)?;
        let key = ask.key(name)?;
        if view.get(&key).is_some() {
            return Ok(Err(Collision::Name));
        }
        let mut warnings = admitted.warnings;
        warnings.extend(ask.kind.strategy.warnings(&object));
        if ask.options.dry_run {
            return Ok(Ok(Written { object: Object::Loose(object), created: true, warnings }));
        }
        let mut preconditions = vec![Precondition::Absent(key.clone())];
        preconditions.extend(admitted.preconditions);
        preconditions.extend(namespace_stands(ask, &view));
        let mut writes = vec![Self::put(ask.kind, &key, &object)?];
        writes.extend(admitted.writes);
        match self.propose(ask.epoch, preconditions, writes).await? {
            Ok(applied) => Ok(Ok(Written { object: Object::Stored(first(applied)?), created: true, warnings })),
            Err(unmet) if unmet.index == 0 => Ok(Err(Collision::Name)),
            Err(_) => Ok(Err(Collision::Other)),
        }
    }
}

/// Why a creation must be tried again.
enum Collision {
    Name,
    Other,
}

/// The namespace must still be the same when the object is written, or the object would be left behind in none.
fn namespace_stands(ask: &Ask<'_>, view: &api::view::View) -> Option<Precondition> {
    if ask.kind.scope == Scope::Cluster {
        return None;
    }
    let namespace = view.find("", "namespaces", "", ask.namespace)?;
    Some(Precondition::Is(namespace.key.clone(), namespace.header.uid.clone()))
}

/// Puts the object where the URL says, or says that it belongs elsewhere.
fn place(ask: &Ask<'_>, object: &mut Value) -> Result<(), Status> {
    let given = stamp::meta_text(object, "namespace").to_owned();
    let name = stamp::meta_text(object, "name").to_owned();
    let Some(meta) = stamp::metadata(object) else {
        return Err(Status::bad_request("metadata must be an object"));
    };
    match ask.kind.scope {
        Scope::Cluster => {
            meta.remove("namespace");
        }
        Scope::Namespaced if given.is_empty() => {
            meta.insert("namespace".into(), ask.namespace.into());
        }
        Scope::Namespaced if given != ask.namespace => {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Status::bad_request(message));
        }
        Scope::Namespaced => {}
    }
    if !ask.name.is_empty() {
        if name.is_empty() {
            meta.insert("name".into(), ask.name.into());
        } else if name != ask.name {
            return Err(name_mismatch(&name, ask.name));
        }
    }
    Ok(())
}

pub(super) fn name_mismatch(object: &str, url: &str) -> Status {
    Status::bad_request(format!("the name of the object ({object}) does not match the name on the URL ({url})"))
}

fn check(ask: &Ask<'_>, object: &Value, admission: &[FieldError]) -> Result<(), Status> {
    let name = stamp::meta_text(object, "name");
    let mut errors = api::metadata::validate(ask.kind, object);
    errors.extend_from_slice(admission);
    errors.extend(ask.kind.strategy.validate(object));
    errors.extend(ask.kind.strategy.validate_create(object));
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(&ask.kind.group, &ask.kind.kind, name, &errors)) }
}
