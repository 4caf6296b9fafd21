//! Real clients, unmodified, against the real binary: the transcripts beside this file, played in every version.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

#[path = "../support/mod.rs"]
mod support;

mod controller;
mod expectation;
mod expired;
mod play;
mod scene;
mod transcript;

use play::{HELMS, KUBECTLS, PYTHON, play};

/// A test of a transcript for each of its names.
macro_rules! transcripts {
    ($clients:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name), $clients);
            }
        )*
    };
}

transcripts! { &KUBECTLS; discovery get watch create create_more apply server_side change rollout delete describe }
transcripts! { &KUBECTLS; kinds older kustomize node explain component_status drain autoscale certificates print }
transcripts! { &KUBECTLS; debug tools wait events mistakes generators change_more rollout_more apply_more top ranges }
transcripts! { &HELMS; helm charts }
transcripts! { &PYTHON; python }
