//! Network namespaces: made and entered on threads that die at once, so that no thread of the process ever lives in a
//! foreign one, and pinned by bind mounts, so that they outlive the process.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use tokio::sync::oneshot;

use super::error::NetworkError;

/// Makes a namespace and pins it at `path`.
pub(crate) async fn make(path: PathBuf) -> Result<(), NetworkError> {
    let attempt = format!("make network namespace {}", path.display());
    let made = on_thread(move || {
        unshare(CloneFlags::CLONE_NEWNET)?;
        File::create(&path)?;
        mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        Ok(())
    });
    made.await.map_err(NetworkError::io(attempt))
}

/// Pins a namespace that somebody else made.
pub(crate) fn pin(path: &Path, namespace: &OwnedFd) -> Result<(), NetworkError> {
    let source = format!("/proc/self/fd/{}", namespace.as_raw_fd());
    let pinned = || -> io::Result<()> {
        File::create(path)?;
        mount(Some(source.as_str()), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        Ok(())
    };
    pinned().map_err(NetworkError::io::<io::Error>(format!("pin network namespace {}", path.display())))
}

/// Runs something inside a pinned namespace. What it opens there (sockets) stays there.
pub(crate) async fn within<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, NetworkError> {
    let attempt = format!("work in network namespace {}", path.display());
    let file = File::open(path).map_err(NetworkError::io(format!("open {}", path.display())))?;
    let done = on_thread(move || {
        setns(file, CloneFlags::CLONE_NEWNET)?;
        work()
    });
    done.await.map_err(NetworkError::io(attempt))
}

/// Whether a namespace is pinned there.
pub(crate) fn is_pinned(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == NSFS_MAGIC)
}

/// Removes the pin. The namespace goes with its last process.
pub(crate) fn unpin(path: &Path) -> Result<(), NetworkError> {
    let removed = || {
        match umount2(path, MntFlags::MNT_DETACH) {
            // Not a mount, or nothing there.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    };
    removed().map_err(NetworkError::io::<io::Error>(format!("remove {}", path.display())))
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name("netns".to_owned()).spawn(move || {
        // The receiver only goes when nobody waits for the answer any more.
        sender.send(work()).ok();
    })?;
    receiver.await.unwrap_or_else(|_| Err(io::Error::other("the helper thread ended early")))
}
