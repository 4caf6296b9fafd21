//! What an object must satisfy, and gets added, beyond its own kind's rules: because of other objects, or of who asks.

mod certificate_request;
mod mirror;
mod pod;
mod priority;
mod service;

pub(crate) use service::service_address;

use api::kind::{Kind, Scope};
use api::meta::Resource;
use api::status::{Cause, Status};
use api::validate::FieldError;
use api::view::View;
use async_trait::async_trait;
use serde_json::Value;
use store::{Precondition, Write};

use crate::bootstrap::local_groups;
use crate::stamp;
use crate::verbs::{Ask, Core};

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A new state of an object.
    Update,
}

/// A write under review, for [`Admission`].
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is about to be done.
    pub operation: Operation,
    /// Who asks.
    pub requester: &'a api::requester::Requester,
    /// Kind of the object.
    pub kind: &'static api::kind::Kind,
    /// State before; `None` for a new object.
    pub old: Option<&'a Value>,
    /// Whether nothing will be persisted.
    pub dry_run: bool,
}

/// Somebody else who may change or refuse a write. Asked after the built-in rules, in order.
#[async_trait]
pub trait Admission: Send + Sync + std::fmt::Debug {
    /// Changes the object or refuses it; answers what to warn about.
    ///
    /// # Errors
    /// The refusal, as the client sees it.
    async fn admit(&self, request: &Request<'_>, object: &mut Value) -> Result<Vec<String>, Status>;
}

/// A write under review, for the built-in rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Review<'a> {
    pub(crate) operation: Operation,
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) old: Option<&'a Value>,
    pub(crate) view: &'a View,
    pub(crate) core: &'a Core,
}

/// What admission adds to a write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admitted {
    /// What to warn about.
    pub(crate) warnings: Vec<String>,
    /// What must still hold when the object is written.
    pub(crate) preconditions: Vec<Precondition>,
    /// What is written with it.
    pub(crate) writes: Vec<Write>,
    /// What is wrong with the object that only the server can see; told with what its kind finds.
    pub(crate) errors: Vec<FieldError>,
}

/// Asks every rule and every [`Admission`].
pub(crate) async fn admit(review: &Review<'_>, object: &mut Value) -> Result<Admitted, Status> {
    let ask = review.ask;
    let mut admitted = Admitted::default();
    if review.operation == Operation::Create {
        namespace(review, object)?;
        own_node(review, object)?;
        mirror::only(review, object)?;
    }
    let resource = ask.kind.stored_resource();
    match (&*resource.group, &*resource.plural, review.operation) {
        // A mirror shows what runs: nothing is added to it.
        ("", "pods", Operation::Create) if mirror::is(object) => {}
        ("", "pods", Operation::Create) => {
            priority::of_pod(review, object)?;
            pod::complete(object);
        }
        ("", "pods", Operation::Update) => priority::of_pod(review, object)?,
        ("scheduling.k8s.io", "priorityclasses", _) => priority::of_class(review, object)?,
        ("", "services", _) => service::allocate(review, object, &mut admitted)?,
        ("", "namespaces", Operation::Create) => name_label(object),
        ("certificates.k8s.io", "certificatesigningrequests", _) => {
            certificate_request::review(review, object, &mut admitted)?;
        }
        ("apiregistration.k8s.io", "apiservices", Operation::Create) if object["spec"]["service"].is_null() => {
            object["status"] = local_groups::status(review.core.seam.now());
        }
        _ => {}
    }
    let (operation, old, dry_run) = (review.operation, review.old, ask.options.dry_run);
    let request = Request { operation, requester: ask.requester, kind: ask.kind, old, dry_run };
    for admission in &review.core.admission {
        admitted.warnings.extend(admission.admit(&request, object).await?);
    }
    Ok(admitted)
}

/// What goes together with an object that goes.
pub(crate) fn freed(view: &View, kind: &Kind, object: &Value) -> Result<Vec<Write>, Status> {
    let resource = kind.stored_resource();
    if (&*resource.group, &*resource.plural) == ("", "services") {
        service::freed(view, object)
    } else {
        Ok(Vec::new())
    }
}

/// Nothing is made in a namespace that is missing or going.
fn namespace(review: &Review<'_>, object: &Value) -> Result<(), Status> {
    let ask = review.ask;
    if ask.kind.scope == Scope::Cluster {
        return Ok(());
    }
    let Some(namespace) = review.view.find("", "namespaces", "", ask.namespace) else {
        return Err(Status::not_found(&Resource::new("", "namespaces"), ask.namespace));
    };
    if namespace.header.deletion.is_none() {
        return Ok(());
    }
    let name = ask.namespace;
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let mut status = Status::forbidden(&ask.kind.resource(), stamp::meta_text(object, "name"), &why);
    if let Some(details) = &mut status.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {name} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    Err(status)
}

/// A node makes its own Node and Lease, no other's.
fn own_node(review: &Review<'_>, object: &Value) -> Result<(), Status> {
    let Some(node) = review.ask.requester.node() else { return Ok(()) };
    let name = stamp::meta_text(object, "name");
    if !matches!(&*review.ask.kind.plural, "nodes" | "leases") || name == node {
        return Ok(());
    }
    let why = format!("node \"{node}\" is not allowed to create an object of another node");
    Err(Status::forbidden(&review.ask.kind.resource(), name, &why))
}

/// Label by which selectors find a namespace by name (KEP-2161).
fn name_label(object: &mut Value) {
    let name = stamp::meta_text(object, "name").to_owned();
    if !name.is_empty() {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
    }
}
