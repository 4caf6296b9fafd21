//! Which objects a request or a controller means: selectors over labels and over fields.

mod field;
mod label;
mod lexer;
mod parser;

pub use field::{BadFieldSelector, FieldSelector};
pub use label::{BadLabelSelector, LabelSelector, Operator, Requirement};
