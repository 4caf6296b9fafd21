//! Paths of what is found in a body, put together on the way out of it.

use super::FINDINGS_MAX;

/// Notes a name, unless enough is noted.
pub(crate) fn tell(paths: &mut Vec<String>, name: &str) {
    if paths.len() < FINDINGS_MAX {
        paths.push(name.to_owned());
    }
}

/// Everything told since `from` lies below this step.
pub(crate) fn below(paths: &mut [String], from: usize, step: &str) {
    for path in paths.iter_mut().skip(from) {
        let dot = if path.starts_with('[') { "" } else { "." };
        *path = format!("{step}{dot}{path}");
    }
}
