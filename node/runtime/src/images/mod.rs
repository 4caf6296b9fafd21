//! Images and Wasm artifacts on this node.
//!
//! ```text
//! <state>/images/blobs/sha256/<hex>   content as pulled, verified
//! <state>/images/layers/<hex>/        unpacked layers by diff id, each placed by one rename
//! <state>/images/index.json           run file: which references lead to which images
//! ```
//!
//! Reading order: [`detect`] decides what a manifest is, [`find`] looks into unpacked layers, [`store`] keeps, [`pull`]
//! does the steps in order. Nothing here trusts what a manifest says about a Wasm artifact: the bytes are inspected.

pub mod detect;
mod find;
mod layers;
pub mod pull;
pub mod store;
mod sweep;

pub use store::{Content, ImageStore, StoredImage};
