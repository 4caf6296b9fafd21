//! OpenAPI documents.

use http::HeaderMap;

use crate::discovery::tagged;
use crate::fail::Reply;
use crate::query::Query;

pub(crate) fn index(headers: &HeaderMap) -> Reply {
    tagged("{\"paths\":{}}".to_owned(), "application/json", headers)
}

pub(crate) fn document(_: &str, _: &str, _: &Query, _: &HeaderMap) -> Option<Reply> {
    None
}
