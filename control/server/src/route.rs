//! The one table from method and URL to what is asked for.

use std::fmt;

use api::kind::{Flags, Kind, Scope, Subresource};
use api::kinds;
use api::status::Status;
use http::Method;

use crate::fail;
use crate::query::{self, Query};

/// What is to be done, in the words of authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read a collection.
    List,
    /// Follow a collection.
    Watch,
    /// Make an object.
    Create,
    /// Replace an object.
    Update,
    /// Change an object.
    Patch,
    /// Delete one object.
    Delete,
    /// Delete a collection.
    DeleteCollection,
}

impl Verb {
    /// As rules and messages spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An object, a collection, or a subresource of an object, and what to do with it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What to do.
    pub(crate) verb: Verb,
    /// Of what kind.
    pub(crate) kind: &'static Kind,
    /// Which part of the object; `None` for the object itself.
    pub(crate) subresource: Option<Subresource>,
    /// Empty for cluster-scoped kinds and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for collections.
    pub(crate) name: String,
    /// The path that is asked of a proxy, escaped; empty elsewhere.
    pub(crate) rest: String,
}

impl Target {
    /// The subresource as URLs spell it; empty for the object itself.
    pub(crate) fn part(&self) -> &'static str {
        self.subresource.map_or("", spelled)
    }

    /// Whether the answer may take as long as it takes.
    pub(crate) fn is_long_running(&self) -> bool {
        self.verb == Verb::Watch || matches!(self.subresource, Some(Subresource::Log | Subresource::Proxy))
    }

    /// Whether state may change.
    pub(crate) fn mutates(&self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// A page about the server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// `/`: every path.
    Root,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Resources(String, String),
    /// `/openapi/v2`: of everything.
    OpenApi2,
    /// `/openapi/v3`.
    OpenApi,
    /// `/openapi/v3/…`: of a group and version.
    OpenApiOf(String, String),
    /// `/version`.
    Version,
    /// `/livez`, `/readyz` or `/healthz`, and one of its checks alone when one is named.
    Health(&'static str, String),
    /// `/metrics`.
    Metrics,
    /// Anything else.
    Nothing,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// To an object or collection.
    Object(Box<Target>),
    /// To a page.
    Page(Page),
}

/// How URLs spell a subresource.
pub(crate) fn spelled(subresource: Subresource) -> &'static str {
    match subresource {
        Subresource::Status => "status",
        Subresource::Scale => "scale",
        Subresource::Binding => "binding",
        Subresource::Log => "log",
        Subresource::Finalize => "finalize",
        Subresource::Eviction => "eviction",
        Subresource::EphemeralContainers => "ephemeralcontainers",
        Subresource::Resize => "resize",
        Subresource::Approval => "approval",
        Subresource::Proxy => "proxy",
    }
}

/// Finds out what is asked for.
///
/// # Errors
/// 404 for a resource that a served group and version does not have; 405 for a method that a resource does not have.
pub(crate) fn route(method: &Method, path: &str, query: &Query) -> Result<Route, Status> {
    let decoded = decode(path)?;
    let segments: Vec<&str> = decoded.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
    let page = |page| Ok(Route::Page(page));
    match segments.as_slice() {
        [] => page(Page::Root),
        ["api"] => page(Page::CoreVersions),
        ["apis"] => page(Page::Groups),
        ["apis", group] => page(Page::Group((*group).to_owned())),
        ["api", version] => page(Page::Resources(String::new(), (*version).to_owned())),
        ["apis", group, version] => page(Page::Resources((*group).to_owned(), (*version).to_owned())),
        ["api", version, rest @ ..] => object(method, "", version, rest, query),
        ["apis", group, version, rest @ ..] => object(method, group, version, rest, query),
        ["openapi", "v2"] => page(Page::OpenApi2),
        ["openapi", "v3"] => page(Page::OpenApi),
        ["openapi", "v3", "api", version] => page(Page::OpenApiOf(String::new(), (*version).to_owned())),
        ["openapi", "v3", "apis", group, version] => page(Page::OpenApiOf((*group).to_owned(), (*version).to_owned())),
        ["version"] => page(Page::Version),
        ["livez", rest @ ..] => page(Page::Health("livez", rest.join("/"))),
        ["readyz", rest @ ..] => page(Page::Health("readyz", rest.join("/"))),
        ["healthz", rest @ ..] => page(Page::Health("healthz", rest.join("/"))),
        ["metrics"] => page(Page::Metrics),
        _ => page(Page::Nothing),
    }
}

