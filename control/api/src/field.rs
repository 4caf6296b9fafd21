//! A value inside an object together with how it was reached, so that a rule can say where it found something wrong.

use serde_json::Value;

use crate::json;
use crate::validate::{FieldError, FieldProblem};

/// What is wrong, collected over a whole object.
pub(crate) type Errors = Vec<FieldError>;

/// A value and its path. Absent values are null.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    path: String,
    pub(crate) value: &'a Value,
}

static NULL: Value = Value::Null;

/// What is said of a field that may not change.
pub(crate) const IMMUTABLE: &str = "field is immutable";

impl<'a> Field<'a> {
    /// The object itself.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// This value, told as the one that stands at the other's place.
    pub(crate) fn told_at(self, other: &Field<'_>) -> Self {
        Self { path: other.path.clone(), ..self }
    }

    /// This value, told as one that stands at that place.
    pub(crate) fn told_as(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Another value at the same place.
    pub(crate) fn with<'b>(&self, value: &'b Value) -> Field<'b> {
        Field { path: self.path.clone(), value }
    }

    /// How the value was reached, e.g. `spec.containers[0].image`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The field of that name.
    pub(crate) fn at(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, value: self.value.get(name).unwrap_or(&NULL) }
    }

    /// The value under another name: what a client of another version calls it.
    pub(crate) fn called(self, path: &str) -> Self {
        Self { path: path.to_owned(), value: self.value }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let path = self.path.clone();
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(nth, value)| Field { path: format!("{path}[{nth}]"), value })
    }

    /// The item at that place of a list.
    pub(crate) fn nth(&self, nth: usize) -> Self {
        Self { path: format!("{}[{nth}]", self.path), value: self.value.get(nth).unwrap_or(&NULL) }
    }

    /// The entries of a map, with their keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> + use<'a> {
        let path = self.path.clone();
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(move |(key, value)| (key.as_str(), Field { path: format!("{path}[{key}]"), value }))
    }

    /// The entry of that key, whatever characters it has.
    pub(crate) fn entry(&self, key: &str) -> Self {
        Self { path: format!("{}[{key}]", self.path), value: self.value.get(key).unwrap_or(&NULL) }
    }

    /// The text; empty when there is none.
    pub(crate) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    /// The whole number, when there is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        self.value.as_i64()
    }

    /// Whether it is true.
    pub(crate) fn is_true(&self) -> bool {
        *self.value == true
    }

    /// Whether something was given, be it empty.
    pub(crate) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether nothing was given, or something empty.
    pub(crate) fn is_empty(&self) -> bool {
        json::is_empty(self.value)
    }

    pub(crate) fn required(&self, detail: &str) -> FieldError {
        FieldError::required(&self.path, detail)
    }

    pub(crate) fn invalid(&self, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, self.value, detail)
    }

    /// As [`Field::invalid`], about a key or a part instead of the value itself.
    pub(crate) fn invalid_part(&self, part: impl Into<Value>, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, &part.into(), detail)
    }

    /// As [`Field::invalid`], without the value.
    pub(crate) fn invalid_unshown(&self, detail: impl Into<String>) -> FieldError {
        FieldError { path: self.path.clone(), problem: FieldProblem::InvalidUnshown(detail.into()) }
    }

    pub(crate) fn forbidden(&self, detail: impl Into<String>) -> FieldError {
        FieldError::forbidden(&self.path, detail)
    }

    pub(crate) fn duplicate(&self) -> FieldError {
        FieldError::duplicate(&self.path, self.value)
    }

    /// As [`Field::duplicate`], about the parts that are equal.
    pub(crate) fn duplicate_of(&self, parts: &Value) -> FieldError {
        FieldError::duplicate(&self.path, parts)
    }

    /// As [`Field::duplicate`], saying what must differ.
    pub(crate) fn duplicate_as(&self, detail: &str) -> FieldError {
        let problem = FieldProblem::DuplicateOf(self.value.to_string(), detail.to_owned());
        FieldError { path: self.path.clone(), problem }
    }

    pub(crate) fn not_found(&self) -> FieldError {
        FieldError { path: self.path.clone(), problem: FieldProblem::NotFound(self.value.to_string()) }
    }

    /// As [`Field::not_found`], of a part of the value, saying where it was looked for.
    pub(crate) fn not_found_among(&self, part: &str, detail: &str) -> FieldError {
        let problem = FieldProblem::NotFoundAmong(Value::from(part).to_string(), detail.to_owned());
        FieldError { path: self.path.clone(), problem }
    }

    pub(crate) fn too_long(&self, most: usize) -> FieldError {
        FieldError { path: self.path.clone(), problem: FieldProblem::TooLong(most) }
    }

    pub(crate) fn too_many(&self, most: usize) -> Option<FieldError> {
        let count = self.value.as_array().map_or(0, Vec::len);
        (count > most).then(|| FieldError { path: self.path.clone(), problem: FieldProblem::TooMany(count, most) })
    }

    /// Says that a map has more entries than allowed.
    pub(crate) fn too_many_entries(&self, count: usize, most: usize) -> FieldError {
        FieldError { path: self.path.clone(), problem: FieldProblem::TooMany(count, most) }
    }

    /// An error when nothing was given.
    pub(crate) fn must(&self) -> Option<FieldError> {
        self.is_empty().then(|| self.required(""))
    }

    /// An error when a text was given that is none of these.
    pub(crate) fn one_of(&self, allowed: &[&str]) -> Option<FieldError> {
        let wrong = self.is_set() && !allowed.contains(&self.text());
        wrong.then(|| self.not_one_of(allowed))
    }

    /// Says that the text, which may be empty, is none of these.
    pub(crate) fn not_one_of(&self, allowed: &[&str]) -> FieldError {
        FieldError::not_supported(&self.path, self.text(), allowed)
    }

    /// An error when nothing was given, or none of these.
    pub(crate) fn must_be_one_of(&self, allowed: &[&str]) -> Option<FieldError> {
        self.must().or_else(|| self.one_of(allowed))
    }

    /// An error when a number below zero was given.
    pub(crate) fn not_negative(&self) -> Option<FieldError> {
        self.at_least(0)
    }

    /// Errors for every field of those names that is a number below zero.
    pub(crate) fn none_negative(&self, names: &[&str]) -> Errors {
        names.iter().filter_map(|name| self.at(name).not_negative()).collect()
    }

    /// An error when a number below the least was given.
    pub(crate) fn at_least(&self, least: i64) -> Option<FieldError> {
        let wrong = self.integer().is_some_and(|number| number < least);
        wrong.then(|| self.invalid(format!("must be greater than or equal to {least}")))
    }

    /// An error when a number outside the range was given.
    pub(crate) fn within(&self, least: i64, most: i64) -> Option<FieldError> {
        let wrong = self.integer().is_some_and(|number| !(least..=most).contains(&number));
        wrong.then(|| self.invalid(format!("must be between {least} and {most}, inclusive")))
    }

    /// An error when a number was given that is no port.
    pub(crate) fn port(&self) -> Option<FieldError> {
        self.within(1, 65_535)
    }

    /// Errors when a text was given that the rule finds fault with.
    pub(crate) fn named(&self, rule: fn(&str) -> Vec<String>) -> Errors {
        if self.is_empty() { Errors::new() } else { self.follows(rule) }
    }

    /// Errors when nothing was given, or a text that the rule finds fault with.
    pub(crate) fn must_be_named(&self, rule: fn(&str) -> Vec<String>) -> Errors {
        if self.is_empty() { vec![self.required("")] } else { self.follows(rule) }
    }

    fn follows(&self, rule: fn(&str) -> Vec<String>) -> Errors {
        rule(self.text()).into_iter().map(|why| self.invalid(why)).collect()
    }

    /// An error when the value is not what it was.
    pub(crate) fn unchanged(&self, old: &Value) -> Option<FieldError> {
        (self.value != old).then(|| self.invalid(IMMUTABLE))
    }
}
