//! The child's side: confine, then write.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, mknod};

use super::{ENTRIES_MAX, UNPACKED_MAX, Unpacked};
use crate::digest::Hasher;

/// A file named so hides the file of the rest of its name in lower layers (OCI image specification, layer.md).
const WHITEOUT: &[u8] = b".wh.";
/// A file named so hides everything that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// How overlayfs marks a directory that hides lower ones.
const OVERLAY_OPAQUE: &str = "trusted.overlay.opaque";

/// Runs the child: arguments are the packing and the target directory; the layer comes on standard input. Returns the exit
/// code.
#[must_use]
pub fn child_main(arguments: &[String]) -> i32 {
    match run(arguments) {
        Ok(report) => i32::from(report_to(&mut io::stdout().lock(), &report).is_err()),
        Err(error) => {
            // The parent reads this as the reason; if even that cannot be written, the exit code stands.
            writeln!(io::stderr(), "{error}").unwrap_or_default();
            1
        }
    }
}

fn report_to(out: &mut impl Write, report: &Unpacked) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.flush()
}

fn run(arguments: &[String]) -> io::Result<Unpacked> {
    let [packing, target] = arguments else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "want a packing and a directory"));
    };
    confine(Path::new(target))?;
    let input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
    match packing.as_str() {
        "gzip" => unpack(flate2::bufread::MultiGzDecoder::new(input), Path::new("/")),
        "tar" => unpack(input, Path::new("/")),
        other => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("unknown packing {other}"))),
    }
}

/// Makes the directory all that this process can see, and takes the network away.
fn confine(target: &Path) -> io::Result<()> {
    let attempt = |what: &str, cause: nix::Error| io::Error::other(format!("cannot {what}: {cause}"));
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC)
        .map_err(|cause| attempt("enter namespaces of its own (root is needed to unpack Linux layers)", cause))?;
    nix::unistd::chroot(target).map_err(|cause| attempt("enter the layer's directory", cause))?;
    nix::unistd::chdir("/").map_err(|cause| attempt("enter the layer's directory", cause))?;
    nix::sys::stat::umask(Mode::empty());
    Ok(())
}

/// Counts and hashes what passes, and stops a stream that grows without end.
struct Metered<R> {
    inner: R,
    hasher: Hasher,
    length: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.length += count as u64;
        if self.length > UNPACKED_MAX {
            return Err(io::Error::other(format!("it unpacks to more than {UNPACKED_MAX} bytes")));
        }
        Ok(count)
    }
}

/// Unpacks below `root`, which is this process's root directory outside tests.
fn unpack(input: impl Read, root: &Path) -> io::Result<Unpacked> {
    let mut archive = tar::Archive::new(Metered { inner: input, hasher: Hasher::default(), length: 0 });
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(true);
    archive.set_preserve_mtime(true);
    archive.set_unpack_xattrs(true);
    archive.set_overwrite(true);
    let (mut bytes, mut entries, mut devices_skipped) = (0, 0, 0);
    // Modification times of directories are set last, after their content no longer changes them.
    let mut directories: Vec<(PathBuf, u64)> = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        entries += 1;
        if entries > ENTRIES_MAX {
            return Err(io::Error::other(format!("it has more than {ENTRIES_MAX} entries")));
        }
        let path = entry.path()?.into_owned();
        refuse_escape(&path)?;
        if whiteout(root, &path)? {
            continue;
        }
        match entry.header().entry_type() {
            tar::EntryType::Char | tar::EntryType::Block => devices_skipped += 1,
            kind => {
                bytes += if kind.is_file() { entry.size() } else { 0 };
                if kind.is_hard_link()
                    && let Some(link) = entry.link_name()?
                {
                    refuse_escape(&link)?;
                }
                if !entry.unpack_in(root).map_err(|cause| not_written(root, &path, &cause))? {
                    return Err(io::Error::other(format!("entry {} leads out of the layer", path.display())));
                }
                if kind.is_dir() {
                    directories.push((root.join(&path), entry.header().mtime()?));
                }
            }
        }
    }
    for (path, seconds) in directories.into_iter().rev() {
        set_mtime(&path, seconds)?;
    }
    let mut rest = archive.into_inner();
    // Padding after the last entry belongs to the digest.
    io::copy(&mut rest, &mut io::sink())?;
    Ok(Unpacked { diff_id: rest.hasher.finish(), bytes, entries, devices_skipped })
}

/// Says why an entry could not be written: mostly because a link that the layer itself brought leads elsewhere.
fn not_written(root: &Path, path: &Path, cause: &io::Error) -> io::Error {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let is_link = |way: &&Path| std::fs::symlink_metadata(root.join(way)).is_ok_and(|meta| meta.is_symlink());
    let path = path.display();
    io::Error::other(match relative.ancestors().skip(1).find(is_link) {
        Some(link) => {
            format!(
                "entry {path} goes through the link {}, which leads out of the layer or nowhere: {cause}",
                link.display()
            )
        }
        None => format!("entry {path} cannot be written: {cause}"),
    })
}

