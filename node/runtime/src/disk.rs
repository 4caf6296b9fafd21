//! How much of a disk directories take.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Most files that one measurement of a directory counts: a tree of a million takes about two seconds to walk, and what is
/// not counted by then is not what fills a disk.
const FILES_MAX: usize = 1_000_000;

/// What something takes of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes of blocks.
    pub bytes: u64,
    /// Files and directories, each of which is an inode.
    pub inodes: u64,
}

impl Taken {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), inodes: self.inodes.saturating_add(other.inodes) }
    }
}

impl std::iter::Sum for Taken {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::and)
    }
}

/// What a directory holds on disk, with all below it. What vanishes meanwhile takes nothing.
///
/// # Errors
/// When a directory cannot be read.
pub fn usage_of(dir: &Path) -> io::Result<Taken> {
    /// The unit of `st_blocks` (stat(2)).
    const BLOCK: u64 = 512;
    let mut taken = Taken::default();
    let mut seen = BTreeSet::new();
    let mut dirs = vec![dir.to_owned()];
    let mut files = 0;
    while let Some(dir) = dirs.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // Of the entry itself: a link is not followed.
            let found = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            files += 1;
            if files > FILES_MAX {
                return Ok(taken);
            }
            if found.is_dir() {
                dirs.push(entry.path());
            } else if found.nlink() > 1 && !seen.insert((found.dev(), found.ino())) {
                continue;
            }
            taken = taken.and(Taken { bytes: found.blocks().saturating_mul(BLOCK), inodes: 1 });
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_measured_by_blocks_and_once_per_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), vec![1; 8192]).unwrap();
        std::fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/usr", dir.path().join("c")).unwrap();
        let once = usage_of(dir.path()).unwrap();
        assert!((8192..16384).contains(&once.bytes), "{once:?}");
        assert_eq!(once.inodes, 2, "a file that has two names, and a link");
        assert_eq!(usage_of(&dir.path().join("nothing")).unwrap(), Taken::default());
    }
}
