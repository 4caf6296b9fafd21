//! List: objects of one kind at one revision, as stored bytes with the revision spliced in.

use std::io::Write as _;
use std::sync::Arc;

use api::kind::Kind;
use api::meta::{Revision, Timestamp};
use api::record::Record;
use api::status::Status;
use api::view::View;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fail::Reply;
use crate::negotiate::Shape;
use crate::query::Query;
use crate::revision::{self, Wanted};
use crate::select::Selection;
use crate::table::{self, Include};
use crate::verbs::{Core, write_as};

/// Answers from this size on are compressed for clients that can; as kube-apiserver.
const GZIP_FROM: usize = 128 << 10;
/// Size of the pieces in which an answer is made and sent.
const PIECE: usize = 64 << 10;

/// Where the next page begins, as clients hand it back to us.
#[derive(Debug, Serialize, Deserialize)]
struct Continue {
    v: String,
    /// Revision of the first page; -1 for whatever there is, after history was lost.
    rv: i64,
    /// Key after the collection's prefix.
    start: String,
}

const CONTINUE_VERSION: &str = "meta.k8s.io/v1";

impl Continue {
    fn encode(revision: i64, start: &str) -> String {
        let token = json!({"v": CONTINUE_VERSION, "rv": revision, "start": start});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Self, Status> {
        let wrong =
            |why: String| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|error| wrong(error.to_string()))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if token.v == CONTINUE_VERSION { Ok(token) } else { Err(wrong(format!("unknown version {:?}", token.v))) }
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// Revision of the state that was read.
    pub(crate) revision: Revision,
    /// The objects.
    pub(crate) records: Vec<Arc<Record>>,
    next: Option<String>,
    remaining: Option<usize>,
}

/// Reads the page that the query asks for.
pub(crate) async fn read(core: &Core, selection: &Selection, query: &Query) -> Result<Page, Status> {
    let wanted = revision::of_list(query)?;
    let limit = query.number("limit")?.filter(|limit| *limit > 0);
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let prefix = selection.prefix();
    let Some(token) = query.get("continue") else {
        let view = core.state(wanted).await?;
        return Ok(page(&view, view.revision(), selection, "", limit));
    };
    let token = Continue::decode(token)?;
    if query.get("resourceVersion").is_some_and(|revision| revision != "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let start = format!("{prefix}{}", token.start);
    let Ok(revision) = u64::try_from(token.rv) else {
        let view = core.state(Wanted::Newest).await?;
        return Ok(page(&view, view.revision(), selection, &start, limit));
    };
    let Some(view) = core.store.view_at(Revision(revision)) else {
        return Err(lost(&token.start));
    };
    Ok(page(&view, Revision(revision), selection, &start, limit))
}

/// 410 with a token that goes on at the same place in a newer state.
fn lost(start: &str) -> Status {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results. Continuing with the provided token results in an inconsistent list - \
                   objects that were created, modified, or deleted between the time the first chunk was returned and \
                   now may show up in the list.";
    Status::new(410, "Expired", message).with_continue(Continue::encode(-1, start))
}

fn page(view: &View, revision: Revision, selection: &Selection, start: &str, limit: usize) -> Page {
    let mut found = selection.records(view, start);
    let records: Vec<Arc<Record>> = found.by_ref().take(limit).cloned().collect();
    let mut page = Page { revision, records, next: None, remaining: None };
    if found.next().is_some()
        && let Some(last) = page.records.last()
    {
        let after = format!("{}\0", last.key.as_str().strip_prefix(&selection.prefix()).unwrap_or_default());
        page.next = Some(Continue::encode(i64::try_from(revision.0).unwrap_or(i64::MAX), &after));
        page.remaining = selection.is_whole().then(|| 1 + found.count());
    }
    page
}

impl Page {
    /// `metadata` of the list.
    pub(crate) fn metadata(&self) -> serde_json::Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            meta["continue"] = next.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }
}

/// The page as an answer.
pub(crate) fn answer(
    page: Page,
    selection: &Selection,
    shape: Shape,
    include: Include,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Reply, Status> {
    let meta = page.metadata();
    let kind = selection.kind;
    let item: fn(&Kind, &Record, &mut Vec<u8>) -> Result<(), Status> = match shape {
        Shape::Object => |kind, record, out| write_as(kind, record, record.revision, out),
        Shape::Partial => table::write_partial,
        Shape::Table => return Ok(json_answer(table::of_page(&page, kind, include, now)?, headers)),
    };
    let (list, version) = match shape {
        Shape::Partial => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        Shape::Object | Shape::Table => (format!("{}List", kind.kind), kind.api_version()),
    };
    let head = format!("{{\"kind\":\"{list}\",\"apiVersion\":\"{version}\",\"metadata\":{meta},\"items\":[");
    let pieces = pieces(head, page.records, move |record, out| item(kind, record, out));
    Ok(stream(pieces, headers))
}

/// The text of a list in pieces, each made when it is asked for.
fn pieces(
    head: String,
    records: Vec<Arc<Record>>,
    item: impl Fn(&Record, &mut Vec<u8>) -> Result<(), Status> + Send,
) -> impl Iterator<Item = std::io::Result<Vec<u8>>> + Send {
    let mut records = records.into_iter();
    let mut head = Some(head);
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
        let mut first = false;
        if let Some(head) = head.take() {
            piece.extend_from_slice(head.as_bytes());
            first = true;
        }
        while piece.len() < PIECE {
            let Some(record) = records.next() else {
                piece.extend_from_slice(b"]}\n");
                done = true;
                break;
            };
            if !first {
                piece.push(b',');
            }
            first = false;
            if let Err(status) = item(&record, &mut piece) {
                done = true;
                return Some(Err(std::io::Error::other(status.message)));
            }
        }
        Some(Ok(piece))
    })
}

/// Sends pieces as they are made; small answers whole, large ones compressed for clients that can.
fn stream(mut pieces: impl Iterator<Item = std::io::Result<Vec<u8>>> + Send + 'static, headers: &HeaderMap) -> Reply {
    let mut start = Vec::new();
    while start.len() < GZIP_FROM {
        match pieces.next() {
            Some(Ok(piece)) => start.extend_from_slice(&piece),
            // A damaged object: end the answer so that the client sees that it is not whole.
            Some(Err(error)) => return crate::fail::reply(&Status::internal(error)),
            None => return plain(Body::from(start)),
        }
    }
    let pieces = std::iter::once(Ok(start)).chain(pieces);
    if !takes_gzip(headers) {
        return plain(Body::from_stream(futures::stream::iter(pieces.map(|piece| piece.map(Bytes::from)))));
    }
    let mut reply = plain(Body::from_stream(futures::stream::iter(compressed(pieces))));
    reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    reply
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

fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"))
}

/// A JSON answer that is made already.
pub(crate) fn json_answer(body: Vec<u8>, headers: &HeaderMap) -> Reply {
    stream(std::iter::once(Ok(body)), headers)
}

fn plain(body: Body) -> Reply {
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_comes_back_as_it_went() {
        let token = Continue::decode(&Continue::encode(219, "cm1\0")).unwrap();
        assert_eq!((token.rv, token.start.as_str()), (219, "cm1\0"));
        assert_eq!(Continue::decode("abc").unwrap_err().code, 400);
    }

    #[test]
    fn a_token_of_kubernetes_is_understood() {
        let token = Continue::decode("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjE5LCJzdGFydCI6ImNtMVx1MDAwMCJ9").unwrap();
        assert_eq!((token.rv, token.start.as_str()), (219, "cm1\0"));
    }
}
