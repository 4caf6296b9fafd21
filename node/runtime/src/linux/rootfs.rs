//! From the node's view of the file system to the container's: mount all, then make the overlay the only root.

use std::os::fd::AsFd;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, fchdir, pivot_root};

use super::in_root::Root;
use super::mounts::Source;
use super::{LaunchError, LaunchSpec, dev, mounts, overlay, sys, tty};

/// What the file system work leaves for the process.
pub(super) struct Entered {
    /// The container's pseudo terminal, when it has one.
    pub(super) terminal: Option<tty::Terminal>,
}

/// Builds the container's file system in the private mount namespace of this process and makes it the root.
pub(super) fn enter(spec: &LaunchSpec, cgroup_v2: bool) -> Result<Entered, LaunchError> {
    let security = &spec.process.security;
    let users = spec.users.as_deref();
    let take = |item| Source::take(item, users, security.privileged);
    let sources: Vec<Source<'_>> = spec.mounts.iter().map(take).collect::<Result<_, _>>()?;
    make_private()?;
    let root = Root::new(overlay::mount_overlay(&spec.rootfs, users)?);
    if let Some(users) = users {
        users.make_files_as_pod()?;
    }
    mounts::kernel_file_systems(&root, security.privileged, cgroup_v2)?;
    let terminal = dev::populate(&root, &spec.process, users)?;
    sources.iter().try_for_each(|source| source.show(&root))?;
    drop(sources);
    if !security.privileged && !security.unmasked_proc {
        mounts::hide(&root)?;
    }
    if security.read_only_root {
        sys::mount_setattr(root.fd().as_fd(), libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV, false)
            .map_err(LaunchError::system("make the root file system read-only"))?;
    }
    pivot(&root).map_err(LaunchError::system("make the container's files the root"))?;
    Ok(Entered { terminal })
}

/// Makes an empty, read-only directory the root.
pub(super) fn enter_empty() -> Result<(), LaunchError> {
    make_private()?;
    let entered = || {
        let options: &[_] = &[(c"size", Some(c"0")), (c"nr_inodes", Some(c"1"))];
        let empty = mounts::new_file_system(c"tmpfs", options, libc::MOUNT_ATTR_RDONLY)?;
        // Any directory will do: what it shows elsewhere is not touched.
        let place = Root::current()?.open(Path::new("/proc"), OFlag::O_PATH)?;
        sys::move_mount(empty.as_fd(), place.as_fd())?;
        pivot(&Root::new(empty))
    };
    entered().map_err(LaunchError::system("enter an empty root"))
}

fn make_private() -> Result<(), LaunchError> {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(LaunchError::system("make mounts private to the container"))
}

/// pivot_root(2) onto the same directory stacks the old root there, so that no directory for it is needed.
fn pivot(root: &Root) -> Result<(), nix::errno::Errno> {
    fchdir(root.fd())?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")
}
