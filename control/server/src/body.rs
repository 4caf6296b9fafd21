//! Bodies of requests: read with a limit, parsed once, checked against the schema.

use api::status::Status;
use axum::body::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

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
