//! A document as it is kept: packed, with its tag.

use std::io::{Read as _, Write as _};

use api::openapi;
use api::status::Status;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

use crate::fail::Reply;
use crate::send::{GZIP_FROM, takes_gzip};
use crate::tagged::Tagged;

/// See the module.
#[derive(Debug)]
pub(super) struct Packed {
    packed: Bytes,
    length: usize,
    /// Quoted, as headers carry it.
    tag: String,
}

impl Packed {
    /// Packs a document.
    pub(super) fn of(document: &[u8]) -> Result<Self, Status> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(document).and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| Status::internal(format!("cannot pack an OpenAPI document: {error}")))?;
        let tag = format!("\"{}\"", openapi::hash(document));
        Ok(Self { packed: packed.into(), length: document.len(), tag })
    }

    /// Hash of the document.
    pub(super) fn hash(&self) -> &str {
        self.tag.trim_matches('"')
    }

    /// The document, packed for clients that can unpack it, or 304 for those that have it.
    pub(super) fn answer(&self, media_type: &'static str, headers: &HeaderMap) -> Result<Reply, Status> {
        let packed = takes_gzip(headers) && self.length >= GZIP_FROM;
        let body = if packed { self.packed.clone() } else { self.unpacked()? };
        let mut reply = Tagged { tag: &self.tag, body, media_type, varies: "Accept, Accept-Encoding" }.answer(headers);
        if packed {
            reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(reply)
    }

    fn unpacked(&self) -> Result<Bytes, Status> {
        let mut document = Vec::with_capacity(self.length);
        let read = GzDecoder::new(self.packed.as_ref()).read_to_end(&mut document);
        read.map_err(|error| Status::internal(format!("cannot unpack an OpenAPI document: {error}")))?;
        Ok(document.into())
    }
}
