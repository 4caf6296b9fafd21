//! `/livez`, `/readyz`, `/healthz`: named checks, all at once or one alone.

use std::sync::atomic::Ordering;

use http::StatusCode;
use http::header::X_CONTENT_TYPE_OPTIONS;

use crate::app::App;
use crate::fail::Reply;
use crate::page::{not_found_text, text};
use crate::query::Query;

/// One thing that must hold.
struct Check {
    name: &'static str,
    holds: fn(&App) -> Result<(), String>,
}

/// Whoever answers has come this far.
const PING: Check = Check { name: "ping", holds: |_| Ok(()) };
/// The store, under the name that probes of Kubernetes ask for.
const STORE: Check = Check {
    name: "etcd",
    holds: |app| match app.core.store.failure() {
        Some(why) => Err(why),
        None => Ok(()),
    },
};
/// Somebody takes writes.
const LEADER: Check = Check {
    name: "etcd-readiness",
    holds: |app| match *app.core.store.leadership().borrow() {
        Some(_) => Ok(()),
        None => Err("no leader takes writes".to_owned()),
    },
};
/// What every cluster has was made.
const BOOTSTRAP: Check = Check {
    name: "poststarthook/bootstrap-controller",
    holds: |app| match app.bootstrapped.load(Ordering::Acquire) {
        true => Ok(()),
        false => Err("not finished".to_owned()),
    },
};
/// The server takes new work.
const SHUTDOWN: Check = Check {
    name: "shutdown",
    holds: |app| match app.stopping.is_cancelled() {
        true => Err("process is shutting down".to_owned()),
        false => Ok(()),
    },
};

/// The checks behind a page.
fn checks(page: &str) -> &'static [Check] {
    match page {
        "readyz" => &[PING, STORE, LEADER, BOOTSTRAP, SHUTDOWN],
        _ => &[PING, STORE, BOOTSTRAP],
    }
}

/// Answers `/PAGE` or, with `one`, `/PAGE/ONE`.
pub(crate) fn answer(app: &App, page: &str, one: &str, query: &Query) -> Reply {
    if one.is_empty() {
        return all(app, page, query);
    }
    match checks(page).iter().find(|check| check.name == one).map(|check| (check.holds)(app)) {
        None => not_found_text(),
        Some(Ok(())) => {
            let mut reply = text(StatusCode::OK, "ok");
            reply.headers_mut().remove(X_CONTENT_TYPE_OPTIONS);
            reply
        }
        Some(Err(why)) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("internal server error: {why}\n")),
    }
}

/// `ok` when all checks hold; with `?verbose` or a failure a line for each.
fn all(app: &App, page: &str, query: &Query) -> Reply {
    let mut excluded: Vec<&str> = query.all("exclude").collect();
    let (mut lines, mut healthy) = (String::new(), true);
    for check in checks(page) {
        let name = check.name;
        if excluded.contains(&name) {
            excluded.retain(|other| *other != name);
            lines.push_str(&format!("[+]{name} excluded: ok\n"));
        } else if let Err(why) = (check.holds)(app) {
            tracing::warn!(page, check = name, why, "a check of health fails");
            healthy = false;
            // Anybody may ask, so that the cause is for the log alone.
            lines.push_str(&format!("[-]{name} failed: reason withheld\n"));
        } else {
            lines.push_str(&format!("[+]{name} ok\n"));
        }
    }
    excluded.retain(|name| !name.is_empty());
    if !excluded.is_empty() {
        excluded.sort_unstable();
        let names: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        let names = names.join(", ");
        lines.push_str(&format!("warn: some health checks cannot be excluded: no matches for {names}\n"));
    }
    match healthy {
        false => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{page} check failed\n")),
        true if query.has("verbose") => text(StatusCode::OK, format!("{lines}{page} check passed\n")),
        true => text(StatusCode::OK, "ok"),
    }
}
