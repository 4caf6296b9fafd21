//! `hostPath`: directories and files of the node, checked by type.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::volumes::VolumeError;

/// `hostPath.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostPathKind {
    /// Not checked.
    Unchecked,
    /// A directory, made when it is missing.
    DirectoryOrCreate,
    /// A directory.
    Directory,
    /// A file, made when it is missing.
    FileOrCreate,
    /// A file.
    File,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

impl HostPathKind {
    /// Reads the API's word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" => Self::Unchecked,
            "DirectoryOrCreate" => Self::DirectoryOrCreate,
            "Directory" => Self::Directory,
            "FileOrCreate" => Self::FileOrCreate,
            "File" => Self::File,
            "Socket" => Self::Socket,
            "CharDevice" => Self::CharDevice,
            "BlockDevice" => Self::BlockDevice,
            _ => return None,
        })
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Unchecked => "anything",
            Self::DirectoryOrCreate | Self::Directory => "a directory",
            Self::FileOrCreate | Self::File => "a file",
            Self::Socket => "a socket file",
            Self::CharDevice => "a character device",
            Self::BlockDevice => "a block device",
        }
    }

    fn admits(self, kind: fs::FileType) -> bool {
        match self {
            Self::Unchecked => true,
            Self::DirectoryOrCreate | Self::Directory => kind.is_dir(),
            Self::FileOrCreate | Self::File => kind.is_file(),
            Self::Socket => kind.is_socket(),
            Self::CharDevice => kind.is_char_device(),
            Self::BlockDevice => kind.is_block_device(),
        }
    }
}

/// Makes what may be made, and checks the type.
pub(super) fn check(volume: &str, path: &Path, kind: HostPathKind) -> Result<(), VolumeError> {
    let failed = |cause| VolumeError::node(volume, format!("make {}", path.display()), cause);
    match kind {
        HostPathKind::Unchecked => return Ok(()),
        HostPathKind::DirectoryOrCreate if !path.exists() => {
            DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed)?;
        }
        HostPathKind::FileOrCreate if !path.exists() => {
            drop(OpenOptions::new().create(true).append(true).mode(0o644).open(path).map_err(failed)?);
        }
        _ => {}
    }
    let wrong = || {
        VolumeError::refused(
            volume,
            format!("hostPath type check failed: {} is not {}", path.display(), kind.expected()),
        )
    };
    match fs::metadata(path) {
        Ok(metadata) if kind.admits(metadata.file_type()) => Ok(()),
        Ok(_) => Err(wrong()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(wrong()),
        Err(error) => Err(VolumeError::node(volume, format!("look at {}", path.display()), error)),
    }
}
