//! The query of a request, decoded once.

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

    /// A boolean as Go parses it; anything that is neither true nor false counts as true when `1`, else false.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "t" | "T" | "true" | "True" | "TRUE"))
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = |_| Status::bad_request(format!("{name}: \"{text}\" is not a whole number of at least 0"));
        text.parse().map(Some).map_err(wrong)
    }

    /// Adds a parameter, as when a path implies one.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }
}
