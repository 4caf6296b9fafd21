//! One request: one instance.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::output::Output;
use super::state::{CommandState, Stores};
use super::ticker::Beat;

/// The body of an answer: the guest's, or a line of ours.
pub(super) type AnswerBody = HyperOutgoingBody;

/// Everything that the requests of a worker share.
pub(super) struct Handler {
    pub(super) component: ProxyPre<CommandState>,
    pub(super) stores: Stores,
    pub(super) slots: Arc<Semaphore>,
    pub(super) timeout: Duration,
    pub(super) output: Output,
    pub(super) beat: Beat,
}

/// What a guest hands back: its answer, or the code that it failed with.
type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// How a guest's run for one request ended. What it may have answered took its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// It returned.
    Returned,
    /// It trapped or could not be instantiated; that was said on standard error.
    Failed,
    /// It was stopped at the deadline.
    Late,
}

/// Ends the guest when the client went away before the answer.
struct AbortOnDrop(Option<JoinHandle<Run>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl Handler {
    /// Answers one request with a fresh instance. Whatever the guest does, the client gets an answer: 500 for a trap, 503
    /// when no slot gets free, 504 at the deadline.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<AnswerBody> {
        let line = format!("{} {}", request.method(), request.uri().path());
        let Ok(Ok(slot)) = timeout(self.timeout, Arc::clone(&self.slots).acquire_owned()).await else {
            self.output.say(&format!("{line}: all {} instances busy", self.slots.available_permits()));
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "all instances are busy");
        };
        let deadline = Instant::now() + self.timeout;
        let (sender, answer) = oneshot::channel();
        let work = Arc::clone(&self).guest(request, sender, slot, deadline, line.clone());
        let guest = tokio::spawn(self.beat.clone().during(work));
        let mut guest = AbortOnDrop(Some(guest));
        match timeout_at(deadline, answer).await {
            Ok(Ok(Ok(response))) => {
                // The guest goes on: it may still be writing the body.
                drop(guest.0.take());
                response
            }
            Ok(Ok(Err(code))) => {
                self.output.say(&format!("{line}: the guest answered with {code:?}"));
                refusal(StatusCode::INTERNAL_SERVER_ERROR, "the guest failed")
            }
            Ok(Err(_)) => self.no_answer(guest.0.take(), &line).await,
            Err(_) => self.too_late(&line),
        }
    }

    /// Runs the guest for one request, at most until the deadline.
    async fn guest(
        self: Arc<Self>,
        request: Request<Incoming>,
        sender: oneshot::Sender<Answer>,
        slot: OwnedSemaphorePermit,
        deadline: Instant,
        line: String,
    ) -> Run {
        let work = async {
            let mut store = self.stores.component(self.component.engine())?;
            let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
            let out = store.data_mut().http().new_response_outparam(sender)?;
            let proxy = self.component.instantiate_async(&mut store).await?;
            proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
        };
        let outcome = timeout_at(deadline, work).await;
        drop(slot);
        match outcome {
            Ok(Ok(())) => Run::Returned,
            Ok(Err(error)) => {
                self.output.say(&format!("{line}: {error:?}"));
                Run::Failed
            }
            Err(_) => Run::Late,
        }
    }

    /// The guest ended without an answer: it trapped, forgot to answer, or was stopped.
    async fn no_answer(&self, guest: Option<JoinHandle<Run>>, line: &str) -> Response<AnswerBody> {
        let Some(guest) = guest else { return self.too_late(line) };
        match guest.await {
            Ok(Run::Late) => return self.too_late(line),
            Ok(Run::Failed) => {}
            Ok(Run::Returned) => self.output.say(&format!("{line}: the guest ended without an answer")),
            Err(error) => self.output.say(&format!("{line}: {error}")),
        }
        refusal(StatusCode::INTERNAL_SERVER_ERROR, "the guest failed")
    }

    fn too_late(&self, line: &str) -> Response<AnswerBody> {
        self.output.say(&format!("{line}: no answer within {:?}, the instance is stopped", self.timeout));
        refusal(StatusCode::GATEWAY_TIMEOUT, "the guest did not answer in time")
    }
}

/// An answer of the worker's own.
pub(super) fn refusal(status: StatusCode, reason: &'static str) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from_static(reason.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
