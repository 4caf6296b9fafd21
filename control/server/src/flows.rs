//! Of which flow schema and priority level a request is, as answers tell it.

use std::sync::{Arc, Mutex, PoisonError};

use api::flow::{Class, Flow, Goal, Print, Schemas};
use api::requester::Requester;
use api::view::View;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::route::{Route, Target, Verb};

static SCHEMA: HeaderName = HeaderName::from_static("x-kubernetes-pf-flowschema-uid");
static LEVEL: HeaderName = HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");

/// The schemas of the newest state that was asked about, read once.
#[derive(Debug, Default)]
pub(crate) struct Flows(Mutex<(Print, Arc<Schemas>)>);

impl Flows {
    /// The class of a request; none for what takes as long as it takes and is no watch, as in Kubernetes.
    pub(crate) fn class(&self, view: &View, requester: &Requester, route: &Route, parts: &Parts) -> Option<Arc<Class>> {
        let method = parts.method.as_str().to_ascii_lowercase();
        let (verb, goal) = match route {
            Route::Page(_) => (method.as_str(), Goal::Path(parts.uri.path())),
            Route::Object(target) if target.is_long_running() && target.verb != Verb::Watch => return None,
            Route::Object(target) => (target.verb.name(), goal(target)),
        };
        self.schemas(view).class(&Flow { requester, verb, goal }).cloned()
    }

    fn schemas(&self, view: &View) -> Arc<Schemas> {
        let print = Print::of(view);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != print {
            *known = (print, Arc::new(Schemas::of(view)));
        }
        Arc::clone(&known.1)
    }
}

/// A request about a namespace counts as one in it.
fn goal(target: &Target) -> Goal<'_> {
    let kind = target.kind;
    let is_namespace = kind.group.is_empty() && &*kind.plural == "namespaces";
    let namespace = if is_namespace { &target.name } else { &target.namespace };
    Goal::Objects { group: &kind.group, resource: &kind.plural, subresource: target.part(), namespace }
}

/// Tells the class in an answer.
pub(crate) fn tell(class: &Class, headers: &mut HeaderMap) {
    for (name, uid) in [(&SCHEMA, &class.schema), (&LEVEL, &class.level)] {
        if let Ok(uid) = HeaderValue::from_str(uid.as_str()) {
            headers.insert(name.clone(), uid);
        }
    }
}
