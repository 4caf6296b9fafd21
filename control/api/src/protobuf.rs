//! Bodies in protobuf, as Go programs send them: an envelope that names the kind, and in it the kind's message.
//!
//! Nothing here knows a kind. One reader walks the numbers of the schema table and makes the value that the same object would
//! be in JSON. It only reads: answers are JSON, which every client that sends protobuf takes.
//!
//! Go writes every field that it does not hold by pointer, empty or not. An empty one says nothing and is left out here, as
//! Go's own JSON does; see [`crate::schema::Number::pointer`].

mod envelope;
mod message;
mod scalar;
mod wire;

pub use envelope::Envelope;
pub use message::{DEPTH_MAX, VALUES_MAX, object};
pub use wire::{Malformed, Problem};

#[cfg(any(test, feature = "encode"))]
pub mod encode;
#[cfg(test)]
mod tests;
