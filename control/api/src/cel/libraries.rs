//! The functions that there are, one file a library, each a list of signatures; see [`super::signature`]. The set is that of
//! Kubernetes 1.33 and later.

mod authorizer;
mod cidr;
mod format;
mod image;
mod ip;
mod json_patch;
mod lists;
mod operators;
mod optional;
mod quantity;
mod regex;
mod semver;
mod sets;
mod standard;
mod strings;
mod url;

/// All libraries.
pub(super) const ALL: &[&[&str]] = &[
    authorizer::FUNCTIONS,
    cidr::FUNCTIONS,
    format::FUNCTIONS,
    image::FUNCTIONS,
    ip::FUNCTIONS,
    json_patch::FUNCTIONS,
    lists::FUNCTIONS,
    operators::FUNCTIONS,
    optional::FUNCTIONS,
    quantity::FUNCTIONS,
    regex::FUNCTIONS,
    semver::FUNCTIONS,
    sets::FUNCTIONS,
    standard::FUNCTIONS,
    strings::FUNCTIONS,
    url::FUNCTIONS,
];
