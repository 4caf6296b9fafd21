//! `grpc.health.v1.Health/Check`, the one call of the gRPC health protocol that probes make.
//!
//! Its two messages have one field each, so they are written and read here by hand (gRPC over HTTP/2: a byte "not compressed",
//! a length of four bytes, a message).

use std::time::Duration;

use ::http::{HeaderMap, Request, StatusCode, Version};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use seam::Seam;
use tokio::net::TcpStream;

use super::dial::{self, Target};
use super::{Found, PROBER};
use crate::backoff::written;

/// The call.
const METHOD: &str = "/grpc.health.v1.Health/Check";
/// Wait before a connection that was refused is tried again, as by Go's client.
const CONNECT_RETRY: Duration = Duration::from_secs(1);
/// Largest answer that is read, in bytes; an honest one has seven.
const ANSWER_MAX: usize = 4 << 10;
/// Bytes before a message.
const PREFIX: usize = 5;

/// Status codes that a health check distinguishes (gRPC core concepts, "Status codes").
const OK: i32 = 0;
const DEADLINE_EXCEEDED: i32 = 4;
const UNIMPLEMENTED: i32 = 12;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// `HealthCheckResponse.status`.
    Serving(u64),
    /// `grpc-status` other than 0, and `grpc-message`.
    Refused { code: i32, message: String },
}

/// Asks whether a service is served.
pub(super) async fn check(seam: &Seam, target: &Target, service: &str, limit: Duration) -> Found {
    let begun = seam.moment();
    let Ok(stream) = seam.timeout(limit, connect(seam, target)).await else {
        let limit = written(limit);
        return Found::Bad(format!(
            "timeout: failed to connect service \"{target}\" within {limit}: context deadline exceeded"
        ));
    };
    let left = limit.saturating_sub(seam.moment().since(begun));
    match seam.timeout(left, ask(stream, target, service)).await {
        Ok(Ok(said)) => judge(said, limit),
        Ok(Err(why)) => failed("Unavailable", &why),
        Err(_) => late(limit),
    }
}

async fn connect(seam: &Seam, target: &Target) -> TcpStream {
    loop {
        match dial::tcp(target).await {
            Ok(stream) => return stream,
            Err(_) => seam.sleep(CONNECT_RETRY).await,
        }
    }
}

fn late(limit: Duration) -> Found {
    Found::Bad(format!("timeout: health rpc did not complete within {}", written(limit)))
}

fn failed(code: &str, message: &str) -> Found {
    Found::Bad(format!("error: health rpc probe failed: rpc error: code = {code} desc = {message}"))
}

fn judge(said: Said, limit: Duration) -> Found {
    match said {
        Said::Serving(1) => Found::Good,
        Said::Serving(status) => {
            let name = match status {
                0 => "UNKNOWN",
                2 => "NOT_SERVING",
                3 => "SERVICE_UNKNOWN",
                _ => return Found::Bad(format!("service unhealthy (responded with \"{status}\")")),
            };
            Found::Bad(format!("service unhealthy (responded with \"{name}\")"))
        }
        Said::Refused { code: UNIMPLEMENTED, message } => Found::Bad(format!(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {message}"
        )),
        Said::Refused { code: DEADLINE_EXCEEDED, .. } => late(limit),
        Said::Refused { code, message } => failed(name(code), &message),
    }
}

/// How Go names a status code.
fn name(code: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    usize::try_from(code).ok().and_then(|code| NAMES.get(code)).copied().unwrap_or("Unknown")
}

async fn ask(stream: TcpStream, target: &Target, service: &str) -> Result<Said, String> {
    let told = |error: hyper::Error| error.to_string();
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(told)?;
    let request = Request::post(format!("http://{target}{METHOD}"))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", PROBER)
        .body(Full::new(question(service)))
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(told)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|error| error.to_string())?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        read(head.status, &head.headers, &trailers, &body.to_bytes())
    };
    tokio::select! {
        said = exchange => said,
        ended = connection => Err(ended.err().map_or_else(|| "the connection was closed".to_owned(), told)),
    }
}

/// `HealthCheckRequest { service }`: field 1, a string.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_varint(&mut message, service.len());
        message.put_slice(service.as_bytes());
    }
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put(message);
    frame.freeze()
}

fn put_varint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).unwrap_or(0));
}

fn read(status: StatusCode, head: &HeaderMap, trailers: &HeaderMap, body: &[u8]) -> Result<Said, String> {
    if status != StatusCode::OK {
        return Err(format!("unexpected HTTP status code received from server: {status}"));
    }
    let text = |name: &str| trailers.get(name).or_else(|| head.get(name)).and_then(|value| value.to_str().ok());
    let code: i32 = text("grpc-status").and_then(|code| code.parse().ok()).ok_or("the answer has no grpc-status")?;
    if code != OK {
        return Ok(Said::Refused { code, message: text("grpc-message").unwrap_or_default().to_owned() });
    }
    let message = body.get(PREFIX..).ok_or("the answer has no message")?;
    serving(message).map(Said::Serving).ok_or_else(|| "the answer is no HealthCheckResponse".to_owned())
}

/// `HealthCheckResponse { status }`: field 1, a number; 0 when it is left out.
fn serving(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while message.has_remaining() {
        let key = varint(&mut message)?;
        let value = varint(&mut message)?;
        match (key >> 3, key & 7) {
            (1, 0) => status = value,
            (_, 0) => {}
            (_, 2) => message.advance(usize::try_from(value).ok().filter(|&length| length <= message.len())?),
            _ => return None,
        }
    }
    Some(status)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.has_remaining().then(|| bytes.get_u8())?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
