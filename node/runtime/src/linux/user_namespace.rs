//! User namespaces of pods: who is root inside is nobody on the node.
//!
//! Files keep their own ids on disk. Image layers and volumes are shown through mounts that shift ids by the pod's range; the
//! writable layer, which no other pod ever sees, holds the shifted ids themselves.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::error::errno_of;
use super::in_root::is_dir;
use super::process::io_failed;
use super::{LaunchError, mounts, sys};
use crate::sys::{Side, clone};

/// Ids of one pod: as many as images use (`nobody` is 65534), and what Kubernetes gives (KEP-127).
pub const WIDTH: u32 = 1 << 16;

/// The ids of the node that a pod's ids from 0 on stand for, [`WIDTH`] of them: the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdRange(pub u32);

impl IdRange {
    /// The node's id for one of the pod's; none for ids that the pod does not have.
    #[must_use]
    pub fn on_node(self, id: u32) -> Option<u32> {
        (id < WIDTH).then_some(self.0.checked_add(id)?)
    }
}

/// The user namespace of a pod.
#[derive(Debug)]
pub struct UserNamespace {
    fd: OwnedFd,
    range: IdRange,
}

impl UserNamespace {
    /// Makes one. The caller must be single-threaded.
    ///
    /// # Errors
    /// When the kernel has no user namespaces, or no more of them, or the node is in one that lacks these ids.
    pub fn new(range: IdRange) -> Result<Self, LaunchError> {
        Self::begin(CloneFlags::empty(), |pid| Self::describe(pid, range))
    }

    /// Makes one, and a network namespace that belongs to it: what is the pod's may be changed by who holds the pod's rights
    /// over networks. The caller must be single-threaded.
    ///
    /// # Errors
    /// As [`UserNamespace::new`].
    pub fn network(range: IdRange) -> Result<OwnedFd, LaunchError> {
        Self::begin(CloneFlags::CLONE_NEWNET, |pid| {
            Self::describe(pid, range)?;
            let network = File::open(format!("/proc/{pid}/ns/net"));
            network.map(OwnedFd::from).map_err(io_failed("open the pod's network namespace"))
        })
    }

