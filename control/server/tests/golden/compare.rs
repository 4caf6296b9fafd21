//! Comparison of a recorded answer with ours, but for what no two servers have in common: uids, times, revisions, random
//! endings, addresses. Those must correspond: equal ones to equal ones, and newer revisions to newer ones.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Value, json};

use crate::pieces::{self, Piece, Shape};

/// Which name of ours stands for which recorded one.
#[derive(Clone, Debug, Default)]
pub struct Names {
    ours: BTreeMap<(Shape, String), String>,
    recorded: BTreeMap<(Shape, String), String>,
    revisions: BTreeMap<u64, u64>,
}

/// A place where our answer is another one.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    path: String,
    recorded: Option<Value>,
    ours: Option<Value>,
}

impl Difference {
    /// As an operation for the table, and what stood there.
    pub fn text(&self) -> String {
        let recorded = self.recorded.as_ref().map(Value::to_string).unwrap_or_default();
        match (&self.recorded, &self.ours) {
            (_, None) => format!("- {{op: remove, path: {}}} # {recorded}", self.path),
            (None, Some(ours)) => format!("- {{op: add, path: {}, value: {ours}}}", self.path),
            (Some(_), Some(ours)) => format!("- {{op: replace, path: {}, value: {ours}}} # {recorded}", self.path),
        }
    }
}

impl Names {
    /// Every place where the two differ; remembers which names correspond.
    pub fn differences(&mut self, recorded: &Value, ours: &Value) -> Vec<Difference> {
        let mut found = Vec::new();
        self.walk("", Some(recorded), Some(ours), &mut found);
        found
    }

    fn walk(&mut self, path: &str, recorded: Option<&Value>, ours: Option<&Value>, found: &mut Vec<Difference>) {
        match (recorded, ours) {
            (Some(Value::Object(one)), Some(Value::Object(other))) => {
                let fields: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
                for field in fields {
                    let escaped = field.replace('~', "~0").replace('/', "~1");
                    self.walk(&format!("{path}/{escaped}"), one.get(field), other.get(field), found);
                }
            }
            (Some(Value::Array(one)), Some(Value::Array(other))) => {
                for at in 0..one.len().max(other.len()) {
                    self.walk(&format!("{path}/{at}"), one.get(at), other.get(at), found);
                }
            }
            (Some(Value::String(one)), Some(Value::String(other))) if self.same(path, one, other) => {}
            (one, other) if one == other => {}
            _ => found.push(Difference { path: path.into(), recorded: recorded.cloned(), ours: ours.cloned() }),
        }
    }

    /// Whether two texts are equal but for names that correspond.
    fn same(&mut self, path: &str, recorded: &str, ours: &str) -> bool {
        let (pattern, one) = pieces::split(path, recorded);
        let (other_pattern, other) = pieces::split(path, ours);
        pattern == other_pattern && one.iter().zip(&other).all(|(one, other)| self.correspond(one, other))
    }

    fn correspond(&mut self, recorded: &Piece, ours: &Piece) -> bool {
        match recorded.shape {
            Shape::Time | Shape::Age | Shape::Tag | Shape::Description => true,
            Shape::Revision => self.revision(&recorded.text, ours.text.parse().unwrap()),
            Shape::Continue => {
                let (Some(one), Some(other)) = (token(&recorded.text), token(&ours.text)) else { return false };
                self.bind(recorded, ours) && self.differences(&one, &other).is_empty()
            }
            Shape::Uid | Shape::Suffix | Shape::Address => self.bind(recorded, ours),
        }
    }

    fn bind(&mut self, recorded: &Piece, ours: &Piece) -> bool {
        let there = (recorded.shape, recorded.text.clone());
        let here = (ours.shape, ours.text.clone());
        let bound = self.ours.entry(there).or_insert_with(|| ours.text.clone());
        let back = self.recorded.entry(here).or_insert_with(|| recorded.text.clone());
        *bound == ours.text && *back == recorded.text
    }

    /// Whether our revision stands for the recorded one: the same as before, and neither older than what was older nor newer
    /// than what was newer.
    fn revision(&mut self, recorded: &str, ours: u64) -> bool {
        let recorded = tenths(recorded);
        if let Some(bound) = self.revisions.get(&recorded) {
            return *bound == ours;
        }
        let older = self.revisions.range(..recorded).next_back().is_none_or(|(_, before)| *before <= ours);
        let newer = self.revisions.range(recorded..).next().is_none_or(|(_, after)| ours <= *after);
        if older && newer {
            self.revisions.insert(recorded, ours);
        }
        older && newer
    }

    /// A recorded path with our names in its query.
    pub fn in_path(&self, path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some(("resourceVersion", value)) => {
                let bound = value.parse::<u64>().ok().and_then(|_| self.revisions.get(&tenths(value)));
                bound.map_or_else(|| parameter.to_owned(), |revision| format!("resourceVersion={revision}"))
            }
            Some(("continue", value)) => {
                let bound = self.ours.get(&(Shape::Continue, value.to_owned()));
                bound.map_or_else(|| parameter.to_owned(), |token| format!("continue={token}"))
            }
            _ => parameter.to_owned(),
        });
        format!("{path}?{}", parameters.collect::<Vec<_>>().join("&"))
    }
}

/// A recorded revision in tenths: the table writes `221.5` for one of ours between two that were recorded.
fn tenths(revision: &str) -> u64 {
    let (whole, tenth) = revision.split_once('.').unwrap_or((revision, "0"));
    whole.parse::<u64>().unwrap() * 10 + tenth.parse::<u64>().unwrap()
}

/// Sorts managers by name: they stand in the order of their times, which depends on where a second ends.
pub fn sort_managers(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let (Value::Array(entries), "managedFields") = (&mut *value, name.as_str()) {
                    entries.sort_by_key(|entry| format!("{} {}", entry["manager"], entry["subresource"]));
                }
                sort_managers(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort_managers),
        _ => {}
    }
}

/// What a continue token says, with its revision under the name that revisions have elsewhere.
fn token(text: &str) -> Option<Value> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    Some(json!({"v": token["v"], "resourceVersion": token["rv"].to_string(), "start": token["start"]}))
}

#[test]
fn names_correspond_or_differ() {
    let mut names = Names::default();
    let object = |uid: &str, revision: &str| json!({"uid": format!("{uid}a5e3c28-0000-4000-8000-000000000000"), "resourceVersion": revision});
    assert_eq!(names.differences(&object("1", "215"), &object("a", "7")), []);
    assert_eq!(names.differences(&object("2", "219"), &object("b", "9")), []);
    let paths = |found: Vec<Difference>| found.into_iter().map(|one| one.path).collect::<Vec<_>>();
    assert_eq!(paths(names.differences(&object("1", "215"), &object("b", "7"))), ["/uid"], "another object");
    assert_eq!(paths(names.differences(&object("1", "217"), &object("a", "6"))), ["/resourceVersion"], "too old");
    assert_eq!(paths(names.differences(&object("1", "219"), &object("a", "8"))), ["/resourceVersion"], "a write more");
    assert_eq!(
        names.in_path("/x?resourceVersion=215&resourceVersionMatch=Exact"),
        "/x?resourceVersion=7&resourceVersionMatch=Exact"
    );
}
