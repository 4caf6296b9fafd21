//! Field selectors: equality of the few fields that a kind makes selectable.

use crate::kind::Kind;
use crate::record::Record;

/// A conjunction of `path=value` and `path!=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    path: String,
    value: String,
    equal: bool,
}

/// Why a text cannot select fields of a kind, in the words of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFieldSelector {
    /// A term is not `path=value`, `path==value` or `path!=value`.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    Term {
        /// All that was given.
        selector: String,
        /// The term that is malformed.
        term: String,
    },
    /// A backslash stands before something other than `\`, `,` or `=`, or at the end.
    #[error("invalid field selector: invalid escape sequence in \"{0}\"")]
    Escape(String),
    /// The kind, which has selectable fields, does not have this one.
    #[error("field label not supported: {0}")]
    Unsupported(String),
    /// The kind has no selectable field beyond name and namespace.
    #[error("\"{0}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")]
    Unknown(String),
}

/// Paths that every kind makes selectable.
const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";
/// Old name of a Pod's node.
const HOST_ALIAS: (&str, &str) = ("spec.host", "spec.nodeName");

impl FieldSelector {
    /// Reads the text of a `fieldSelector` parameter for objects of the kind. Empty terms are allowed and say nothing.
    ///
    /// # Errors
    /// When the text is malformed, or names a field that the kind does not make selectable.
    pub fn parse(text: &str, kind: &Kind) -> Result<Self, BadFieldSelector> {
        let parts = split(text).into_iter().filter(|part| !part.is_empty());
        Ok(Self { terms: parts.map(|part| term(part, text, kind)).collect::<Result<_, _>>()? })
    }

    /// One term: that field has that value, whatever characters are in it.
    #[must_use]
    pub fn equal(path: &str, value: &str) -> Self {
        Self { terms: vec![Term { path: path.to_owned(), value: value.to_owned(), equal: true }] }
    }

    /// Whether the object's name, namespace and extracted fields satisfy every term.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.terms.iter().all(|term| (value(record, &term.path) == term.value) == term.equal)
    }

    /// The value that a field must have, when some term says so: `metadata.name` makes a list a look-up, and
    /// `spec.nodeName` has an index.
    #[must_use]
    pub fn exact(&self, path: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && term.path == path).map(|term| term.value.as_str())
    }

    /// Whether there is no term at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

fn value<'a>(record: &'a Record, path: &str) -> &'a str {
    match path {
        NAME => record.key.name(),
        NAMESPACE => record.key.namespace(),
        _ => record.header.fields.iter().find(|(name, _)| **name == *path).map_or("", |(_, value)| value),
    }
}

fn term(part: &str, selector: &str, kind: &Kind) -> Result<Term, BadFieldSelector> {
    let not = || BadFieldSelector::Term { selector: selector.to_owned(), term: part.to_owned() };
    let at = part.find('=').ok_or_else(not)?;
    let (left, right) = part.split_at(at);
    let (path, value, equal) = match left.strip_suffix('!') {
        Some(path) => (path, &right[1..], false),
        None => (left, right.strip_prefix("==").unwrap_or(&right[1..]), true),
    };
    let path = if kind.schema.ends_with(".Pod") && path == HOST_ALIAS.0 { HOST_ALIAS.1 } else { path };
    let known = if matches!(path, NAME | NAMESPACE) { Some(path) } else { kind.selectable_as(path) };
    match (known, kind.selectable.is_empty()) {
        (Some(path), _) => Ok(Term { path: path.to_owned(), value: unescaped(value)?, equal }),
        (None, true) => Err(BadFieldSelector::Unknown(path.to_owned())),
        (None, false) => Err(BadFieldSelector::Unsupported(path.to_owned())),
    }
}

/// Terms between commas that no backslash escapes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if c == ',' && !escaped {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

fn unescaped(text: &str) -> Result<String, BadFieldSelector> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                _ => return Err(BadFieldSelector::Escape(text.to_owned())),
            },
            ',' | '=' => return Err(BadFieldSelector::Escape(text.to_owned())),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::meta::{Key, Revision};
    use crate::record::Body;
    use crate::{header, kinds};
    use proptest::prelude::*;
    use serde_json::json;

    fn check(plural: &str, text: &str) -> Result<bool, String> {
        let kind = kinds::find("", "v1", plural).unwrap();
        let object = json!({"metadata": {"name": "a"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
        let record = Arc::new(Record {
            key: Key::new(&kind.resource(), "default", "a").unwrap(),
            revision: Revision(1),
            header: header::extract(kind, &object),
            body: Body::encode(&object).unwrap(),
        });
        FieldSelector::parse(text, kind).map(|selector| selector.matches(&record)).map_err(|error| error.to_string())
    }

    #[test]
    fn terms_compare_name_namespace_and_the_kinds_own_fields() {
        for text in [
            "",
            "metadata.name=a",
            "metadata.namespace==default,spec.host=n1",
            "status.phase!=Failed",
            "status.podIP=,",
        ] {
            assert_eq!(check("pods", text), Ok(true), "{text}");
        }
        assert_eq!(check("pods", "metadata.name!=a"), Ok(false));
        assert_eq!(check("pods", "spec.nodeName=n1,status.phase=Failed"), Ok(false));
        assert_eq!(check("pods", r"metadata.name=a\,b"), Ok(false));
    }

    #[test]
    fn unknown_fields_and_malformed_terms_are_refused() {
        let told = |plural: &str, text: &str| check(plural, text).unwrap_err();
        assert_eq!(
            told("configmaps", "data.k=v"),
            "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
        assert_eq!(told("pods", "data.k=v"), "field label not supported: data.k");
        assert_eq!(told("pods", "abc"), "invalid selector: 'abc'; can't understand 'abc'");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in r"(metadata\.name|[=!,\\a]){0,8}|\PC{0,12}") {
            let _answered = check("pods", &text);
        }
    }
}
