//! What things are: names, amounts, kinds, their rules and their stored form.
//!
//! This crate is pure. It has no task, no clock, no randomness, no file and no socket, so everything in it is a function
//! of its arguments. The scheduler and the controllers depend on it alone.

pub mod change;
pub mod facts;
pub mod header;
pub mod kind;
pub mod taints;
pub mod kinds;
pub mod meta;
pub mod name;
pub mod record;
pub mod requester;
pub mod selector;
pub mod status;
pub mod time;
pub mod validate;
pub mod verbs;
pub mod view;
