//! OpenAPI documents: one for each group and version, made when first asked for and kept.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use api::kind::Kind;
use api::schema::Descriptions;
use api::{kinds, openapi};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::fail::Reply;
use crate::query::Query;

/// A document and its hash.
#[derive(Debug)]
struct Document {
    text: Bytes,
    hash: String,
}

/// Documents by their place, such as `apis/apps/v1`.
fn documents() -> &'static BTreeMap<String, Document> {
    static DOCUMENTS: OnceLock<BTreeMap<String, Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        // Without descriptions documents are whole but for the texts of `kubectl explain`; reading them cannot fail here.
        let Ok(descriptions) = Descriptions::unpack() else { return BTreeMap::new() };
        let mut by_root: BTreeMap<String, Vec<&Kind>> = BTreeMap::new();
        for kind in kinds::all() {
            by_root.entry(openapi::root(&kind.group, &kind.version)).or_default().push(kind);
        }
        let make = |(root, kinds): (String, Vec<&Kind>)| {
            let text = openapi::document(&kinds, &descriptions).to_string().into_bytes();
            (root, Document { hash: openapi::hash(&text), text: text.into() })
        };
        by_root.into_iter().map(make).collect()
    })
}

/// `/openapi/v3`.
pub(crate) fn index(headers: &HeaderMap) -> Reply {
    let entries = documents().iter().map(|(root, document)| (root.as_str(), document.hash.as_str()));
    let text = openapi::index(entries).to_string().into_bytes();
    tagged(&openapi::hash(&text), &text.into(), headers)
}

/// A document; for ever when the URL names its hash.
pub(crate) fn document(group: &str, version: &str, query: &Query, headers: &HeaderMap) -> Option<Reply> {
    let document = documents().get(&openapi::root(group, version))?;
    let mut reply = tagged(&document.hash, &document.text, headers);
    if query.get("hash") == Some(document.hash.as_str()) {
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    }
    Some(reply)
}

/// A document with its hash as `ETag`; 304 when the client has it already.
fn tagged(hash: &str, text: &Bytes, headers: &HeaderMap) -> Reply {
    let tag = format!("\"{hash}\"");
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(&tag));
    let mut reply = Response::new(if known { Body::empty() } else { Body::from(text.clone()) });
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}
