//! Bodies of requests: read with a limit, decoded as objects.

use api::decode::{self, FieldValidation, MediaType, Target};
use api::status::Status;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::fail;

/// Longest body of a request, in bytes; as kube-apiserver.
pub(crate) const LENGTH_MAX: usize = 3 << 20;

/// Reads the whole body.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, Status> {
    match Limited::new(body, LENGTH_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(fail::too_large(LENGTH_MAX)),
        Err(error) => Err(Status::bad_request(format!("cannot read the body of the request: {error}"))),
    }
}

/// Content type of a request; empty when none is given.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// An object and what to warn about.
pub(crate) fn object<'a>(
    target: impl Into<Target<'a>>,
    headers: &HeaderMap,
    body: &[u8],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let media =
        MediaType::parse(content_type(headers)).ok_or_else(|| Status::unsupported_media_type(MediaType::ALL))?;
    let target = target.into();
    decode::decode(body, media, target)?.judge(validation, target)
}
