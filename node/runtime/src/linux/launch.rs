//! Starts a container.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};

use super::process::{self, Prepared, io_failed};
use super::{LaunchError, LaunchSpec, Launched, PidNamespace, rootfs, spawn, sys};
use crate::cgroup::Group;

/// Starts a container and returns when its program runs.
///
/// The process is a child of the caller, which reaps it. Mounts live in the container's mount namespace and vanish with its
/// last process; the control group and the directories of the root file system are the caller's to remove.
///
/// The caller must be single-threaded and becomes non-dumpable.
///
/// # Errors
/// When the specification is wrong, the kernel refuses a step, or the program cannot be executed; nothing is left running.
pub fn launch(spec: &LaunchSpec) -> Result<Launched, LaunchError> {
    let prepared = Prepared::new(&spec.process, spec.users.as_deref())?;
    spec.group.set_container_rules(spec.process.security.privileged)?;
    let (namespaces, join) = process_namespace(&spec.pid_namespace)?;
    spawn::spawn(CloneFlags::CLONE_NEWNS | namespaces, &spec.group, join.as_ref(), |channel| {
        unshare(CloneFlags::CLONE_NEWCGROUP).map_err(LaunchError::system("make a control group namespace"))?;
        let entered = rootfs::enter(spec, spec.group.is_unified())?;
        let users = spec.users.as_deref().map(|users| process::Users { users, own_mounts: true });
        process::become_process(&spec.process, prepared, entered.terminal, users, channel)
    })
}

fn process_namespace(wanted: &PidNamespace) -> Result<(CloneFlags, Option<OwnedFd>), LaunchError> {
    match wanted {
        PidNamespace::Own => Ok((CloneFlags::CLONE_NEWPID, None)),
        PidNamespace::Host => Ok((CloneFlags::empty(), None)),
        PidNamespace::Join(path) => {
            let fd = File::open(path).map_err(io_failed("open the pod's process namespace"))?;
            Ok((CloneFlags::empty(), Some(fd.into())))
        }
    }
}

/// Starts a process that does nothing but reap: the init of the process namespace that a pod's containers share. It has an
/// empty root, no capability and no descriptor; it ends with SIGKILL.
///
/// # Errors
/// When the kernel refuses.
pub fn pause(group: &Group) -> Result<Launched, LaunchError> {
    spawn::spawn(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID, group, None, |_channel| {
        rootfs::enter_empty()?;
        process::become_nobody()?;
        sys::idle()
    })
}
