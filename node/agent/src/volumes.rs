//! Volumes of pods as directories of the node: `<pod>/volumes/<name>`, and `<pod>/subpaths/…` for parts of them.
//!
//! Everything here blocks; the worker calls it away from the tasks. All of it may be repeated: what is there and right stays
//! untouched, and payload that changed is exchanged atomically.

pub(crate) mod host_path;
mod mounts;
pub(crate) mod payload;
pub(crate) mod source;
mod sub_path;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use runtime::contract::Mount;

use crate::spec::mounts::Wish;
use crate::volumes::payload::Payload;
use crate::volumes::source::Source;

/// Why a volume cannot be used. The message goes into a `FailedMount` event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// The specification asks for something that this node cannot give.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {why}")]
    Refused {
        /// Volume.
        volume: String,
        /// Why.
        why: String,
    },
    /// The node refused.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {attempt}: {cause}")]
    Node {
        /// Volume.
        volume: String,
        /// What was attempted, on what.
        attempt: String,
        /// Cause.
        #[source]
        cause: io::Error,
    },
}

impl VolumeError {
    pub(crate) fn refused(volume: &str, why: impl Into<String>) -> Self {
        Self::Refused { volume: volume.to_owned(), why: why.into() }
    }

    fn node(volume: &str, attempt: impl Into<String>, cause: impl Into<io::Error>) -> Self {
        Self::Node { volume: volume.to_owned(), attempt: attempt.into(), cause: cause.into() }
    }
}

/// One volume to be made, with everything that had to be fetched for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    /// Volume name.
    pub name: String,
    /// What it is.
    pub source: Source,
    /// Its files, for sources that have any.
    pub payload: Payload,
}

/// The volumes of one pod.
#[derive(Clone, Debug)]
pub(crate) struct Volumes {
    /// Directory of the pod.
    dir: PathBuf,
    /// Group that may read and write them: `fsGroup`.
    group: Option<u32>,
}

impl Volumes {
    /// The volumes of the pod whose directory this is.
    pub(crate) fn new(dir: PathBuf, group: Option<u32>) -> Self {
        Self { dir, group }
    }

    /// Where the volume of that name is.
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join("volumes").join(name)
    }

    /// Makes all volumes, or brings them up to date. `stamp` names this moment and differs from those before.
    ///
    /// # Errors
    /// For the first that cannot be made.
    pub(crate) fn prepare(&self, jobs: &[Job], stamp: &str) -> Result<(), VolumeError> {
        jobs.iter().try_for_each(|job| self.one(job, stamp))
    }

    fn one(&self, job: &Job, stamp: &str) -> Result<(), VolumeError> {
        let path = self.path(&job.name);
        let made = |cause| VolumeError::node(&job.name, format!("make {}", path.display()), cause);
        match &job.source {
            Source::HostPath { path, kind } => host_path::check(&job.name, path, *kind),
            Source::EmptyDir { memory, limit, mode } => {
                let fresh = !path.exists();
                fs::create_dir_all(&path).map_err(made)?;
                let mounted = if *memory { mounts::tmpfs(&path, *limit).map_err(made)? } else { false };
                if fresh || mounted { self.open_to_all(&path, *mode).map_err(made) } else { Ok(()) }
            }
            Source::Files { secret, .. } => {
                fs::create_dir_all(&path).map_err(made)?;
                if *secret {
                    mounts::tmpfs(&path, None).map_err(made)?;
                }
                fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(made)?;
                let write = |cause| VolumeError::node(&job.name, format!("write files to {}", path.display()), cause);
                writer::write(&path, &job.payload, self.group, stamp).map_err(write).map(drop)
            }
        }
    }

    /// Everybody may write to an `emptyDir`; with `fsGroup`, what is made in it belongs to that group.
    fn open_to_all(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mode = match self.group {
            Some(group) => {
                chown(path, None, Some(group))?;
                mode | 0o2770
            }
            None => mode,
        };
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    /// Turns the wishes of a container into mounts of the runtime.
    ///
    /// # Errors
    /// When a volume does not exist, or a path below it leaves it or cannot be made.
    pub(crate) fn mounts(&self, jobs: &[Job], container: &str, wishes: &[Wish]) -> Result<Vec<Mount>, VolumeError> {
        wishes.iter().enumerate().map(|(index, wish)| self.mount(jobs, container, index, wish)).collect()
    }

    fn mount(&self, jobs: &[Job], container: &str, index: usize, wish: &Wish) -> Result<Mount, VolumeError> {
        let job = jobs.iter().find(|job| job.name == wish.volume);
        let job = job.ok_or_else(|| VolumeError::refused(&wish.volume, "the pod has no volume of this name"))?;
        let root = match &job.source {
            Source::HostPath { path, .. } => path.clone(),
            Source::EmptyDir { .. } | Source::Files { .. } => self.path(&job.name),
        };
        let host = if wish.sub_path.is_empty() {
            root
        } else {
            let place = self.dir.join("subpaths").join(container).join(index.to_string());
            sub_path::pin(&root, &wish.sub_path, &place).map_err(|cause| {
                VolumeError::node(
                    &wish.volume,
                    format!("open subPath {} below {}", wish.sub_path, root.display()),
                    cause,
                )
            })?
        };
        let read_only = wish.read_only || matches!(job.source, Source::Files { .. });
        Ok(Mount {
            recursive: wish.recursive,
            propagation: wish.propagation,
            ..Mount::new(host, &wish.path, read_only)
        })
    }

    /// Removes all volumes and their mounts. What is not there counts as removed.
    ///
    /// # Errors
    /// When something cannot be unmounted: nothing is deleted then, since it could be a directory of the node.
    pub(crate) fn remove(&self) -> io::Result<()> {
        for part in ["subpaths", "volumes"] {
            let path = self.dir.join(part);
            mounts::unmount_below(&path)?;
            remove_dir(&path)?;
        }
        Ok(())
    }

    /// Removes the pod's directory, its logs included.
    ///
    /// # Errors
    /// As [`Volumes::remove`].
    pub(crate) fn remove_pod(&self) -> io::Result<()> {
        mounts::unmount_below(&self.dir)?;
        remove_dir(&self.dir)
    }
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