fn object(method: &Method, group: &str, version: &str, rest: &[&str], query: &Query) -> Result<Route, Status> {
    if !kinds::all().iter().any(|kind| &*kind.group == group && &*kind.version == version) {
        return Ok(Route::Page(Page::Nothing));
    }
    let (legacy, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        _ => (false, rest),
    };
    let (rest, passed) = match rest {
        ["nodes", _, "proxy", passed @ ..] if (group, version) == ("", "v1") => (&rest[..3], passed),
        _ => (rest, [].as_slice()),
    };
    let (namespace, plural, name, part) = split(rest).ok_or_else(fail::no_resource)?;
    let (plural, part) =
        if (group, plural, name) == ("", "bindings", "") { ("pods", "binding") } else { (plural, part) };
    let kind = kinds::find(group, version, plural).ok_or_else(fail::no_resource)?;
    if kind.scope == Scope::Cluster && !namespace.is_empty() {
        return Err(fail::no_resource());
    }
    let subresource = if part.is_empty() {
        None
    } else {
        let found = kind.subresources.iter().copied().find(|one| spelled(*one) == part);
        Some(found.ok_or_else(fail::no_resource)?)
    };
    let needs_namespace = kind.scope == Scope::Namespaced && (!name.is_empty() || method == Method::POST);
    if needs_namespace && namespace.is_empty() {
        return Err(fail::no_resource());
    }
    // Of one object only the legacy path is a watch; elsewhere the parameter means nothing there.
    let watch = legacy || (name.is_empty() && query.flag("watch"));
    let has = |verb: &Verb| match kind.flags {
        Flags { computed: true, .. } => matches!(verb, Verb::Get | Verb::List),
        Flags { deleted_one_by_one: true, .. } => *verb != Verb::DeleteCollection,
        _ => true,
    };
    let verb = verb(method, !name.is_empty(), subresource, watch).filter(has).ok_or_else(fail::method_not_allowed)?;
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    let rest = passed.iter().map(|segment| format!("/{}", query::escape(segment))).collect();
    Ok(Route::Object(Box::new(Target { verb, kind, subresource, namespace, name, rest })))
}

/// Namespace, plural, name and subresource of the path below a group and version.
fn split<'a>(rest: &[&'a str]) -> Option<(&'a str, &'a str, &'a str, &'a str)> {
    Some(match rest {
        ["namespaces"] => ("", "namespaces", "", ""),
        ["namespaces", name] => ("", "namespaces", name, ""),
        ["namespaces", name, part @ ("status" | "finalize")] => ("", "namespaces", name, part),
        ["namespaces", namespace, plural] => (namespace, plural, "", ""),
        ["namespaces", namespace, plural, name] => (namespace, plural, name, ""),
        ["namespaces", namespace, plural, name, part] => (namespace, plural, name, part),
        [plural] => ("", plural, "", ""),
        [plural, name] => ("", plural, name, ""),
        [plural, name, part] => ("", plural, name, part),
        _ => return None,
    })
}

fn verb(method: &Method, named: bool, subresource: Option<Subresource>, watch: bool) -> Option<Verb> {
    match (method, named, subresource) {
        (&Method::POST, _, Some(Subresource::Binding)) => Some(Verb::Create),
        (&Method::POST, true, Some(Subresource::Eviction)) => Some(Verb::Create),
        (_, _, Some(Subresource::Binding | Subresource::Eviction)) => None,
        (&Method::GET, true, Some(Subresource::Log)) => Some(Verb::Get),
        (_, _, Some(Subresource::Log)) => None,
        (&Method::GET, true, Some(Subresource::Proxy)) => Some(Verb::Get),
        (_, _, Some(Subresource::Proxy)) => None,
        (&Method::PUT, true, Some(Subresource::Finalize)) => Some(Verb::Update),
        (_, _, Some(Subresource::Finalize)) => None,
        (&Method::GET, true, Some(_)) => Some(Verb::Get),
        (&Method::GET, true, None) => Some(if watch { Verb::Watch } else { Verb::Get }),
        (&Method::PUT, true, _) => Some(Verb::Update),
        (&Method::PATCH, true, _) => Some(Verb::Patch),
        (&Method::DELETE, true, None) => Some(Verb::Delete),
        (&Method::GET, false, None) => Some(if watch { Verb::Watch } else { Verb::List }),
        (&Method::POST, false, None) => Some(Verb::Create),
        (&Method::DELETE, false, None) => Some(Verb::DeleteCollection),
        _ => None,
    }
}

