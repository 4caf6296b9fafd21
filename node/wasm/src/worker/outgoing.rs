//! Outgoing HTTP of guests: only to the hosts that the pod grants, plain or over TLS.

mod grant;
mod send;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::output::Output;
pub(super) use grant::{Grants, GrantsError};

/// Denied hosts that are named on the container's standard error, once each.
const MAX_NAMED: usize = 32;

/// The hook behind `wasi:http/outgoing-handler`, shared by all instances of a worker.
#[derive(Clone)]
pub(super) struct Outgoing {
    shared: Arc<Shared>,
}

struct Shared {
    grants: Grants,
    tls: OnceCell<TlsConnector>,
    named: Mutex<HashSet<String>>,
    output: Output,
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl Outgoing {
    pub(super) fn new(hosts: &[String], output: &Output) -> Result<Self, GrantsError> {
        let shared = Shared {
            grants: Grants::parse(hosts)?,
            tls: OnceCell::new(),
            named: Mutex::default(),
            output: output.clone(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Shared {
    /// Tells the container's author once per host why the guest got `HTTP-request-denied`.
    fn deny(&self, host: &str) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < MAX_NAMED && named.insert(host.to_owned()) {
            let remedy = "grant it with the pod annotation wasm.bireme.dev/outgoing-hosts.<container>";
            self.output.say(&format!("outgoing HTTP to {host} denied: {remedy}"));
        }
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        // The body's outcome reaches the peer through the connection itself.
        _fut: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let shared = Arc::clone(&self.shared);
        Box::new(async move {
            let target = send::Target::of(request.uri())?;
            if !shared.grants.allow(&target.host, target.port) {
                shared.deny(&target.to_string());
                return Err(Error::HttpRequestDenied);
            }
            let tls = if target.tls { Some(shared.tls.get_or_try_init(send::connector).await?) } else { None };
            let (response, connection) = send::send(request, &target, tls, options.unwrap_or_default()).await?;
            Ok((response, Box::new(connection) as Box<dyn Future<Output = Result<(), Error>> + Send>))
        })
    }
}
