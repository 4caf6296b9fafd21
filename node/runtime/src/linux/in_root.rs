//! Paths inside a container's root, resolved so that no link in an image or volume leads out of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat, mknodat};

/// `openat2` asks to be called again when something on the path was renamed meanwhile.
const RETRIES: u32 = 128;

/// A directory that paths cannot leave: absolute links and `..` are taken relative to it.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
}

impl Root {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// The current process' own root.
    pub(super) fn current() -> Result<Self, Errno> {
        open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(Self::new)
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Opens a path. Magic links (`/proc/self/fd/7`) are refused: they lead out of any root.
    pub(super) fn open(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        self.open_how(path, flags, ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS)
    }

    /// Opens a path on which no component may be a link at all: where the kernel's own file systems go.
    pub(super) fn open_unlinked(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.open_how(path, OFlag::O_PATH, ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    fn open_how(&self, path: &Path, flags: OFlag, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
        let mut result = Err(Errno::EAGAIN);
        for _ in 0..RETRIES {
            result = openat2(&self.fd, path, how);
            if !matches!(result, Err(Errno::EAGAIN)) {
                break;
            }
        }
        result
    }

    /// The directory at a path; missing levels are made.
    pub(super) fn make_dir(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let mut reached = PathBuf::from("/");
        let mut dir = self.open(&reached, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        for part in parts(path) {
            reached.push(part);
            dir = match self.open(&reached, OFlag::O_PATH | OFlag::O_DIRECTORY) {
                Err(Errno::ENOENT) => {
                    match mkdirat(&dir, part, Mode::from_bits_truncate(0o755)) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                    self.open(&reached, OFlag::O_PATH | OFlag::O_DIRECTORY)?
                }
                other => other?,
            };
        }
        Ok(dir)
    }

    /// The file at a path, to mount on; it and missing directories are made.
    pub(super) fn make_file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.open(path, OFlag::O_PATH) {
            Err(Errno::ENOENT) => {}
            other => return other,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EISDIR) };
        let dir = self.make_dir(parent)?;
        match mknodat(&dir, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.open(path, OFlag::O_PATH)
    }

    /// A place to mount on, of the same kind (directory or not) as what is mounted.
    pub(super) fn make_like(&self, path: &Path, model: impl AsFd) -> Result<OwnedFd, Errno> {
        if is_dir(model)? { self.make_dir(path) } else { self.make_file(path) }
    }

    /// A small text file; `None` when there is none. At most `limit` bytes are read.
    pub(super) fn read_text(&self, path: &Path, limit: u64) -> Result<Option<String>, Errno> {
        let file = match self.open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            other => File::from(other?),
        };
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(|error| super::error::errno_of(&error))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

pub(super) fn is_dir(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
}

/// The names on a path; `..` is kept for the kernel to resolve.
fn parts(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    })
}
