//! Documents that clients keep: with a tag, and 304 for who has that one already.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha512};

use crate::fail::Reply;

/// The tag of a document's bytes, quoted as headers carry it.
pub(crate) fn quoted(body: &[u8]) -> String {
    format!("\"{}\"", hex::encode_upper(Sha512::digest(body)))
}

/// A document and what is told of it.
#[derive(Debug)]
pub(crate) struct Tagged<'a> {
    /// Its tag, quoted.
    pub(crate) tag: &'a str,
    pub(crate) body: Bytes,
    pub(crate) media_type: &'static str,
    /// The header of requests that decides between forms of the document.
    pub(crate) varies: &'static str,
}

impl Tagged<'_> {
    /// The document, or 304 when the client has it.
    pub(crate) fn answer(self, headers: &HeaderMap) -> Reply {
        let known = known(headers, self.tag);
        let mut reply = Response::new(if known { Body::empty() } else { Body::from(self.body) });
        if known {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let out = reply.headers_mut();
        out.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        out.insert(VARY, HeaderValue::from_static(self.varies));
        if let Ok(tag) = HeaderValue::from_str(self.tag) {
            out.insert(ETAG, tag);
        }
        reply
    }
}

/// Whether the client says that it has the document of this tag (RFC 9110, section 13.1.2; tags compare weakly).
pub(crate) fn known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
