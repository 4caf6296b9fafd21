//! Delete: at once, after a grace, or when finalizers are gone.

use api::change::Propagation;
use api::kind::Deletion;
use api::meta::{Resource, Timestamp, Uid};
use api::record::Record;
use api::status::Status;
use api::view::View;
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::modify::{finalizers, is_over, set_revision};
use super::{Ask, Core, Object, RETRIES_MAX, first, value_of};
use crate::admit;
use crate::options::DeleteOptions;
use crate::stamp;

/// Namespaces without which the cluster does not work.
const PROTECTED: [&str; 3] = ["default", "kube-system", "kube-public"];
/// Finalizer that keeps an owner until its dependents are gone.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer that keeps an owner until its dependents have lost the reference.
const ORPHAN: &str = "orphan";

/// What a deletion gives back.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    /// The object is gone; its last state and its uid.
    Gone(Object, Uid),
    /// The object is marked and still there.
    Marked(Object),
}

/// What a deletion costs beside the object.
pub(super) struct Price {
    /// The object as it is to be marked.
    pub(super) object: Value,
    /// What is written with it, and what must hold for that.
    pub(super) paid: Option<(Precondition, Write)>,
}

impl Core {
    /// Deletes an object, or marks it.
    ///
    /// # Errors
    /// 404; 409 when a precondition does not hold; 403 for a namespace that must stay.
    pub(crate) async fn delete(&self, ask: &Ask<'_>, options: &DeleteOptions) -> Result<Deleted, Status> {
        self.delete_for(ask, options, |_, old| Ok(Price { object: old.clone(), paid: None })).await
    }

    /// Deletes an object as [`Core::delete`] does, and pays for it in the same transaction. `price` is asked again when the
    /// object or what pays moved on meanwhile.
    ///
    /// # Errors
    /// As [`Core::delete`], and what `price` says.
    pub(super) async fn delete_for(
        &self,
        ask: &Ask<'_>,
        options: &DeleteOptions,
        price: impl Fn(&View, &Value) -> Result<Price, Status> + Send + Sync,
    ) -> Result<Deleted, Status> {
        let resource = ask.kind.resource();
        if ask.kind.plural.as_ref() == "namespaces" && PROTECTED.contains(&ask.name) {
            return Err(Status::forbidden(&resource, ask.name, "this namespace may not be deleted"));
        }
        let key = ask.key(ask.name)?;
        for _ in 0..RETRIES_MAX {
            let view = self.store.view();
            let record = view.get(&key).cloned().ok_or_else(|| ask.not_found())?;
            expect(ask, &record, options)?;
            let old = value_of(&record)?;
            let price = price(&view, &old)?;
            let next = mark(ask, &price.object, options, self.seam.now());
            let over = is_over(&next);
            if next == old && !over {
                return Ok(Deleted::Marked(Object::Stored(record)));
            }
            let uid = record.header.uid.clone();
            if options.dry_run {
                return Ok(if over {
                    Deleted::Gone(Object::Loose(next), uid)
                } else {
                    Deleted::Marked(Object::Loose(next))
                });
            }
            let write = if over { Write::Delete { key: key.clone() } } else { Self::put(ask.kind, &key, &next)? };
            let (mut preconditions, mut writes) = (vec![Precondition::At(key.clone(), record.revision)], vec![write]);
            if let Some((precondition, write)) = price.paid {
                preconditions.push(precondition);
                writes.push(write);
            }
            if over {
                writes.extend(admit::freed(&view, ask.kind, &old)?);
            }
            let Ok(applied) = self.propose(ask.epoch, preconditions, writes).await? else { continue };
            if over {
                let mut last = next;
                if !ask.kind.flags.graceful && old["metadata"].get("deletionTimestamp").is_none() {
                    // Its end took no time, so that the last state says nothing of it.
                    last = old;
                }
                set_revision(&mut last, applied.revision);
                return Ok(Deleted::Gone(Object::Loose(last), uid));
            }
            return Ok(Deleted::Marked(Object::Stored(first(applied)?)));
        }
        Err(Status::modified(&resource, ask.name))
    }
}

