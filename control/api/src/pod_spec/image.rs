//! What of an image reference decides how it is pulled.

/// Whether the reference means whatever is newest: its tag is `latest`, or it has neither tag nor digest.
pub(super) fn is_latest(reference: &str) -> bool {
    let (named, digest) = match reference.split_once('@') {
        Some((named, _)) => (named, true),
        None => (reference, false),
    };
    // A colon before the last slash belongs to a registry's port.
    let last = named.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !digest,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tags_and_digests_are_told_from_ports() {
        for latest in ["nginx", "nginx:latest", "host:5000/nginx", "host:5000/a/nginx:latest"] {
            assert!(super::is_latest(latest), "{latest}");
        }
        for fixed in ["nginx:1.0", "host:5000/nginx:1", "nginx@sha256:00", "nginx:1@sha256:00"] {
            assert!(!super::is_latest(fixed), "{fixed}");
        }
    }
}
