//! How it runs: images, the zygote, shims, Linux containers and Wasm workers, behind one trait.

pub mod contract;
