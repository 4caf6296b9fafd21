//! Runs one more command in a running container.

use nix::sched::{CloneFlags, setns};

use super::in_root::Root;
use super::process::{self, Prepared};
use super::{ExecSpec, LaunchError, Launched, Stdio, spawn, sys, tty};

/// Runs a command beside a container's first process: same files, processes, control group and identity rules. Returns when
/// the command runs; the caller reaps it.
///
/// The caller must be single-threaded and becomes non-dumpable.
///
/// # Errors
/// When the container has ended, or as [`super::launch`].
pub fn exec(spec: &ExecSpec) -> Result<Launched, LaunchError> {
    let prepared = Prepared::new(&spec.process, spec.users.as_deref())?;
    let target = sys::pidfd_open(spec.pid).map_err(LaunchError::system("find the container's process"))?;
    spawn::spawn(CloneFlags::empty(), &spec.group, Some(&target), |channel| {
        setns(&target, CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
            .map_err(LaunchError::system("join the container's namespaces"))?;
        let terminal = match spec.process.stdio {
            Stdio::Pipes { .. } => None,
            Stdio::Terminal => {
                let root = Root::current().map_err(LaunchError::system("open the container's root"))?;
                Some(tty::Terminal::of_container(&root)?)
            }
        };
        let users = spec.users.as_deref().map(|users| process::Users { users, own_mounts: false });
        process::become_process(&spec.process, prepared, terminal, users, channel)
    })
}
