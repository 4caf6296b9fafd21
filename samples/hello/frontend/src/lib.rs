//! The Wasm half of the sample: a `wasi:http` component that asks its neighbour in the pod.
//!
//! `GET /?nonce=X` calls `http://127.0.0.1:9000/?nonce=X`, where the Linux container listens, and answers with what that
//! said. Without a nonce it draws one. Each request is logged to standard error.

use std::fmt::Write as _;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;
use wasip2::random::random::get_random_u64;

/// The Linux container, on the loopback that both share.
const BACKEND: &str = "127.0.0.1:9000";

/// Longest answer of the backend that is passed on, in bytes.
const MAX_ANSWER: usize = 4096;

/// Most that one write to an output stream may carry (`wasi:io/streams`).
const MAX_WRITE: usize = 4096;

struct Frontend;

wasip2::http::proxy::export!(Frontend);

impl wasip2::exports::http::incoming_handler::Guest for Frontend {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let nonce = nonce(&path).map_or_else(|| format!("{:016x}", get_random_u64()), str::to_owned);
        log(&format!("request nonce={nonce}\n"));
        let (status, text) = match ask(&nonce) {
            Ok(answer) => (200, format!("hello from wasm; backend says: {answer}")),
            Err(error) => (502, format!("hello from wasm; the backend cannot be asked: {error}\n")),
        };
        respond(out, status, &text);
    }
}

/// The `nonce` parameter of a request's query, when it is safe to repeat.
fn nonce(path: &str) -> Option<&str> {
    let (_, query) = path.split_once('?')?;
    let nonce = query.split('&').find_map(|pair| pair.strip_prefix("nonce="))?;
    let safe = !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    safe.then_some(nonce)
}

/// Asks the backend.
fn ask(nonce: &str) -> Result<String, String> {
    let request = OutgoingRequest::new(Fields::new());
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(BACKEND)))
        .and_then(|()| request.set_path_with_query(Some(&format!("/?nonce={nonce}"))));
    set.map_err(|()| "its address is not valid".to_owned())?;
    let pending = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    pending.subscribe().block();
    let response = match pending.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(format!("{code:?}")),
        Some(Err(())) | None => return Err("it gave no answer".to_owned()),
    };
    read(&response)
}

/// Reads the backend's answer.
fn read(response: &IncomingResponse) -> Result<String, String> {
    let body = response.consume().map_err(|()| "its answer has no body".to_owned())?;
    let stream = body.stream().map_err(|()| "its answer cannot be read".to_owned())?;
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER {
        match stream.blocking_read((MAX_ANSWER - bytes.len()) as u64) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends the answer. When the client has gone there is nobody to tell.
fn respond(out: ResponseOutparam, status: u16, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let prepared = response.set_status_code(status).and_then(|()| response.body());
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = prepared else { return };
    if let Ok(stream) = body.write() {
        for part in text.as_bytes().chunks(MAX_WRITE) {
            if stream.blocking_write_and_flush(part).is_err() {
                return;
            }
        }
    }
    let mut failure = String::new();
    if let Err(code) = OutgoingBody::finish(body, None) {
        let _ = writeln!(failure, "the answer was cut off: {code:?}");
        log(&failure);
    }
}

/// Writes to standard error. A log that cannot be written is not worth failing a request for.
fn log(line: &str) {
    let stderr = wasip2::cli::stderr::get_stderr();
    let _ = stderr.blocking_write_and_flush(line.as_bytes());
}
