//! Every failure becomes a `Status` before it reaches this file, and a `Status` becomes HTTP here and nowhere else.

use api::status::Status;
use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};

use crate::page;

/// What a handler answers.
pub(crate) type Reply = Response<Body>;

/// The HTTP form of a failure.
pub(crate) fn reply(status: &Status) -> Reply {
    let body = serde_json::to_vec(status).unwrap_or_else(|_| b"{\"kind\":\"Status\",\"status\":\"Failure\"}".to_vec());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let after = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if after > 0 {
        headers.insert(RETRY_AFTER, HeaderValue::from(after));
    }
    response
}

/// The HTTP form of a refusal by authorization, which alone tells browsers not to guess what it is.
pub(crate) fn refusal(status: &Status) -> Reply {
    let mut response = reply(status);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// 401.
pub(crate) fn unauthorized() -> Status {
    Status::new(401, "Unauthorized", "Unauthorized")
}

/// 404 for a resource that is not served, with the empty details that clients expect.
pub(crate) fn no_resource() -> Status {
    empty_details(Status::new(404, "NotFound", "the server could not find the requested resource"))
}

/// 405.
pub(crate) fn method_not_allowed() -> Status {
    let message = "the server does not allow this method on the requested resource";
    empty_details(Status::new(405, "MethodNotAllowed", message))
}

/// 415 for a patch in a form that the route does not take.
pub(crate) fn unsupported_patch() -> Status {
    empty_details(Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type"))
}

/// 406.
pub(crate) fn not_acceptable() -> Status {
    empty_details(Status::new(406, "NotAcceptable", "406: Not Acceptable"))
}

/// 413.
pub(crate) fn too_large(limit: usize) -> Status {
    Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
}

/// 504.
pub(crate) fn timeout() -> Status {
    empty_details(Status::new(504, "Timeout", "Timeout: request did not complete within the allotted timeout"))
}

/// 429: no seat for the request. Plain text, as kube-apiserver answers before it looks at what the client accepts.
pub(crate) fn too_many() -> Reply {
    let body = "Too many requests, please try again later.\n";
    let mut reply = page::text(StatusCode::TOO_MANY_REQUESTS, body);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(1));
    reply
}

fn empty_details(mut status: Status) -> Status {
    status.details = Some(Box::default());
    status
}
