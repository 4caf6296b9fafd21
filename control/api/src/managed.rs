//! Who owns which field of an object, and server-side apply.
//!
//! Every write leaves in `metadata.managedFields` which fields it gave a value to; see [`update`]. A server-side apply owns
//! what it sends, takes nothing from others unless forced, and takes back what it sent before and nobody else owns; see
//! [`apply`]. The rules, down to the order of a merged list, are those of kube-apiserver and its library
//! structured-merge-diff, since clients read and edit the outcome. One is left out: fields whose list type changed between
//! two releases are not renamed, because this schema has only one release so far.

mod apply;
mod change;
mod check;
mod compare;
mod conflict;
mod element;
mod extract;
mod fields;
mod last_applied;
mod manager;
mod merge;
pub mod name;
mod place;
mod prune;
mod same;
mod scale;
mod scalar;
mod set;
mod update;
mod version;
mod write;

pub use apply::apply;
pub use element::Element;
pub use same::same;
pub use scale::{from_scale, to_scale};
pub use set::Set;
pub use update::update;
pub use version::Version;
pub use write::{Reach, Write};

#[cfg(test)]
mod tests;
