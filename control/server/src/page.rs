//! Pages about the server: discovery, OpenAPI, version, health, figures.

use api::status::Status;
use axum::body::Body;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::discovery;
use crate::fail::{self, Reply};
use crate::health;
use crate::query::Query;
use crate::route::Page;
use crate::send;

/// Answers a page.
pub(crate) fn answer(app: &App, page: &Page, method: &Method, path: &str, query: &Query, headers: &HeaderMap) -> Reply {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !reads && *page != Page::Nothing {
        return fail::reply(&fail::method_not_allowed());
    }
    let aggregated = discovery::wants_aggregated(headers);
    match page {
        Page::Root => send::json(text_of(&json!({"paths": discovery::paths()})), headers),
        Page::CoreVersions | Page::Groups if aggregated => discovery::aggregated(*page == Page::CoreVersions, headers),
        Page::CoreVersions => send::json(text_of(&discovery::core_versions(&app.server_address)), headers),
        Page::Groups => send::json(text_of(&discovery::group_list()), headers),
        Page::Group(group) => found(discovery::group(group), headers),
        Page::Resources(group, version) => found(discovery::resource_list(group, version), headers),
        Page::OpenApi2 => crate::openapi::version_2(headers).unwrap_or_else(|status| fail::reply(&status)),
        Page::OpenApi => crate::openapi::index(headers).unwrap_or_else(|status| fail::reply(&status)),
        Page::OpenApiOf(group, version) => crate::openapi::document(group, version, query, headers)
            .map_or_else(|status| fail::reply(&status), |found| found.unwrap_or_else(not_found_text)),
        Page::Version => send::json(text_of(&app.version), headers),
        Page::Health(page, check) => health::answer(app, page, check, query),
        Page::Metrics => metrics(app),
        Page::Nothing if path.starts_with("/apis/") => not_found_text(),
        Page::Nothing => {
            let mut reply = send::json(text_of(&json!({"paths": discovery::paths()})), headers);
            *reply.status_mut() = StatusCode::NOT_FOUND;
            reply
        }
    }
}

fn found(value: Option<Value>, headers: &HeaderMap) -> Reply {
    value.map_or_else(not_found_text, |value| send::json(text_of(&value), headers))
}

fn text_of(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// An answer of plain text.
pub(crate) fn text(code: StatusCode, body: impl Into<Body>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = code;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// 404 of what is no object.
pub(crate) fn not_found_text() -> Reply {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Every figure, in the text form of Prometheus.
fn metrics(app: &App) -> Reply {
    match app.core.seam.metrics().text() {
        Ok(figures) => {
            let mut reply = Response::new(Body::from(figures));
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(seam::metrics::TEXT));
            reply
        }
        Err(error) => fail::reply(&Status::internal(format!("cannot read the figures: {error}"))),
    }
}
