//! What a running server holds, and the way of one request through it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::requester::Requester;
use api::status::Status;
use futures::FutureExt;
use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue, Request};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::access::{self, Attempt, Authorizer};
use crate::fail::{self, Reply};
use crate::log::NodeCaller;
use crate::object;
use crate::page;
use crate::query::Query;
use crate::route::{self, Page, Route, Target};
use crate::verbs::{Core, owners};
use crate::watch::Hub;
use crate::{body, identity};

/// Longest time for a request that is not a stream; as kube-apiserver.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Reads under way at once, at most; as kube-apiserver's `--max-requests-inflight`.
pub(crate) const READS_MAX: usize = 400;
/// Writes under way at once, at most; as kube-apiserver's `--max-mutating-requests-inflight`.
pub(crate) const WRITES_MAX: usize = 200;

static AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// See the module.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) caller: NodeCaller,
    pub(crate) version: Value,
    pub(crate) server_address: String,
    pub(crate) bootstrapped: AtomicBool,
    pub(crate) reads: Semaphore,
    pub(crate) writes: Semaphore,
    /// Who watches what.
    pub(crate) watches: Arc<Hub>,
}

impl App {
    /// Whether a named check of health holds.
    pub(crate) fn check(&self, name: &str) -> bool {
        match name {
            "leader" => self.core.store.leadership().borrow().is_some(),
            "bootstrap" => self.bootstrapped.load(Ordering::Acquire),
            // Whoever answers has come this far.
            _ => true,
        }
    }

    /// Answers a request; never fails and never panics.
    pub(crate) async fn serve(self: Arc<Self>, request: Request<Incoming>, requester: Option<Requester>) -> Reply {
        let id = self.core.seam.uuid().to_string();
        let span =
            tracing::debug_span!("request", request_id = %id, method = %request.method(), path = request.uri().path());
        let answer = AssertUnwindSafe(self.respond(request, requester)).catch_unwind().instrument(span);
        let mut reply = match answer.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(status)) => fail::reply(&status),
            Err(_) => fail::reply(&Status::internal("this request made the server panic; see its log")),
        };
        let headers = reply.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(AUDIT_ID.clone(), id);
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
        reply
    }

    async fn respond(&self, request: Request<Incoming>, requester: Option<Requester>) -> Result<Reply, Status> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let query = Query::of(&parts.uri)?;
        let route = route::route(&parts.method, path, &query);
        let public = matches!(route, Ok(Route::Page(Page::Health(_) | Page::Version)));
        let requester = match requester {
            Some(requester) => requester,
            None if public => identity::anonymous(),
            None => return Err(fail::unauthorized()),
        };
        let requester = identity::impersonated(&requester, &parts.headers)?.unwrap_or(requester);
        let target = match route? {
            Route::Page(page) if public || access::may_discover(&requester) => {
                return Ok(page::answer(self, &page, &parts.method, path, &query, &parts.headers));
            }
            Route::Page(_) => return Ok(fail::refusal(&access::refuse_path(&requester, path))),
            Route::Object(target) => target,
        };
        if let Err(status) = self.authorize(&requester, &target, &query) {
            return Ok(fail::refusal(&status));
        }
        let (headers, manager) = (&parts.headers, owners::of_request(&query, &parts.headers, &requester));
        let asked = object::Asked {
            app: self,
            requester: &requester,
            target: &target,
            query: &query,
            headers,
            manager: &manager,
        };
        if target.is_long_running() {
            return asked.answer(bytes::Bytes::new()).await;
        }
        let room = if target.mutates() { &self.writes } else { &self.reads };
        let _room = room.try_acquire().map_err(|_| too_many())?;
        let work = async {
            let body = body::read(body).await?;
            asked.answer(body).await
        };
        self.core.seam.timeout(TIMEOUT, work).await.map_err(|_| fail::timeout())?
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

fn too_many() -> Status {
    let mut status = Status::new(429, "TooManyRequests", "Too many requests, please try again later.");
    status.details = Some(Box::new(api::status::Details { retry_after_seconds: 1, ..api::status::Details::default() }));
    status
}
