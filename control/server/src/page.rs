//! Pages about the server: discovery, OpenAPI, version, health.

use axum::body::Body;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::discovery;
use crate::fail::{self, Reply};
use crate::query::Query;
use crate::route::Page;

/// Checks behind `/livez` and `/readyz`.
const LIVE: [&str; 2] = ["ping", "store"];
const READY: [&str; 4] = ["ping", "store", "leader", "bootstrap"];

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
        Page::Health(check) => health(app, path, check, query),
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

fn text(code: StatusCode, body: impl Into<Body>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = code;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

fn not_found_text() -> Reply {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// `ok` when all checks hold; with `?verbose` or a failure a line for each.
fn health(app: &App, path: &str, one: &str, query: &Query) -> Reply {
    let name = path.trim_matches('/').split('/').next().unwrap_or_default();
    let checks: &[&str] = if name == "readyz" { &READY } else { &LIVE };
    let excluded: Vec<&str> = query.all("exclude").collect();
    if !one.is_empty() {
        return match (checks.contains(&one), app.check(one)) {
            (false, _) => not_found_text(),
            (true, true) => text(StatusCode::OK, "ok"),
            (true, false) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{one} check failed\n")),
        };
    }
    let outcomes: Vec<(&str, bool)> =
        checks.iter().filter(|check| !excluded.contains(check)).map(|check| (*check, app.check(check))).collect();
    let healthy = outcomes.iter().all(|(_, holds)| *holds);
    if healthy && !query.has("verbose") {
        return text(StatusCode::OK, "ok");
    }
    let line = |(check, holds): &(&str, bool)| {
        if *holds { format!("[+]{check} ok\n") } else { format!("[-]{check} failed: not yet\n") }
    };
    let mut body: String = outcomes.iter().map(line).collect();
    let verdict = if healthy { "passed" } else { "failed" };
    body.push_str(&format!("{name} check {verdict}\n"));
    text(if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}