/// The segments of a path, each with its percent-escapes resolved, so that an escaped `/` does not split a name.
fn decode(path: &str) -> Result<Vec<String>, Status> {
    let one = |segment: &str| {
        percent_encoding::percent_decode_str(segment)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| Status::bad_request(format!("the path \"{path}\" is not UTF-8 after percent-decoding")))
    };
    path.split('/').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, path: &str, want: &str) {
        let query = Query::default();
        let got = match route(method, path, &query) {
            Ok(Route::Object(target)) => {
                let (kind, verb) = (&target.kind.kind, target.verb);
                format!("{verb} {kind} {}/{} {}", target.namespace, target.name, target.part()).trim_end().to_owned()
            }
            Ok(Route::Page(page)) => format!("{page:?}"),
            Err(status) => status.code.to_string(),
        };
        assert_eq!(got, want, "{method} {path}");
    }

    #[test]
    fn every_form_of_path_finds_its_place() {
        check(&Method::GET, "/api/v1/namespaces/default/pods/web", "get Pod default/web");
        check(&Method::GET, "/api/v1/pods", "list Pod /");
        check(&Method::GET, "/api/v1/watch/namespaces/default/pods", "watch Pod default/");
        check(&Method::GET, "/api/v1/watch/namespaces/default/pods/web", "watch Pod default/web");
        check(&Method::GET, "/api/v1/watch/namespaces", "watch Namespace /");
        check(&Method::GET, "/api/v1/namespaces/x", "get Namespace /x");
        check(&Method::PUT, "/api/v1/namespaces/x/finalize", "update Namespace /x finalize");
        check(&Method::PATCH, "/apis/apps/v1/namespaces/d/deployments/w/scale", "patch Deployment d/w scale");
        check(&Method::POST, "/api/v1/namespaces/d/bindings", "create Pod d/ binding");
        check(&Method::GET, "/api/v1/namespaces/d/pods/w/log/", "get Pod d/w log");
        check(&Method::DELETE, "/api/v1/namespaces/d/configmaps", "deletecollection ConfigMap d/");
        check(&Method::POST, "/api/v1/namespaces/d/pods/w/eviction", "create Pod d/w eviction");
        check(&Method::PATCH, "/api/v1/namespaces/d/pods/w/ephemeralcontainers", "patch Pod d/w ephemeralcontainers");
        check(&Method::GET, "/api/v1/namespaces/d/pods/w/resize", "get Pod d/w resize");
        check(&Method::GET, "/api/v1/nodes/n/proxy/metrics/resource", "get Node /n proxy");
        check(&Method::GET, "/api/v1/nodes/n/proxy", "get Node /n proxy");
        check(&Method::GET, "/apis/metrics.k8s.io/v1beta1/nodes/n", "get NodeMetrics /n");
        check(&Method::GET, "/apis/metrics.k8s.io/v1beta1/namespaces/d/pods", "list PodMetrics d/");
    }

    #[test]
    fn what_is_not_served_is_refused_in_the_right_way() {
        check(&Method::GET, "/api/v1/namespaces/default/widgets", "404");
        check(&Method::GET, "/apis/foo.io/v1/widgets", "Nothing");
        check(&Method::POST, "/api/v1/namespaces/default/configmaps/cm0", "405");
        check(&Method::PUT, "/api/v1/namespaces/default/configmaps", "405");
        check(&Method::DELETE, "/api/v1/namespaces", "405");
        check(&Method::GET, "/api/v1/namespaces/default/nodes", "404");
        check(&Method::POST, "/api/v1/pods", "404");
        check(&Method::GET, "/api/v1/namespaces/d/pods/w/eviction", "405");
        check(&Method::DELETE, "/api/v1/namespaces/d/pods/w/status", "405");
        check(&Method::GET, "/foo", "Nothing");
        check(&Method::POST, "/api/v1/nodes/n/proxy/metrics", "405");
        check(&Method::GET, "/apis/metrics.k8s.io/v1beta1/nodes/n/proxy/x", "404");
        check(&Method::DELETE, "/apis/metrics.k8s.io/v1beta1/namespaces/d/pods/p", "405");
    }
}
