//! OpenAPI documents: made when first asked for, and kept packed, since they are large and asked for seldom.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use api::kind::Kind;
use api::schema::Descriptions;
use api::status::Status;
use api::{kinds, openapi};
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::document::Document;
use crate::fail::Reply;
use crate::query::Query;

const JSON: &str = "application/json";
/// Headers that decide in which form a document is sent; kube-apiserver names both, whatever it sends.
const VARIES: &str = "Accept, Accept-Encoding";
/// The document of version 2 as protobuf, as we say it.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// The same as clients ask for it; the first form is no valid media type, and what they know nonetheless.
const PROTOBUF_ASKED: [&str; 2] = ["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", PROTOBUF];

/// A document that is made once, or the reason why it cannot be.
type Made<T> = OnceLock<Result<T, Status>>;

/// Documents of version 3 by their place, such as `apis/apps/v1`.
fn documents() -> Result<&'static BTreeMap<String, Document>, Status> {
    static DOCUMENTS: Made<BTreeMap<String, Document>> = OnceLock::new();
    let make = || {
        let descriptions = descriptions()?;
        let mut by_root: BTreeMap<String, Vec<&Kind>> = BTreeMap::new();
        for kind in kinds::all() {
            by_root.entry(openapi::root(&kind.group, &kind.version)).or_default().push(kind);
        }
        let one = |(root, kinds): (String, Vec<&Kind>)| {
            let text = openapi::document(&kinds, &descriptions).to_string();
            Ok((root, Document::of(text.as_bytes())?))
        };
        by_root.into_iter().map(one).collect()
    };
    DOCUMENTS.get_or_init(make).as_ref().map_err(Clone::clone)
}

/// Texts are unpacked for as long as documents are made.
fn descriptions() -> Result<Descriptions, Status> {
    Descriptions::unpack()
        .map_err(|error| Status::internal(format!("cannot unpack the descriptions of types: {error}")))
}

/// `/openapi/v2`, in the first form that the client takes.
///
/// # Errors
/// 500 when the document cannot be made.
pub(crate) fn version_2(headers: &HeaderMap) -> Result<Reply, Status> {
    static TEXT: Made<Document> = OnceLock::new();
    static MESSAGE: Made<Document> = OnceLock::new();
    let all = || kinds::all().iter().collect::<Vec<_>>();
    let (made, media_type) = match Form::wanted(headers) {
        Some(Form::Json) => (TEXT.get_or_init(|| Document::of(&openapi::v2::json(&all(), &descriptions()?))), JSON),
        Some(Form::Protobuf) => {
            (MESSAGE.get_or_init(|| Document::of(&openapi::v2::protobuf(&all(), &descriptions()?))), PROTOBUF)
        }
        None => {
            let mut reply = Response::new(axum::body::Body::empty());
            *reply.status_mut() = StatusCode::NOT_ACCEPTABLE;
            return Ok(reply);
        }
    };
    made.as_ref().map_err(Clone::clone)?.answer(media_type, VARIES, headers)
}

/// Form of the document of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

impl Form {
    fn wanted(headers: &HeaderMap) -> Option<Self> {
        let mut any = false;
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for choice in values.flat_map(|value| value.split(',')) {
            any = true;
            match choice.split(';').next().unwrap_or_default().trim() {
                "application/json" | "application/*" | "*/*" => return Some(Self::Json),
                other if PROTOBUF_ASKED.contains(&other) => return Some(Self::Protobuf),
                _ => {}
            }
        }
        (!any).then_some(Self::Json)
    }
}

/// `/openapi/v3`.
///
/// # Errors
/// 500 when the documents cannot be made.
pub(crate) fn index(headers: &HeaderMap) -> Result<Reply, Status> {
    let entries = documents()?.iter().map(|(root, document)| (root.as_str(), document.hash()));
    Document::of(openapi::index(entries).to_string().as_bytes())?.answer(JSON, VARIES, headers)
}

/// A document of version 3; for ever when the URL names its hash. `None` when the group and version are not served.
///
/// # Errors
/// 500 when the documents cannot be made.
pub(crate) fn document(
    group: &str,
    version: &str,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Option<Reply>, Status> {
    let Some(document) = documents()?.get(&openapi::root(group, version)) else { return Ok(None) };
    let mut reply = document.answer(JSON, VARIES, headers)?;
    if query.get("hash") == Some(document.hash()) {
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    }
    Ok(Some(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_we_have_is_given() {
        let check = |accept: &str, want| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(Form::wanted(&headers), want, "{accept}");
        };
        check("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Some(Form::Protobuf));
        check("text/html, application/json;q=0.9", Some(Form::Json));
        check("text/html", None);
        assert_eq!(Form::wanted(&HeaderMap::new()), Some(Form::Json));
    }
}
