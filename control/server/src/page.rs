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

/// Answers a page.
pub(crate) fn answer(app: &App, page: &Page, method: &Method, path: &str, query: &Query, headers: &HeaderMap) -> Reply {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !reads && *page != Page::Nothing {
        return fail::reply(&fail::method_not_allowed());
    }
    let aggregated = discovery::wants_aggregated(headers);
    match page {
        Page::Root => json(StatusCode::OK, &json!({"paths": discovery::paths()})),
        Page::CoreVersions | Page::Groups if aggregated => discovery::aggregated(*page == Page::CoreVersions, headers),
        Page::CoreVersions => json(StatusCode::OK, &discovery::core_versions(&app.server_address)),
        Page::Groups => json(StatusCode::OK, &discovery::group_list()),
        Page::Group(group) => found(discovery::group(group)),
        Page::Resources(group, version) => found(discovery::resource_list(group, version)),
        Page::OpenApi2 => crate::openapi::version_2(headers).unwrap_or_else(|status| fail::reply(&status)),
        Page::OpenApi => crate::openapi::index(headers).unwrap_or_else(|status| fail::reply(&status)),
        Page::OpenApiOf(group, version) => crate::openapi::document(group, version, query, headers)
            .map_or_else(|status| fail::reply(&status), |found| found.unwrap_or_else(not_found_text)),
        Page::Version => json(StatusCode::OK, &app.version),
        Page::Health(page, check) => health::answer(app, page, check, query),
        Page::Metrics => metrics(app),
        Page::Nothing if path.starts_with("/apis/") => not_found_text(),
        Page::Nothing => json(StatusCode::NOT_FOUND, &json!({"paths": discovery::paths()})),
    }
}

fn found(value: Option<Value>) -> Reply {
    value.map_or_else(not_found_text, |value| json(StatusCode::OK, &value))
}

fn json(code: StatusCode, value: &Value) -> Reply {
    let mut reply = Response::new(Body::from(value.to_string()));
    *reply.status_mut() = code;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
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
