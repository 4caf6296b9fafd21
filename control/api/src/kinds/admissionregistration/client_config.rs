//! How a webhook is reached: by URL, or through a Service.

use crate::field::{Errors, Field};
use crate::name;

/// Everything wrong with a `WebhookClientConfig`.
pub(super) fn client_config(config: &Field<'_>) -> Errors {
    let (url, service) = (config.at("url"), config.at("service"));
    match (url.is_set(), service.is_set()) {
        (true, false) => self::url(&url),
        (false, true) => self::service(&service),
        _ => vec![config.required("exactly one of url or service is required")],
    }
}

const FORM: &str = "; desired format: https://host[/path]";

/// Parts of a URL as they are judged apart.
#[derive(Debug, Default)]
struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: &'a str,
    query: &'a str,
    fragment: &'a str,
}

/// Takes a URL apart (RFC 3986, section 3); none of the parts is decoded.
fn parts(url: &str) -> Parts<'_> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    Parts { scheme, user, host, query, fragment }
}

fn url(url: &Field<'_>) -> Errors {
    let text = url.text();
    let parts = parts(text);
    if text.chars().any(|c| c.is_ascii_control()) {
        let why = format!("url must be a valid URL: parse {text:?}: net/url: invalid control character in URL{FORM}");
        return vec![url.required(&why)];
    }
    let mut errors = Errors::new();
    if parts.scheme != "https" {
        errors.push(url.invalid_part(parts.scheme, format!("'https' is the only allowed URL scheme{FORM}")));
    }
    if parts.host.is_empty() {
        errors.push(url.invalid_part("", format!("host must be provided{FORM}")));
    }
    let forbidden = [
        (parts.user.unwrap_or_default(), parts.user.is_some(), "user information is"),
        (parts.fragment, !parts.fragment.is_empty(), "fragments are"),
        (parts.query, !parts.query.is_empty(), "query parameters are"),
    ];
    let given = forbidden.into_iter().filter(|(_, given, _)| *given);
    errors.extend(given.map(|(part, _, what)| url.invalid_part(part, format!("{what} not permitted in the URL"))));
    errors
}

fn service(service: &Field<'_>) -> Errors {
    let (own, namespace, port) = (service.at("name"), service.at("namespace"), service.at("port"));
    let mut errors = Errors::new();
    errors.extend(own.is_empty().then(|| own.required("service name is required")));
    errors.extend(namespace.is_empty().then(|| namespace.required("service namespace is required")));
    if !port.integer().is_some_and(|number| (1..=65_535).contains(&number)) {
        errors.push(port.invalid("port is not valid: must be between 1 and 65535, inclusive"));
    }
    errors.extend(path(&service.at("path")));
    errors
}

fn path(path: &Field<'_>) -> Errors {
    let text = path.text();
    if matches!(text, "" | "/") {
        return Errors::new();
    }
    if text == "//" {
        return vec![path.invalid("segment[0] may not be empty")];
    }
    let mut errors = Errors::new();
    if !text.starts_with('/') {
        errors.push(path.invalid("must start with a '/'"));
    }
    // The first character is left out whatever it is, as Kubernetes does.
    let rest = text.char_indices().nth(1).map_or("", |(at, _)| &text[at..]);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    for (nth, step) in rest.split('/').enumerate() {
        if step.is_empty() {
            errors.push(path.invalid(format!("segment[{nth}] may not be empty")));
        } else {
            let wrong = name::subdomain(step).into_iter();
            errors.extend(wrong.map(|why| path.invalid(format!("segment[{nth}]: {why}"))));
        }
    }
    errors
}