fn expect(ask: &Ask<'_>, record: &Record, options: &DeleteOptions) -> Result<(), Status> {
    let conflict = |what: &str, given: &str, have: &str, perhaps: &str| {
        let why = format!(
            "the {what} in the precondition ({given}) does not match the {what} in record ({have}). \
             The object might have been {perhaps}"
        );
        // Kubernetes names the kind, not the resource, here.
        Err(Status::conflict(&Resource::new(&ask.kind.group, &ask.kind.kind), ask.name, &why))
    };
    if let Some(uid) = &options.uid
        && *uid != record.header.uid
    {
        return conflict("UID", uid.as_str(), record.header.uid.as_str(), "deleted and then recreated");
    }
    let have = record.revision.to_string();
    match &options.revision {
        Some(revision) if *revision != have => conflict("ResourceVersion", revision, &have, "modified"),
        _ => Ok(()),
    }
}

/// The object with its deletion begun as far as this request wants; [`is_over`] tells whether that is the end of it.
fn mark(ask: &Ask<'_>, old: &Value, options: &DeleteOptions, now: Timestamp) -> Value {
    let mut next = old.clone();
    let meta = &old["metadata"];
    let before = meta["deletionGracePeriodSeconds"].as_i64().unwrap_or_default();
    let end = if meta.get("deletionTimestamp").is_none() {
        let grace = match ask.kind.strategy.deletion(old, options.grace) {
            Deletion::Now => 0,
            Deletion::Graceful(seconds) => i64::from(seconds),
        };
        Some((now.as_second().saturating_add(grace), grace))
    } else if before == 0 {
        None
    } else {
        // While a grace runs, a deletion may shorten it and nothing else.
        let Some(grace) = options.grace.map(i64::from).filter(|grace| *grace < before) else { return next };
        Some((begun_at(old, before).saturating_add(grace), grace))
    };
    finalize(&mut next, options.propagation.or_else(|| usual(ask, old)));
    if let Some((end, grace)) = end {
        let end = Timestamp::from_second(end).unwrap_or(now);
        next["metadata"]["deletionTimestamp"] = api::time::text(end).into();
        next["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        if meta.get("deletionTimestamp").is_none() && meta["generation"].as_i64().is_some_and(|known| known > 0) {
            next["metadata"]["generation"] = (meta["generation"].as_i64().unwrap_or_default() + 1).into();
        }
    }
    if ask.kind.plural.as_ref() == "namespaces" {
        next["status"]["phase"] = "Terminating".into();
        if let Some(meta) = stamp::metadata(&mut next) {
            meta.remove("deletionGracePeriodSeconds");
        }
    }
    next
}

/// What becomes of dependents when nobody says: finalizers that stand there decide, then the kind.
fn usual(ask: &Ask<'_>, old: &Value) -> Option<Propagation> {
    let decided = finalizers(old).iter().any(|one| one == FOREGROUND || one == ORPHAN);
    (!decided && ask.kind.flags.orphans_dependents).then_some(Propagation::Orphan)
}

/// When a deletion with that grace was asked for, in seconds since 1970.
fn begun_at(old: &Value, grace: i64) -> i64 {
    api::time::at(old, "/metadata/deletionTimestamp").map_or(0, |end| end.as_second() - grace)
}

/// Sets the finalizers that a propagation policy means; without one they stay as they are.
fn finalize(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let mut finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.retain(|one| one != FOREGROUND && one != ORPHAN);
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
    }
    let Some(meta) = stamp::metadata(object) else { return };
    if finalizers.is_empty() {
        meta.remove("finalizers");
    } else {
        meta.insert("finalizers".into(), json!(finalizers));
    }
}