    /// The one to which a network namespace of [`UserNamespace::network`] belongs, whose range the caller knows.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn of_network(network: BorrowedFd<'_>, range: IdRange) -> Result<Self, LaunchError> {
        let fd = sys::owner_of(network).map_err(LaunchError::system("find the user namespace of the pod's network"))?;
        Ok(Self { fd, range })
    }

    /// Runs `look` on the first process of new namespaces. A namespace begins with a process; a descriptor keeps it afterwards.
    fn begin<T>(others: CloneFlags, look: impl FnOnce(i32) -> Result<T, LaunchError>) -> Result<T, LaunchError> {
        let failed = LaunchError::system("make the pod's user namespace (hostUsers: false)");
        let pid = match clone((CloneFlags::CLONE_NEWUSER | others).bits(), None).map_err(failed)? {
            Side::Child => {
                // Nobody would end it if its parent were killed now.
                prctl::set_pdeathsig(Signal::SIGKILL).ok();
                sys::idle()
            }
            Side::Parent { pid, .. } => pid,
        };
        let seen = look(pid);
        kill(Pid::from_raw(pid), Signal::SIGKILL)
            .map_err(LaunchError::system("end the first process of a namespace"))?;
        reap(pid);
        seen
    }

    /// Moves the calling process into new namespaces that belong to this one; it keeps its own rights. The caller must be
    /// single-threaded.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter_new(&self, kinds: CloneFlags) -> Result<(), LaunchError> {
        let failed = |source| LaunchError::system("make the namespaces of a pod with ids of its own")(source);
        let (mut ours, mut theirs) = UnixStream::pair().map_err(|error| failed(errno_of(&error)))?;
        // Who makes a namespace in a user namespace has entered it, and nobody comes back from there: a child makes them.
        let (pid, pidfd) = match clone(0, None).map_err(failed)? {
            Side::Child => {
                drop(ours);
                let made = setns(&self.fd, CloneFlags::CLONE_NEWUSER).and_then(|()| unshare(kinds));
                let code = made.err().map_or(0, |errno| errno as i32);
                // It lives until the caller is in, or is no more.
                let told = theirs.write_all(&code.to_ne_bytes()).and_then(|()| theirs.read(&mut [0]));
                sys::exit_now(i32::from(told.is_err()))
            }
            Side::Parent { pid, pidfd } => (pid, pidfd),
        };
        drop(theirs);
        let mut code = [0; size_of::<i32>()];
        let heard = ours.read_exact(&mut code).map_err(|error| errno_of(&error));
        let entered = heard.and_then(|()| match i32::from_ne_bytes(code) {
            0 => setns(&pidfd, kinds),
            errno => Err(Errno::from_raw(errno)),
        });
        drop(ours);
        reap(pid);
        entered.map_err(failed)
    }

    fn describe(pid: i32, range: IdRange) -> Result<Self, LaunchError> {
        let map = format!("0 {} {WIDTH}", range.0);
        for file in ["uid_map", "gid_map"] {
            fs::write(format!("/proc/{pid}/{file}"), &map)
                .map_err(io_failed("give the pod its ids (hostUsers: false)"))?;
        }
        let fd = File::open(format!("/proc/{pid}/ns/user")).map_err(io_failed("open the pod's user namespace"))?;
        Ok(Self { fd: fd.into(), range })
    }

    /// The node's ids of the pod.
    pub(super) fn range(&self) -> IdRange {
        self.range
    }

    /// Makes the calling process root of the pod and nobody on the node. With `own_mounts` it gets a copy of all mounts that
    /// belongs to the pod: what they cover stays covered, whatever capability a container has.
    pub(super) fn join(&self, own_mounts: bool) -> Result<(), LaunchError> {
        let failed = LaunchError::system("enter the pod's user namespace");
        let joined = || {
            setns(&self.fd, CloneFlags::CLONE_NEWUSER)?;
            if own_mounts {
                unshare(CloneFlags::CLONE_NEWNS)?;
            }
            sys::set_ids(0, 0, &[])
        };
        joined().map_err(failed)
    }

    /// Acts on files as the pod's root does, with the node's capabilities: what is made belongs to the pod.
    pub(super) fn make_files_as_pod(&self) -> Result<(), LaunchError> {
        let acted = || {
            sys::set_file_ids(self.range.0)?;
            // The kernel takes away what concerns files from who leaves file user 0.
            sys::set_capabilities(sys::permitted_capabilities()?)
        };
        acted().map_err(LaunchError::system("act on files as the pod"))
    }

    /// Shifts the ids of a detached mount. A single file of a file system that cannot do it is shown as it is, as somebody
    /// else's; a directory is refused, because nobody could work in it.
    pub(super) fn shift(&self, mount: BorrowedFd<'_>, shown: &Path) -> Result<(), LaunchError> {
        let failed = |source| LaunchError::Shift { path: shown.to_owned(), source };
        match sys::shift_mount(mount, self.fd.as_fd()) {
            Err(Errno::EINVAL) if !is_dir(mount).map_err(failed)? => Ok(()),
            shifted => shifted.map_err(failed),
        }
    }

    /// Covers a directory with a view of itself that has shifted ids; in the calling process' mount namespace only.
    pub(super) fn cover(&self, dir: &Path) -> Result<(), LaunchError> {
        let failed = |source| LaunchError::Shift { path: dir.to_owned(), source };
        let view = mounts::clone_mount(dir).map_err(failed)?;
        self.shift(view.as_fd(), dir)?;
        let place = nix::fcntl::open(
            dir,
            nix::fcntl::OFlag::O_PATH | nix::fcntl::OFlag::O_CLOEXEC,
            nix::sys::stat::Mode::empty(),
        );
        place.and_then(|place| sys::move_mount(view.as_fd(), place.as_fd())).map_err(failed)
    }
}

fn reap(pid: i32) {
    while waitpid(Pid::from_raw(pid), None) == Err(Errno::EINTR) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beyond_the_range_have_no_place_on_the_node() {
        let range = IdRange(1_000_000);
        assert_eq!(
            [0, 33, 65535, 65536].map(|id| range.on_node(id)),
            [Some(1_000_000), Some(1_000_033), Some(1_065_535), None]
        );
    }
}
