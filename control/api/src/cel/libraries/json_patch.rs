//! Parts of paths of a JSON patch.

pub(super) const FUNCTIONS: &[&str] = &["jsonpatch.escapeKey(string): string"];
