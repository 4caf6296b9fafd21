//! What things are: names, amounts, kinds, their rules and their stored form.
//!
//! This crate is pure. It has no task, no clock, no randomness, no file and no socket, so everything in it is a function
//! of its arguments. The scheduler and the controllers depend on it alone.

mod cel;
pub mod change;
pub mod continuation;
mod claim_spec;
mod condition;
pub mod decode;
pub mod disruption;
pub mod duration;
pub mod eviction;
pub mod facts;
mod field;
pub mod flow;
pub mod header;
mod intern;
mod json;
mod json_path;
pub mod kind;
pub mod taints;
pub mod kinds;
pub mod managed;
pub mod meta;
pub mod metadata;
pub mod name;
mod network;
pub mod openapi;
pub mod patch;
pub mod pod_spec;
pub mod protobuf;
pub mod quantity;
pub mod range;
pub mod record;
pub mod requester;
mod resource_name;
pub mod scale;
pub mod schedule;
pub mod schema;
pub mod selector;
pub mod service_address;
pub mod service_range;
pub mod service_spec;
mod share;
pub mod status;
pub mod syntax;
pub mod time;
pub mod validate;
pub mod verbs;
pub mod view;
mod volume;
