//! One HTTP GET, over TLS or not, with redirects of the same host followed.

use std::pin::pin;

use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::call::Get;
use super::dial::{self, Target};

/// Redirects that are followed, as by Go's client.
const REDIRECTS_MAX: usize = 10;
/// Most of a body that is kept, in bytes, as by the kubelet.
const BODY_MAX: usize = 10 << 10;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The beginning of the body of an answer that redirects elsewhere; empty otherwise.
    pub(super) body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("Get \"{url}\": {why}")]
pub(super) struct Failure {
    url: String,
    why: String,
}

/// A GET without an answer within its time, in the words of Go's client.
pub(super) fn timed_out(get: &Get, authority: &str) -> String {
    let why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned();
    Failure { url: url(get.tls, authority, &get.path), why }.to_string()
}

fn url(tls: bool, authority: &str, path: &str) -> String {
    format!("{}://{authority}{path}", if tls { "https" } else { "http" })
}

/// One place to ask.
struct Place {
    tls: bool,
    target: Target,
    path: String,
}

/// Asks. `agent` names who does, unless the headers name another.
///
/// # Errors
/// When there is no answer.
pub(super) async fn get(get: &Get, target: Target, agent: &str) -> Result<Answer, Failure> {
    let mut place = Place { tls: get.tls, target, path: get.path.clone() };
    for _ in 0..=REDIRECTS_MAX {
        let failed = |why: String| Failure { url: url(place.tls, &place.target.to_string(), &place.path), why };
        let request = request(get, &place, agent).map_err(failed)?;
        let stream = dial::tcp(&place.target).await.map_err(failed)?;
        let answered = if place.tls {
            let stream = dial::tls(&place.target, stream).await.map_err(failed)?;
            exchange(stream, request).await
        } else {
            exchange(stream, request).await
        };
        let (status, location, body) = answered.map_err(failed)?;
        match location.filter(|_| status.is_redirection()).and_then(|location| redirected(&place, &location)) {
            Some(next) => place = next,
            None => return Ok(Answer { status: status.as_u16(), body }),
        }
    }
    let why = format!("stopped after {REDIRECTS_MAX} redirects");
    Err(Failure { url: url(place.tls, &place.target.to_string(), &place.path), why })
}

/// Where a redirect leads, when that is the same host.
fn redirected(from: &Place, location: &str) -> Option<Place> {
    let uri: Uri = location.parse().ok()?;
    let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let Some(host) = uri.host() else {
        return Some(Place { tls: from.tls, target: from.target.clone(), path });
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let tls = uri.scheme_str().map_or(from.tls, |scheme| scheme == "https");
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    (host == from.target.host).then(|| Place { tls, target: Target { host: host.to_owned(), port }, path })
}

fn request(get: &Get, place: &Place, agent: &str) -> Result<Request<Empty<Bytes>>, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &get.headers {
        let name: HeaderName = name.parse().map_err(|error| format!("header {name:?}: {error}"))?;
        let value: HeaderValue = value.parse().map_err(|error| format!("header {name}: {error}"))?;
        // The last Host counts; others may stand several times.
        if name == header::HOST {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    let defaults = [
        (header::HOST, place.target.to_string()),
        (header::USER_AGENT, agent.to_owned()),
        (header::ACCEPT, "*/*".to_owned()),
        (header::CONNECTION, "close".to_owned()),
    ];
    for (name, value) in defaults {
        if !headers.contains_key(&name) {
            headers.insert(name, value.parse().map_err(|error| format!("{value:?}: {error}"))?);
        }
    }
    // An empty value asks for no such header at all.
    for name in [header::USER_AGENT, header::ACCEPT] {
        if headers.get(&name).is_some_and(HeaderValue::is_empty) {
            headers.remove(name);
        }
    }
    let mut request = Request::get(&place.path).body(Empty::new()).map_err(|error| error.to_string())?;
    *request.headers_mut() = headers;
    Ok(request)
}

type Said = (StatusCode, Option<String>, String);

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Said, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| error.to_string())?;
    let mut answer = pin!(async {
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(read(answer).await)
    });
    // The connection is driven only as long as something is read from it.
    tokio::select! {
        answer = &mut answer => answer,
        // A server that answers and closes at once ends the connection while its answer is on the way to us.
        ended = connection => match ended {
            Ok(()) => answer.await.map_err(|_| "EOF".to_owned()),
            Err(error) => Err(error.to_string()),
        },
    }
}

async fn read(answer: Response<Incoming>) -> Said {
    let status = answer.status();
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    if !status.is_redirection() {
        return (status, None, String::new());
    }
    // What cannot be read of it is not shown: the head is what counts.
    let body = Limited::new(answer.into_body(), BODY_MAX).collect().await.map(|body| body.to_bytes());
    (status, location, body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default())
}
