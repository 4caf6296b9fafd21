//! Everything that eats bytes from outside, as functions that must neither panic nor break a promise.
//!
//! A target gets any bytes. What is no input of its parser it drops; of what its parser takes it checks the promises: text
//! that comes back as it went, patches that change nothing when applied again, amounts in one order.
//!
//! `seeds/TARGET` holds inputs to begin with, and those that once broke something. `cargo test -p fuzz` runs a few thousand
//! variations of them, always the same ones; `cargo xtask fuzz [TARGET] [SECONDS]` lets libFuzzer search for more.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken promise is a panic here")]

mod amounts;
mod bodies;
mod continuation;
mod expressions;
#[cfg(feature = "node")]
mod frames;
mod images;
#[cfg(feature = "node")]
mod logs;
mod managed;
mod names;
mod patches;
mod selectors;
mod variations;

pub use variations::Variations;

/// A function of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder of seeds.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "label-selector", run: selectors::labels },
    Target { name: "label-selector-object", run: selectors::labels_of_object },
    Target { name: "field-selector", run: selectors::fields },
    Target { name: "quantity", run: amounts::quantity },
    Target { name: "name", run: names::all },
    Target { name: "json-patch", run: patches::json },
    Target { name: "merge-patch", run: patches::merge },
    Target { name: "strategic-patch", run: patches::strategic },
    Target { name: "managed-fields", run: managed::fields },
    Target { name: "apply", run: managed::apply },
    Target { name: "continue", run: continuation::token },
    Target { name: "expression", run: expressions::policy },
    Target { name: "device-selector", run: expressions::selector },
    Target { name: "json-path", run: expressions::path },
    Target { name: "body", run: bodies::text },
    Target { name: "protobuf", run: bodies::protobuf },
    Target { name: "object", run: bodies::object },
    Target { name: "image-reference", run: images::reference },
    Target { name: "image-manifest", run: images::manifest },
    #[cfg(feature = "node")]
    Target { name: "frame", run: frames::all },
    #[cfg(feature = "node")]
    Target { name: "log-entries", run: logs::entries },
    #[cfg(feature = "node")]
    Target { name: "log-output", run: logs::output },
];

/// The input as text and what follows its first line; `None` when it is no text or has one line only.
fn two(data: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(data).ok()?.split_once('\n')
}
