//! Parts of texts that a pattern fits.

pub(super) const FUNCTIONS: &[&str] = &[
    "string . find(string): string",
    "string . findAll(string): list(string)",
    "string . findAll(string, int): list(string)",
];
