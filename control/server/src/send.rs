//! Answers in pieces: sent as they are made, compressed for clients that can.

use std::io::Write as _;

use api::status::Status;
use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response};

use crate::fail::{self, Reply};

/// Answers from this size on are compressed for clients that can; as kube-apiserver.
const GZIP_FROM: usize = 128 << 10;

/// Sends pieces as they are made; small answers whole, large ones compressed for clients that can.
pub(crate) fn stream(
    mut pieces: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    headers: &HeaderMap,
) -> Reply {
    let mut start = Vec::new();
    while start.len() < GZIP_FROM {
        match pieces.next() {
            Some(Ok(piece)) => start.extend_from_slice(&piece),
            // A damaged object: end the answer so that the client sees that it is not whole.
            Some(Err(error)) => return fail::reply(&Status::internal(error)),
            None => return plain(Body::from(start)),
        }
    }
    let packed = packs(start.len(), headers);
    let pieces = std::iter::once(Ok(start)).chain(pieces);
    if !packed {
        return plain(Body::from_stream(futures::stream::iter(pieces.map(|piece| piece.map(Bytes::from)))));
    }
    let mut reply = plain(Body::from_stream(futures::stream::iter(compressed(pieces))));
    say_packed(reply.headers_mut());
    reply
}

/// Whether an answer of that length is compressed for who sent these headers.
pub(crate) fn packs(length: usize, headers: &HeaderMap) -> bool {
    let takes = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("gzip"));
    length >= GZIP_FROM && headers.get(ACCEPT_ENCODING).is_some_and(takes)
}

/// Says of an answer that it is compressed, and for whom.
pub(crate) fn say_packed(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let told =
        headers.get_all(VARY).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("Accept-Encoding")));
    if !told {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

fn compressed(
    pieces: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send,
) -> impl Iterator<Item = std::io::Result<Bytes>> + Send {
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut pieces = pieces;
    std::iter::from_fn(move || {
        let writer = encoder.as_mut()?;
        match pieces.next() {
            Some(Ok(piece)) => {
                if let Err(error) = writer.write_all(&piece) {
                    return Some(Err(error));
                }
                Some(Ok(std::mem::take(writer.get_mut()).into()))
            }
            Some(Err(error)) => {
                encoder = None;
                Some(Err(error))
            }
            None => encoder.take().map(|encoder| encoder.finish().map(Bytes::from)),
        }
    })
}

/// A JSON answer that is made already.
pub(crate) fn json(body: Vec<u8>, headers: &HeaderMap) -> Reply {
    stream(std::iter::once(Ok(body)), headers)
}

fn plain(body: Body) -> Reply {
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
