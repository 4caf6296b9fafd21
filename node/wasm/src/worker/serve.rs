//! Guests that answer HTTP requests.

use std::convert::Infallible;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wasmtime::component::Component;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::listen::listeners;
use super::output::Output;
use super::request::Handler;
use super::state::Stores;
use super::ticker::Beat;
use super::{WorkerExit, WorkerSpec};
use crate::engine::{MAX_CONCURRENT_REQUESTS, Preloaded, instances_in_pool};
use crate::sys;

/// Connections served at the same time; more wait in the kernel's queue. Keeps idle clients from using up descriptors.
const MAX_CONNECTIONS: usize = 1024;

/// Streams of one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// Longest wait for the head of a request: a client that sends none would hold its connection for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before accepting again when the process or the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a component's `wasi:http/incoming-handler` until SIGTERM, then lets requests in flight end.
pub(super) async fn serve(
    preloaded: &Preloaded,
    spec: WorkerSpec,
    code: File,
    output: &Output,
    beat: Beat,
    on_ready: impl FnOnce(),
) -> WorkerExit {
    let Some(port) = spec.port else {
        let remedy = "it serves HTTP and needs a port: name one in the container's `ports`";
        return WorkerExit::not_started("run the component", remedy);
    };
    let handler = match prepare(preloaded, &spec, code, output, beat) {
        Ok(handler) => Arc::new(handler),
        Err(exit) => return exit,
    };
    let listeners = match listeners(port, &spec.addresses) {
        Ok(listeners) => listeners,
        Err(error) => return WorkerExit::not_started(&format!("listen on port {port}"), error),
    };
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return WorkerExit::not_started("listen for SIGTERM", error),
    };
    let (stop, stopping) = watch::channel(());
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, Arc::clone(&connections), Arc::clone(&handler), stopping.clone()));
    }
    drop(stopping);
    on_ready();
    // `None`: the stream of signals cannot end while its receiver lives.
    let _signal = terminate.recv().await;
    accepting.shutdown().await;
    drain(&stop, handler.timeout).await;
    WorkerExit::exited(0)
}

/// Links the component and sizes its concurrency.
fn prepare(
    preloaded: &Preloaded,
    spec: &WorkerSpec,
    code: File,
    output: &Output,
    beat: Beat,
) -> Result<Handler, WorkerExit> {
    let failed = |what: &'static str| move |error: wasmtime::Error| WorkerExit::not_started(what, format!("{error:#}"));
    let stores = Stores::new(spec, output)?;
    let component = sys::load_component(&preloaded.per_request, code).map_err(failed("load the compiled component"))?;
    let instances = concurrency(&component)?;
    let component = preloaded.servers.instantiate_pre(&component).and_then(ProxyPre::new);
    Ok(Handler {
        component: component.map_err(failed("link the component"))?,
        stores,
        slots: Arc::new(Semaphore::new(instances)),
        timeout: spec.request_timeout.unwrap_or(WorkerSpec::DEFAULT_REQUEST_TIMEOUT),
        output: output.clone(),
        beat,
    })
}

/// How many instances of this component the pool holds: one made of many parts fits fewer times.
fn concurrency(component: &Component) -> Result<usize, WorkerExit> {
    let limit = match component.resources_required() {
        Some(needed) => instances_in_pool(needed.num_memories, needed.num_tables),
        // Modules that it imports are not counted; the pool then refuses, and the request fails with that message.
        None => MAX_CONCURRENT_REQUESTS,
    };
    match usize::try_from(limit) {
        Ok(limit) if limit > 0 => Ok(limit),
        Ok(_) | Err(_) => {
            Err(WorkerExit::not_started("run the component", "it has more memories or tables than the pool"))
        }
    }
}

/// Accepts while there is room for one more connection.
async fn accept(
    listener: TcpListener,
    connections: Arc<Semaphore>,
    handler: Arc<Handler>,
    stopping: watch::Receiver<()>,
) {
    while let Ok(room) = Arc::clone(&connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = serve_connection(stream, Arc::clone(&handler), stopping.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(room);
                });
            }
            // The client is gone again, or descriptors are short: neither ends the server.
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// HTTP/1.1 or, when the client begins with it, HTTP/2.
async fn serve_connection(stream: TcpStream, handler: Arc<Handler>, mut stopping: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection is gone");
        return;
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.answer(request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut told = false;
    let ended = loop {
        tokio::select! {
            ended = &mut connection => break ended,
            _ = stopping.changed(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection broke");
    }
}

/// Tells all connections to end after their requests, and waits for them as long as one request may take.
async fn drain(stop: &watch::Sender<()>, patience: Duration) {
    stop.send_replace(());
    if tokio::time::timeout(patience, stop.closed()).await.is_err() {
        tracing::warn!("requests still running at the end of the drain are dropped");
    }
}
