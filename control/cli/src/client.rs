//! A connection to the API, and what can go wrong with a command.

use std::path::{Path, PathBuf};

use http::{Method, Request, header};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::arguments::Target;

/// Why a command failed, in kubectl's words where it has some.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No kubeconfig is to be found.
    #[error("no cluster is known: start one with `bireme up`, or give --kubeconfig")]
    NoCluster,
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig {0}: {1}")]
    Kubeconfig(String, String),
    /// The server answered with a failure.
    #[error("Error from server ({reason}): {message}")]
    Server {
        /// `reason` of the Status, or the HTTP code.
        reason: String,
        /// Its message.
        message: String,
        /// HTTP code.
        code: u16,
    },
    /// The server cannot be reached.
    #[error("cannot reach the API server: {0}")]
    Unreachable(String),
    /// What was typed or read makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// Results cannot be printed.
    #[error("cannot write the result")]
    Output(#[from] std::io::Error),
    /// Several objects failed; each was told already.
    #[error("{0} of {1} objects failed")]
    Some(usize, usize),
}

impl CommandError {
    /// Whether the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Server { code: 404, .. })
    }
}

impl From<kube::Error> for CommandError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                let reason = if status.reason.is_empty() { status.code.to_string() } else { status.reason.clone() };
                Self::Server { reason, message: status.message.clone(), code: status.code }
            }
            other => {
                let mut text = other.to_string();
                let mut source = std::error::Error::source(&other);
                while let Some(cause) = source {
                    text = format!("{text}: {cause}");
                    source = cause.source();
                }
                Self::Unreachable(text)
            }
        }
    }
}

/// Result of a command.
pub type Result<T> = std::result::Result<T, CommandError>;

/// A client of one cluster.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    /// Namespace that the user or the kubeconfig names.
    pub namespace: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects as the target says. `local` is where `up` on this machine writes its kubeconfig.
    ///
    /// # Errors
    /// When there is no kubeconfig, or it cannot be used.
    pub async fn connect(target: &Target, local: Option<&Path>) -> Result<Self> {
        let path = find(target, local).ok_or(CommandError::NoCluster)?;
        let unusable = |cause: String| CommandError::Kubeconfig(path.display().to_string(), cause);
        let kubeconfig = Kubeconfig::read_from(&path).map_err(|error| unusable(error.to_string()))?;
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let config = config.map_err(|error| unusable(error.to_string()))?;
        let namespace = target.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let kube = kube::Client::try_from(config).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { kube, namespace })
    }

    /// Sends a request and reads the whole answer as JSON.
    ///
    /// # Errors
    /// When the server cannot be reached or answers with a failure.
    pub async fn json(&self, request: Request<Vec<u8>>) -> Result<Value> {
        Ok(self.kube.request(request).await?)
    }

    /// Sends a request and reads the answer as it comes.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn stream(&self, request: Request<Vec<u8>>) -> Result<impl futures::AsyncBufRead + use<>> {
        Ok(self.kube.request_stream(request).await?)
    }
}

/// A request without a body.
///
/// # Errors
/// When the path is malformed, which a name with strange letters can cause.
pub fn ask(method: Method, path: &str, accept: &str) -> Result<Request<Vec<u8>>> {
    build(Request::builder().method(method).uri(path).header(header::ACCEPT, accept), Vec::new())
}

/// A request with a JSON body.
///
/// # Errors
/// As [`ask`].
pub fn send(method: Method, path: &str, content_type: &str, body: &Value) -> Result<Request<Vec<u8>>> {
    let builder = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
    build(builder.header(header::CONTENT_TYPE, content_type), body.to_string().into_bytes())
}

fn build(builder: http::request::Builder, body: Vec<u8>) -> Result<Request<Vec<u8>>> {
    builder.body(body).map_err(|error| CommandError::Usage(format!("cannot ask for that: {error}")))
}

fn find(target: &Target, local: Option<&Path>) -> Option<PathBuf> {
    if target.kubeconfig.is_some() {
        return target.kubeconfig.clone();
    }
    let from_env = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config"));
    from_env
        .or_else(|| local.filter(|path| path.exists()).map(Path::to_owned))
        .or_else(|| home.filter(|path| path.exists()))
}
