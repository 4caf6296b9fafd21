//! Objects that every cluster has, made all in one write where they are missing.

use api::kind::Kind;
use api::requester::Requester;
use api::status::Status;
use serde_json::Value;
use store::{Precondition, Write};

use crate::options::WriteOptions;
use crate::stamp;
use crate::verbs::{Ask, Core, RETRIES_MAX, kind_of, owners};

/// An object without a namespace.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    kind: &'static Kind,
    object: Value,
    /// What the server says of it from the first moment, which nobody owns; null where it says nothing.
    status: Value,
}

impl Given {
    /// An object of a kind; `metadata` has its name.
    pub(crate) fn of(group: &str, plural: &str, mut object: Value, status: Value) -> Result<Self, Status> {
        let kind = kind_of(group, plural).ok_or_else(|| Status::internal(format!("{plural} are not served")))?;
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = (&*kind.kind).into();
        Ok(Self { kind, object, status })
    }
}

/// Makes what is missing.
pub(crate) async fn ensure(core: &Core, given: &[Given]) -> Result<(), Status> {
    for _ in 0..RETRIES_MAX {
        let (preconditions, writes) = missing(core, given)?;
        if writes.is_empty() || core.propose(None, preconditions, writes).await?.is_ok() {
            return Ok(());
        }
        // Another server that started was faster with some of them.
    }
    Err(Status::internal("what every cluster has cannot be made: others keep making the same"))
}

/// What must still hold, and what is to be written.
fn missing(core: &Core, given: &[Given]) -> Result<(Vec<Precondition>, Vec<Write>), Status> {
    let requester = Requester::component("bootstrap");
    let manager = owners::of_component(&requester);
    let (mut preconditions, mut writes) = (Vec::new(), Vec::new());
    let view = core.store.view();
    for Given { kind, object, status } in given {
        let (kind, name, options) = (*kind, stamp::meta_text(object, "name"), WriteOptions::default());
        let ask = Ask { requester: &requester, epoch: None, kind, namespace: "", name, manager, options };
        let key = ask.key(name)?;
        if view.get(&key).is_some() {
            continue;
        }
        let mut object = object.clone();
        stamp::create(kind, &mut object, &core.seam);
        kind.strategy.default(&mut object);
        owners::of_new(&ask, &mut object, &core.seam);
        if !status.is_null() {
            object["status"] = status.clone();
        }
        writes.push(Core::put(kind, &key, &object)?);
        preconditions.push(Precondition::Absent(key));
    }
    Ok((preconditions, writes))
}

#[cfg(test)]
impl Given {
    /// Everything wrong with the object.
    pub(crate) fn errors(&self) -> Vec<api::validate::FieldError> {
        let mut object = self.object.clone();
        self.kind.strategy.default(&mut object);
        let mut errors = self.kind.strategy.validate(&object);
        errors.extend(self.kind.strategy.validate_create(&object));
        errors
    }
}