fn refuse_escape(path: &Path) -> io::Result<()> {
    if path.components().any(|component| matches!(component, Component::ParentDir)) {
        return Err(io::Error::other(format!("entry {} leads out of the layer", path.display())));
    }
    Ok(())
}

/// Turns an OCI whiteout into overlayfs' form. Returns whether the entry was one.
fn whiteout(root: &Path, path: &Path) -> io::Result<bool> {
    let Some(name) = path.file_name() else { return Ok(false) };
    let Some(hidden) = name.as_bytes().strip_prefix(WHITEOUT) else { return Ok(false) };
    let relative = path.strip_prefix("/").unwrap_or(path);
    let parent = root.join(relative.parent().unwrap_or(Path::new("")));
    std::fs::create_dir_all(&parent)?;
    if name.as_bytes() == OPAQUE {
        xattr::set(&parent, OVERLAY_OPAQUE, b"y")?;
        return Ok(true);
    }
    if hidden.is_empty() || hidden == b"." || hidden == b".." {
        return Err(io::Error::other(format!("whiteout {} names no file", path.display())));
    }
    let hidden = parent.join(OsStr::from_bytes(hidden));
    match std::fs::symlink_metadata(&hidden) {
        // The layer itself brings the file that it hides below: what it brings stands.
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            mknod(&hidden, SFlag::S_IFCHR, Mode::empty(), 0)?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn set_mtime(path: &Path, seconds: u64) -> io::Result<()> {
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds));
    let Some(time) = time else { return Ok(()) };
    std::fs::File::open(path)?.set_modified(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            header.set_mtime(1_000_000);
            header.set_uid(0);
            header.set_gid(0);
            let bytes = header.as_gnu_mut().unwrap();
            bytes.name[..path.len()].copy_from_slice(path.as_bytes());
            let data: &[u8] = match kind {
                tar::EntryType::Symlink | tar::EntryType::Link => {
                    bytes.linkname[..content.len()].copy_from_slice(content.as_bytes());
                    b""
                }
                _ => content.as_bytes(),
            };
            header.set_size(data.len() as u64);
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn check(entries: &[(&str, tar::EntryType, &str)]) -> (tempfile::TempDir, io::Result<Unpacked>) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let outcome = unpack(archive(entries).as_slice(), &root);
        assert!(!dir.path().join("escaped").exists(), "the layer got out");
        (dir, outcome)
    }

    use tar::EntryType::{Char, Directory, Link, Regular, Symlink};

    #[test]
    fn files_links_and_times_arrive() {
        let (dir, outcome) =
            check(&[("d/", Directory, ""), ("d/f", Regular, "hello"), ("d/l", Symlink, "f"), ("d/h", Link, "d/f")]);
        let report = outcome.unwrap();
        assert_eq!((report.entries, report.bytes), (4, 5));
        let root = dir.path().join("root");
        assert_eq!(std::fs::read_to_string(root.join("d/l")).unwrap(), "hello");
        assert_eq!(std::fs::read_to_string(root.join("d/h")).unwrap(), "hello");
        let modified = std::fs::metadata(root.join("d")).unwrap().modified().unwrap();
        assert_eq!(modified, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000));
    }

    #[test]
    fn what_leads_out_of_the_layer_is_refused() {
        for entries in [
            &[("../escaped", Regular, "x")][..],
            &[("a/../../escaped", Regular, "x")],
            &[("out", Symlink, ".."), ("out/escaped", Regular, "x")],
            &[("h", Link, "../escaped")],
            &[("a/../../.wh.escaped", Regular, "")],
        ] {
            let (_dir, outcome) = check(entries);
            assert!(outcome.is_err(), "{entries:?}");
        }
    }

    #[test]
    fn an_entry_behind_a_link_that_leads_away_is_named() {
        let (_dir, outcome) = check(&[("way", Symlink, "/nowhere"), ("way/in", Regular, "x")]);
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("entry way/in goes through the link way, which leads out of the layer"), "{error}");
    }

    #[test]
    fn whiteouts_become_overlay_marks_and_devices_stay_out() {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let (dir, outcome) = check(&[
            ("d/", Directory, ""),
            ("d/.wh.gone", Regular, ""),
            ("d/.wh..wh..opq", Regular, ""),
            ("null", Char, ""),
        ]);
        assert_eq!(outcome.unwrap().devices_skipped, 1);
        let root = dir.path().join("root");
        let mark = std::fs::symlink_metadata(root.join("d/gone")).unwrap();
        assert!(mark.file_type().is_char_device() && mark.rdev() == 0);
        assert_eq!(xattr::get(root.join("d"), OVERLAY_OPAQUE).unwrap().as_deref(), Some(&b"y"[..]));
        assert!(!root.join("null").exists());
    }

    #[test]
    fn the_digest_covers_the_padding() {
        let mut bytes = archive(&[("f", Regular, "x")]);
        bytes.extend_from_slice(&[0; 10_240]);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(unpack(bytes.as_slice(), dir.path()).unwrap().diff_id, crate::Digest::of(&bytes));
    }
}
