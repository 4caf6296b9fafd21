//! How the parts of the control plane are, told anew to everybody who asks: what stands behind `ComponentStatus`.

use std::sync::Arc;

use api::kind::Kind;
use api::status::Status;
use api::view::View;
use serde_json::{Value, json};
use store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::computed;
use crate::verbs::Core;

/// Name of the store among the parts, as Kubernetes has it.
const STORE: &str = "etcd-0";

/// A part of the control plane beside server and store.
#[derive(Clone, Debug)]
pub struct Component {
    name: &'static str,
    ended: CancellationToken,
}

/// As long as it lives, the parts that came with it run.
#[derive(Debug)]
pub struct Alive(#[expect(dead_code, reason = "it is dropped, which tells")] DropGuard);

impl Component {
    /// Parts of these names (as Kubernetes has them: `scheduler`), and what whoever runs them holds meanwhile.
    #[must_use]
    pub fn run_together(names: &[&'static str]) -> (Vec<Self>, Alive) {
        let ended = CancellationToken::new();
        let components = names.iter().map(|name| Self { name, ended: ended.clone() });
        (components.collect(), Alive(ended.drop_guard()))
    }

    fn health(&self) -> Result<(), String> {
        if self.ended.is_cancelled() { Err("it does not run; see the log of the server".to_owned()) } else { Ok(()) }
    }
}

/// Every part as an object of the kind, in a view that has nothing else and no revision.
pub(crate) fn view(core: &Core, kind: &Kind) -> Result<View, Status> {
    let others = core.components.iter().map(|component| (component.name, component.health()));
    let mut view = View::new();
    for (name, health) in others.chain([(STORE, health_of(&core.store))]) {
        view.put(Arc::new(computed::record(kind, "", name, &object(kind, name, &health))?));
    }
    Ok(view)
}

/// Kubernetes answers 500 without a reason for a part that is not there.
pub(crate) fn unknown(name: &str) -> Status {
    Status::new(500, "", format!("Component not found: {name}"))
}

fn health_of(store: &Store) -> Result<(), String> {
    store.failure().map_or(Ok(()), Err)
}

fn object(kind: &Kind, name: &str, health: &Result<(), String>) -> Value {
    let (status, message) = match health {
        Ok(()) => ("True", "ok"),
        Err(why) => ("False", why.as_str()),
    };
    json!({
        "apiVersion": kind.api_version(), "kind": &*kind.kind, "metadata": {"name": name},
        "conditions": [{"type": "Healthy", "status": status, "message": message}],
    })
}
