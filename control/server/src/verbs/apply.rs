//! Server-side apply: a configuration laid over an object, which is made when there is none.

use api::decode::{self, FieldValidation};
use api::managed;
use api::status::Status;
use serde_json::Value;

use super::modify::{Part, Wanted};
use super::owners::{self, Owners};
use super::{Ask, Core, RETRIES_MAX, Written};
use crate::stamp;

/// A configuration as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// What is applied.
    pub(crate) config: Value,
    /// Whether fields are taken from whoever owns them.
    pub(crate) force: bool,
    /// What was noticed while reading it.
    pub(crate) warnings: Vec<String>,
}

impl Application {
    /// Reads a configuration, YAML or JSON.
    ///
    /// # Errors
    /// 400 when it cannot be read, or holds a field twice where that is to be refused.
    pub(crate) fn of(body: &[u8], force: bool, validation: FieldValidation) -> Result<Self, Status> {
        let (config, warnings) = decode::configuration(body, validation)?;
        Ok(Self { config, force, warnings })
    }
}

impl Core {
    /// Applies a configuration. `may_create` refuses those who may change objects of the kind and not make them.
    ///
    /// # Errors
    /// As [`managed::apply`], [`Core::modify`] and [`Core::create`]; 404 for a part of an object that is not there.
    pub(crate) async fn apply(
        &self,
        ask: &Ask<'_>,
        part: Part,
        application: &Application,
        may_create: Result<(), Status>,
    ) -> Result<Written, Status> {
        let key = ask.key(ask.name)?;
        for _ in 0..RETRIES_MAX {
            if self.store.view().get(&key).is_some() {
                let lay = |old: &Value| {
                    let warnings = application.warnings.clone();
                    Ok(Wanted { warnings, owners: Owners::Told, ..self.laid(ask, part, Some(old), application)? })
                };
                match self.modify(ask, part, lay).await {
                    // It went meanwhile.
                    Err(status) if status.reason == "NotFound" && part == Part::Whole => continue,
                    outcome => return outcome,
                }
            }
            if part != Part::Whole {
                return Err(ask.not_found());
            }
            may_create.clone()?;
            let object = self.laid(ask, part, None, application)?.object;
            is_new(ask, &application.config)?;
            match self.make(ask, object, Owners::Told).await {
                // It came meanwhile.
                Err(status) if status.reason == "AlreadyExists" => {}
                outcome => {
                    let mut written = outcome?;
                    written.warnings.extend(application.warnings.iter().cloned());
                    return Ok(written);
                }
            }
        }
        Err(Status::modified(&ask.kind.resource(), ask.name))
    }

    /// The live object with the configuration laid over it, at the revision that the configuration names.
    fn laid(
        &self,
        ask: &Ask<'_>,
        part: Part,
        live: Option<&Value>,
        application: &Application,
    ) -> Result<Wanted, Status> {
        let lay = |write: &managed::Write<'_>| managed::apply(write, live, &application.config, application.force);
        let object = owners::with_write(ask, part, &self.seam, lay)?;
        let object = decode::applied(object, ask.stored())?;
        Ok(match live {
            Some(live) => Wanted::computed(object, live),
            // A revision means nothing where there is no object.
            None => Wanted::relative(object),
        })
    }
}

/// Refuses a configuration for an object that was there before.
fn is_new(ask: &Ask<'_>, config: &Value) -> Result<(), Status> {
    let uid = stamp::meta_text(config, "uid");
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Status::conflict(&ask.kind.resource(), ask.name, &why));
    }
    if stamp::meta_text(config, "name").is_empty() {
        let why = "was undeterminable: name must be provided";
        return Err(Status::bad_request(format!("the name of the object ({} based on URL) {why}", ask.name)));
    }
    Ok(())
}
