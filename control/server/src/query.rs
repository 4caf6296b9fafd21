//! The query of a request, decoded once.

use std::num::IntErrorKind;

use api::status::Status;
use http::Uri;

/// Parameters in the order of the URL; a name may stand several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes the query of a URL. kube-rs begins queries with `?&`, which is fine.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Status> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Status::bad_request(format!("cannot decode the query of the URL: {error}")))?;
        Ok(Self(pairs.into_iter().filter(|(name, _)| !name.is_empty()).collect()))
    }

    /// The parameters as a URL has them, with the `?`; empty when there are none.
    pub(crate) fn encoded(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let pairs: Vec<String> = pairs.collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The first value of a parameter; absent and empty are the same, as for Kubernetes.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is given, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A boolean as Kubernetes reads it from a URL: given, in any form but `0` and `false`, means true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let given = self.all(name).next();
        given.is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A whole number, which may be negative; a parameter without a value counts as absent.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = |error: std::num::ParseIntError| {
            let range = matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
            let why = if range { "value out of range" } else { "invalid syntax" };
            Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
        };
        text.parse().map(Some).map_err(wrong)
    }
}

/// A text as a part of a URL.
pub(crate) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
