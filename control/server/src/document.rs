//! Documents that clients keep: held packed, since they are large and asked for seldom, and told apart by a tag, so that who has
//! one is told 304.

use std::io::{Read as _, Write as _};

use api::openapi;
use api::status::Status;
use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::fail::Reply;
use crate::send;

/// See the module.
#[derive(Debug)]
pub(crate) struct Document {
    packed: Bytes,
    length: usize,
    /// Quoted, as headers carry it.
    tag: String,
}

impl Document {
    /// Packs a document.
    ///
    /// # Errors
    /// 500 when it cannot be packed.
    pub(crate) fn of(document: &[u8]) -> Result<Self, Status> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(document).and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| Status::internal(format!("cannot pack a document: {error}")))?;
        let tag = format!("\"{}\"", openapi::hash(document));
        Ok(Self { packed: packed.into(), length: document.len(), tag })
    }

    /// Hash of the document.
    pub(crate) fn hash(&self) -> &str {
        self.tag.trim_matches('"')
    }

    /// The document, packed for clients that can unpack it, or 304 for those that have it. `varies` names the headers that decide
    /// between its forms.
    ///
    /// # Errors
    /// 500 when it cannot be unpacked.
    pub(crate) fn answer(
        &self,
        media_type: &'static str,
        varies: &'static str,
        headers: &HeaderMap,
    ) -> Result<Reply, Status> {
        let (known, packed) = (known(headers, &self.tag), send::packs(self.length, headers));
        let body = match (known, packed) {
            (true, _) => Body::empty(),
            (false, true) => Body::from(self.packed.clone()),
            (false, false) => Body::from(self.unpacked()?),
        };
        let mut reply = Response::new(body);
        if known {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let out = reply.headers_mut();
        out.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        out.insert(VARY, HeaderValue::from_static(varies));
        if packed && !known {
            send::say_packed(out);
        }
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            out.insert(ETAG, tag);
        }
        Ok(reply)
    }

    fn unpacked(&self) -> Result<Bytes, Status> {
        let mut document = Vec::with_capacity(self.length);
        let read = GzDecoder::new(self.packed.as_ref()).read_to_end(&mut document);
        read.map_err(|error| Status::internal(format!("cannot unpack a document: {error}")))?;
        Ok(document.into())
    }
}

/// Whether the client says that it has the document of this tag (RFC 9110, section 13.1.2; tags compare weakly).
fn known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};

    use super::*;

    #[test]
    fn large_documents_are_packed_for_those_who_can_unpack() {
        let check = |length: usize, encoding: &'static str, packed: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
            let reply = Document::of(&vec![b'x'; length]).unwrap().answer("text/plain", "Accept", &headers).unwrap();
            let varies: Vec<_> = reply.headers().get_all(VARY).iter().collect();
            assert_eq!(reply.headers().contains_key(CONTENT_ENCODING), packed, "{length} {encoding}");
            assert_eq!(varies.len(), if packed { 2 } else { 1 });
        };
        check(128 << 10, "deflate, gzip", true);
        check(128 << 10, "br", false);
        check((128 << 10) - 1, "gzip", false);
    }

    #[test]
    fn who_has_a_document_is_not_sent_it() {
        let document = Document::of(b"{}").unwrap();
        let check = |given: String, status: StatusCode| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, given.parse().unwrap());
            assert_eq!(document.answer("text/plain", "Accept", &headers).unwrap().status(), status, "{given}");
        };
        check(format!("\"a\", W/{}", document.tag), StatusCode::NOT_MODIFIED);
        check("*".to_owned(), StatusCode::NOT_MODIFIED);
        check("\"a\"".to_owned(), StatusCode::OK);
    }
}
