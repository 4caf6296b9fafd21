//! Paths: of the host, of a node's disk, and inside volumes.

use crate::field::{Errors, Field};
use crate::validate::FieldError;

/// What may stand at a path of the host, in the order of error messages.
const TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// Everything wrong with a `hostPath`.
pub(super) fn of_host(source: &Field<'_>) -> Errors {
    let path = source.at("path");
    if path.is_empty() {
        return vec![path.required("")];
    }
    let mut errors: Errors = no_backsteps(&path).into_iter().collect();
    errors.extend(source.at("type").one_of(TYPES));
    errors
}

/// Everything wrong with a `local` disk.
pub(super) fn of_node(source: &Field<'_>) -> Errors {
    let path = source.at("path");
    path.must().or_else(|| no_backsteps(&path)).into_iter().collect()
}

/// An error when a path leads up.
pub(crate) fn no_backsteps(path: &Field<'_>) -> Option<FieldError> {
    let up = path.text().split('/').any(|part| part == "..");
    up.then(|| path.invalid("must not contain '..'"))
}

/// Everything wrong with a path that must lead down from where it begins.
pub(crate) fn descends(path: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(path.text().starts_with('/').then(|| path.invalid("must be a relative path")));
    errors.extend(no_backsteps(path));
    errors
}

/// As [`descends`], for files that stand beside the names that volumes keep for themselves, which begin with two dots.
pub(crate) fn local(path: &Field<'_>) -> Errors {
    let mut errors = descends(path);
    let text = path.text();
    if text.starts_with("..") && !text.starts_with("../") {
        errors.push(path.invalid("must not start with '..'"));
    }
    errors
}
