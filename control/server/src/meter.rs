//! Figures of requests, under the names and labels of kube-apiserver.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use seam::Metrics;
use serde_json::Value;

use crate::fail::Reply;
use crate::gate::Gate;
use crate::query::Query;
use crate::route::{Page, Route, Target, Verb};

/// Bounds of the time of requests, in seconds; as kube-apiserver.
const BOUNDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

/// What a request asks for, as its figures are kept apart. Every value comes from a table of ours, never from the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Asked {
    component: &'static str,
    dry_run: &'static str,
    group: Arc<str>,
    resource: Arc<str>,
    scope: &'static str,
    subresource: &'static str,
    verb: &'static str,
    version: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    #[prometheus(flatten)]
    asked: Asked,
    code: u16,
}

type Kind = [(&'static str, &'static str); 1];

/// See the module.
#[derive(Debug)]
pub(crate) struct Meter {
    requests: Family<Answered, Counter>,
    took: Family<Asked, Histogram, fn() -> Histogram>,
    long: Family<Asked, Gauge>,
    taken: Family<Kind, Gauge>,
    queued: Family<Kind, Gauge>,
    dropped: Family<Kind, Counter>,
}

impl Meter {
    /// `version` is the answer to `/version`.
    pub(crate) fn new(metrics: &Metrics, version: &Value) -> Self {
        let meter = Self {
            requests: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            long: Family::default(),
            taken: Family::default(),
            queued: Family::default(),
            dropped: Family::default(),
        };
        let help = "Requests answered, by what they ask for and the code of the answer";
        metrics.register("apiserver_request", help, meter.requests.clone());
        let help = "Time in seconds until a request that is no stream was answered";
        metrics.register("apiserver_request_duration_seconds", help, meter.took.clone());
        let help = "Streams under way, watches among them";
        metrics.register("apiserver_longrunning_requests", help, meter.long.clone());
        let help = "Requests under way that hold a seat, by the kind of seat";
        metrics.register("apiserver_current_inflight_requests", help, meter.taken.clone());
        let help = "Requests that wait for a seat, by the kind of seat";
        metrics.register("apiserver_current_inqueue_requests", help, meter.queued.clone());
        let help = "Requests refused for want of a seat, by the kind of seat";
        metrics.register("apiserver_dropped_requests", help, meter.dropped.clone());
        let names = ["major", "minor", "gitVersion", "gitCommit", "platform"];
        let labels = ["major", "minor", "git_version", "git_commit", "platform"];
        let values = names.map(|name| version[name].as_str().unwrap_or_default().to_owned());
        let build = Family::<Vec<(&str, String)>, Gauge>::default();
        build.get_or_create(&labels.into_iter().zip(values).collect()).set(1);
        metrics.register("kubernetes_build_info", "Version that is served", build);
        meter
    }

    /// A gate whose seats are counted as of this kind.
    pub(crate) fn gate(&self, kind: &'static str, seats: usize, wait: Duration) -> Arc<Gate> {
        let of = [("request_kind", kind)];
        let (taken, queued) = (self.taken.get_or_create(&of).clone(), self.queued.get_or_create(&of).clone());
        Gate::new(seats, wait, taken, queued)
    }

    /// A request got no seat of this kind.
    pub(crate) fn dropped(&self, kind: &'static str) {
        self.dropped.get_or_create(&[("request_kind", kind)]).inc();
    }

    /// A request was answered, or its stream has begun.
    pub(crate) fn answered(&self, asked: &Asked, code: StatusCode, took: Duration) {
        if !asked.is_stream() {
            self.took.get_or_create(asked).observe(took.as_secs_f64());
        }
        self.requests.get_or_create(&Answered { asked: asked.clone(), code: code.as_u16() }).inc();
    }

    /// The answer of a stream, which counts as under way until its body ends.
    pub(crate) fn stream(&self, asked: &Asked, reply: Reply) -> Reply {
        let under_way = UnderWay::new(self.long.get_or_create(asked).clone());
        reply.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _: &UnderWay = &under_way;
                frame
            }))
        })
    }
}

/// One more in a gauge until it is dropped.
struct UnderWay(Gauge);

impl UnderWay {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Asked {
    /// What a request asks for; `None` for what is not served.
    pub(crate) fn of(route: &Route, query: &Query, parts: &Parts) -> Option<Self> {
        let dry_run = if query.get("dryRun").is_some() { "All" } else { "" };
        let none: Arc<str> = Arc::from("");
        let component = "apiserver";
        match route {
            Route::Object(target) => Some(Self {
                component,
                dry_run,
                group: Arc::clone(&target.kind.group),
                resource: Arc::clone(&target.kind.plural),
                scope: scope(target),
                subresource: target.part(),
                verb: verb(target, parts),
                version: Arc::clone(&target.kind.version),
            }),
            Route::Page(page) => Some(Self {
                component,
                dry_run,
                group: Arc::clone(&none),
                resource: Arc::clone(&none),
                scope: "",
                subresource: path(page)?,
                verb: if parts.method == Method::GET { "GET" } else { "OTHER" },
                version: none,
            }),
        }
    }

    /// Whether the answer may take as long as it takes.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.verb, "WATCH" | "CONNECT") || self.subresource == "log"
    }
}

fn scope(target: &Target) -> &'static str {
    match (target.name.is_empty(), target.namespace.is_empty()) {
        (false, _) => "resource",
        (true, _) if target.verb == Verb::Create => "resource",
        (true, false) => "namespace",
        (true, true) => "cluster",
    }
}

fn verb(target: &Target, parts: &Parts) -> &'static str {
    let content = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match target.verb {
        Verb::Get => "GET",
        Verb::List => "LIST",
        Verb::Watch => "WATCH",
        Verb::Create => "POST",
        Verb::Update => "PUT",
        Verb::Patch if content.is_some_and(|text| text.starts_with("application/apply-patch")) => "APPLY",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::DeleteCollection => "DELETECOLLECTION",
    }
}

/// Where a page is, without what the client may choose.
fn path(page: &Page) -> Option<&'static str> {
    Some(match page {
        Page::Root => "/",
        Page::CoreVersions => "/api",
        Page::Groups | Page::Group(_) | Page::Resources(..) => "/apis",
        Page::OpenApi2 => "/openapi/v2",
        Page::OpenApi | Page::OpenApiOf(..) => "/openapi/v3",
        Page::Version => "/version",
        Page::Health("livez", _) => "/livez",
        Page::Health("readyz", _) => "/readyz",
        Page::Health(..) => "/healthz",
        Page::Metrics => "/metrics",
        Page::Nothing => return None,
    })
}
