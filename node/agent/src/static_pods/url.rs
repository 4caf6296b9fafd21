//! An address that answers with manifests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Pod;
use seam::Seam;

use super::manifest::{self, Origin};

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 10 << 20;
/// Longest time for an answer, as the kubelet gives it.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The address, and what it last said.
pub(super) struct Url {
    address: String,
    node: String,
    /// The last answer and its pods: equal answers are parsed once.
    last: Option<(Bytes, Vec<Pod>)>,
}

impl Url {
    pub(super) fn new(address: String, node: &str) -> Self {
        Self { address, node: node.to_owned(), last: None }
    }

    /// The pods that the address names now; none when it does not answer with manifests. What it named before stays then.
    pub(super) async fn ask(&mut self, seam: &Seam) -> Option<Vec<Pod>> {
        match self.read(seam).await {
            Ok(pods) => Some(pods),
            Err(error) => {
                tracing::warn!(address = self.address, error, "static pods cannot be read");
                None
            }
        }
    }

    async fn read(&mut self, seam: &Seam) -> Result<Vec<Pod>, String> {
        let answer = seam.timeout(ANSWER_WAIT, fetch(&self.address)).await;
        let answer = answer.map_err(|elapsed| elapsed.to_string())??;
        if let Some((last, pods)) = &self.last
            && *last == answer
        {
            return Ok(pods.clone());
        }
        let place = format!("url:{}", self.address);
        let pods = manifest::pods(&answer, Origin::Http, &place, &self.node, seam.now());
        let pods = pods.map_err(|error| error.to_string())?;
        self.last = Some((answer, pods.clone()));
        Ok(pods)
    }
}

async fn fetch(address: &str) -> Result<Bytes, String> {
    let uri: http::Uri = address.parse().map_err(|error| format!("no address: {error}"))?;
    let connector: HttpsConnector<HttpConnector> = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("read the machine's certificates: {error}"))?
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.get(uri).await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(|error| error.to_string())?;
    Ok(body.to_bytes())
}
