//! Pseudo terminals of containers.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{fstat, makedev};

use super::in_root::Root;
use super::{LaunchError, sys};

/// Both ends of a pseudo terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    /// For the shim.
    pub(super) master: OwnedFd,
    /// For the process.
    pub(super) slave: OwnedFd,
}

impl Terminal {
    /// The first terminal of a container whose `/dev` is being made; it is its `/dev/console` too.
    pub(super) fn of_new_container(root: &Root) -> Result<Self, LaunchError> {
        let terminal = Self::of_container(root)?;
        let console = Path::new("/dev/console");
        let bound = || {
            let view = sys::open_tree_clone(terminal.slave.as_fd(), c"")?;
            let target = root.make_file(console)?;
            sys::move_mount(view.as_fd(), target.as_fd())
        };
        bound().map_err(LaunchError::mount("terminal", console))?;
        Ok(terminal)
    }

    /// One more terminal of a container.
    pub(super) fn of_container(root: &Root) -> Result<Self, LaunchError> {
        let opened = || {
            let master = root.open(Path::new("/dev/pts/ptmx"), OFlag::O_RDWR | OFlag::O_NOCTTY)?;
            // A container may have put something else there.
            if fstat(&master)?.st_rdev != makedev(5, 2) {
                return Err(Errno::ENXIO);
            }
            let slave = sys::open_terminal_peer(master.as_fd())?;
            Ok(Self { master, slave })
        };
        opened().map_err(LaunchError::system("open a terminal in the container"))
    }
}
