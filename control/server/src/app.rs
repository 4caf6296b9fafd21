//! What a running server holds, and the way of one request through it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use api::requester::Requester;
use api::status::Status;
use futures::FutureExt;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use hyper::body::Incoming;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::access::{self, Attempt, Authorizer};
use crate::fail::{self, Reply};
use crate::flows::Flows;
use crate::gate::Gate;
use crate::limits::Limits;
use crate::meter::{self, Meter};
use crate::nodes::NodeCaller;
use crate::object::Asked;
use crate::page;
use crate::query::Query;
use crate::route::{self, Page, Route, Target};
use crate::usage::Usage;
use crate::verbs::{Core, owners};
use crate::watch::Hub;
use crate::{body, deadline, flows, identity, warning};

/// Longest `Audit-ID` of a client that is taken over; as kube-apiserver.
const AUDIT_ID_MAX: usize = 64;

static AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// See the module.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) caller: NodeCaller,
    /// What nodes said of their use of resources.
    pub(crate) usage: Usage,
    pub(crate) version: Value,
    pub(crate) server_address: String,
    pub(crate) bootstrapped: AtomicBool,
    pub(crate) reads: Arc<Gate>,
    pub(crate) writes: Arc<Gate>,
    pub(crate) meter: Meter,
    pub(crate) limits: Limits,
    /// Cancelled when the server takes nothing new.
    pub(crate) stopping: CancellationToken,
    /// Who watches what.
    pub(crate) watches: Arc<Hub>,
    /// Which requests are of which flow schema.
    pub(crate) flows: Flows,
}

impl App {
    /// Answers a request; never fails and never panics.
    pub(crate) async fn serve(self: Arc<Self>, request: Request<Incoming>, requester: Option<Requester>) -> Reply {
        let begun = self.core.seam.moment();
        let (parts, body) = request.into_parts();
        let id = self.audit_id(&parts.headers);
        let span = tracing::debug_span!("request", request_id = ?id, method = %parts.method, path = parts.uri.path());
        let (outcome, asked) = match asked_for(&parts) {
            Ok((route, query)) => {
                let asked = meter::Asked::of(&route, &query, &parts);
                let answer = AssertUnwindSafe(self.respond(&parts, body, &query, &route, requester)).catch_unwind();
                let panicked = |_| Err(Status::internal("this request made the server panic; see its log"));
                (answer.instrument(span).await.unwrap_or_else(panicked), asked)
            }
            Err(status) => (refused(status, &parts, requester), None),
        };
        let mut reply = outcome.unwrap_or_else(|status| fail::reply(&status));
        if let Some(asked) = asked {
            self.meter.answered(&asked, reply.status(), self.core.seam.moment().since(begun));
            if asked.is_stream() {
                reply = self.meter.stream(&asked, reply);
            }
        }
        let headers = reply.headers_mut();
        headers.insert(AUDIT_ID.clone(), id);
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
        reply
    }

    /// The id under which a request can be found again: the client's own, or a new one.
    fn audit_id(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(&AUDIT_ID).map(HeaderValue::as_bytes).filter(|id| !id.is_empty());
        let given = given.map(|id| &id[..id.len().min(AUDIT_ID_MAX)]);
        let own = || HeaderValue::from_str(&self.core.seam.uuid().to_string());
        let id = given.map_or_else(own, HeaderValue::from_bytes);
        id.unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }

    async fn respond(
        &self,
        parts: &Parts,
        body: Incoming,
        query: &Query,
        route: &Route,
        requester: Option<Requester>,
    ) -> Result<Reply, Status> {
        let path = parts.uri.path();
        let public = matches!(route, Route::Page(Page::Health(..) | Page::Version));
        let requester = match requester {
            Some(requester) => requester,
            None if public => identity::anonymous(),
            None => return Err(fail::unauthorized()),
        };
        let requester = identity::impersonated(&requester, &parts.headers)?.unwrap_or(requester);
        let class = self.flows.class(&self.core.store.view(), &requester, route, parts);
        let mut reply = match route {
            Route::Page(page) if public || access::may_visit(&requester, page) => {
                page::answer(self, page, &parts.method, path, query, &parts.headers)
            }
            Route::Page(_) => fail::refusal(&access::refuse_path(&requester, path)),
            Route::Object(target) => self.about(&requester, target, query, parts, body).await,
        };
        if let Some(class) = class {
            flows::tell(&class, reply.headers_mut());
        }
        Ok(reply)
    }

    /// Answers a request about objects.
    async fn about(
        &self,
        requester: &Requester,
        target: &Target,
        query: &Query,
        parts: &Parts,
        body: Incoming,
    ) -> Reply {
        if let Err(status) = self.authorize(requester, target, query) {
            return fail::refusal(&status);
        }
        let (headers, manager) = (&parts.headers, owners::of_request(query, &parts.headers, requester));
        let asked = Asked { app: self, requester, target, query, headers, manager: &manager };
        let mut reply = self.object(asked, body).await.unwrap_or_else(|status| fail::reply(&status));
        warning::add(reply.headers_mut(), target.kind.deprecation().as_slice());
        reply
    }

    /// Does what is asked of objects, when it is its turn and as long as there is time.
    async fn object(&self, asked: Asked<'_>, body: Incoming) -> Result<Reply, Status> {
        let Asked { requester, target, query, .. } = asked;
        if target.is_long_running() {
            return asked.answer(bytes::Bytes::new()).await;
        }
        let work = async {
            let (gate, kind) = if target.mutates() { (&self.writes, "mutating") } else { (&self.reads, "readOnly") };
            let Ok(_seat) = gate.enter(&requester.user, &self.core.seam).await else {
                self.meter.dropped(kind);
                return Ok(fail::too_many());
            };
            let body = body::read(body).await?;
            asked.answer(body).await
        };
        let time = deadline::of(query, self.limits.request)?;
        self.core.seam.timeout(time, work).await.map_err(|_| fail::timeout())?
    }

    /// Refuses what the requester may not do.
    pub(crate) fn authorize(&self, requester: &Requester, target: &Target, query: &Query) -> Result<(), Status> {
        let attempt = Attempt {
            requester,
            verb: target.verb,
            group: &target.kind.group,
            resource: &target.kind.plural,
            subresource: target.part(),
            namespace: &target.namespace,
            name: &target.name,
            fields: query.get("fieldSelector").unwrap_or_default(),
        };
        let view = self.core.store.view();
        if self.authorizer.allows(&attempt, &view) { Ok(()) } else { Err(access::refuse(&attempt)) }
    }
}

/// Finds out what is asked for.
fn asked_for(parts: &Parts) -> Result<(Route, Query), Status> {
    let query = Query::of(&parts.uri)?;
    let route = route::route(&parts.method, parts.uri.path(), &query)?;
    Ok((route, query))
}

/// The refusal of what is not served, for those who may know.
fn refused(status: Status, parts: &Parts, requester: Option<Requester>) -> Result<Reply, Status> {
    let requester = requester.ok_or_else(fail::unauthorized)?;
    identity::impersonated(&requester, &parts.headers)?;
    Err(status)
}
