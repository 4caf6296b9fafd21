//! Calls to the endpoints of nodes, each of which proves itself by its name, as the server does by its certificate.

use std::sync::Arc;
use std::time::Duration;

use api::status::Status;
use api::view::View;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use seam::Seam;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fail::Reply;
use crate::verbs::value_of;

/// Longest wait for a node to take a connection and begin its answer.
const CONNECT: Duration = Duration::from_secs(10);

/// Calls nodes with the server's own certificate.
#[derive(Clone)]
pub(crate) struct NodeCaller {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) seam: Seam,
}

impl std::fmt::Debug for NodeCaller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeCaller").finish_non_exhaustive()
    }
}

impl NodeCaller {
    /// Asks a node for a path. The answer comes as the node sends it, whatever its code.
    ///
    /// # Errors
    /// 503 when the node is not known, cannot be reached, or does not answer in time.
    pub(crate) async fn get(&self, view: &View, node: &str, path: &str) -> Result<Response<Incoming>, Status> {
        let place = endpoint(view, node)?;
        let failed =
            |why: String| Status::unavailable(format!("cannot read from node \"{node}\" at {place}: {why}"), 1);
        let name = ServerName::try_from(node.to_owned()).map_err(|error| failed(error.to_string()))?;
        let uri: Uri =
            path.parse().map_err(|_| Status::bad_request("a parameter of the request cannot be passed on"))?;
        let connect = async {
            let stream = TcpStream::connect(&place).await?;
            TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await
        };
        let stream = self.seam.timeout(CONNECT, connect).await;
        let stream = stream.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|error| failed(error.to_string()))?;
        let about = node.to_owned();
        self.seam.spawn("node connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(node = about, %error, "a connection to a node ended");
            }
        });
        let mut request = Request::new(Empty::<bytes::Bytes>::new());
        *request.uri_mut() = uri;
        request.headers_mut().insert(http::header::HOST, HeaderValue::from_static("node"));
        let answer = self.seam.timeout(CONNECT, sender.send_request(request)).await;
        answer.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    /// Answers `nodes/proxy`: what the node says, with its code and its media type.
    pub(crate) async fn pass(&self, view: &View, node: &str, path: &str) -> Result<Reply, Status> {
        let (parts, body) = self.get(view, node, path).await?.into_parts();
        let mut reply = Response::new(Body::new(body));
        *reply.status_mut() = parts.status;
        if let Some(media) = parts.headers.get(CONTENT_TYPE) {
            reply.headers_mut().insert(CONTENT_TYPE, media.clone());
        }
        Ok(reply)
    }
}

/// `ADDRESS:PORT` of a node's endpoint.
fn endpoint(view: &View, node: &str) -> Result<String, Status> {
    let unavailable = |why: &str| Status::unavailable(format!("cannot reach node \"{node}\": {why}"), 1);
    let record = view.find("", "nodes", "", node).ok_or_else(|| unavailable("there is no such node"))?;
    let object = value_of(record)?;
    let addresses = object["status"]["addresses"].as_array().into_iter().flatten();
    let address = addresses
        .filter(|address| address["type"] == "InternalIP")
        .find_map(|address| address["address"].as_str())
        .ok_or_else(|| unavailable("its status has no InternalIP"))?;
    let port = object["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64();
    let port = port.filter(|port| *port != 0).ok_or_else(|| unavailable("its status has no kubelet endpoint"))?;
    Ok(if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") })
}
