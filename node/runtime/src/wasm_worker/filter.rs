//! The workers' system call filter, compiled once a node.

use std::sync::LazyLock;

use crate::linux::LaunchError;
use crate::linux::seccomp::{Filter, worker_profile};

/// Compiled in the zygote, so that every shim and worker has it by inheritance.
static FILTER: LazyLock<Result<Filter, LaunchError>> = LazyLock::new(|| Filter::compile(&worker_profile()));

/// The filter.
///
/// # Errors
/// When the profile cannot be expressed on this architecture.
pub(crate) fn compiled() -> Result<&'static Filter, LaunchError> {
    FILTER.as_ref().map_err(Clone::clone)
}
