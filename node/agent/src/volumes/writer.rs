//! Files of a volume, exchanged all at once.
//!
//! The layout is the one that programs watching a mounted `ConfigMap` rely on: files live in a directory named after the moment
//! of writing, `..data` is a symbolic link to it, and every visible name is a link through `..data`. Renaming a new link over
//! `..data` exchanges everything in one step.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::Path;

use crate::volumes::payload::{Content, Payload};

const DATA: &str = "..data";
const DATA_NEXT: &str = "..data_tmp";

/// Makes the directory hold exactly these files; whether anything changed. `stamp` names this moment.
pub(super) fn write(dir: &Path, payload: &Payload, group: Option<u32>, stamp: &str) -> io::Result<bool> {
    let before = fs::read_link(dir.join(DATA)).ok();
    if let Some(before) = &before
        && holds(&dir.join(before), payload, group)?
    {
        return Ok(false);
    }
    let name = format!("..{stamp}");
    let fresh = dir.join(&name);
    fs::create_dir(&fresh)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))?;
    for (path, content) in payload {
        file(&fresh, path, content, group)?;
    }
    let next = dir.join(DATA_NEXT);
    remove_file(&next)?;
    symlink(&name, &next)?;
    fs::rename(&next, dir.join(DATA))?;
    links(dir, payload)?;
    if let Some(before) = before {
        match fs::remove_dir_all(dir.join(before)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

/// Whether a directory holds exactly these files already.
fn holds(dir: &Path, payload: &Payload, group: Option<u32>) -> io::Result<bool> {
    for (path, content) in payload {
        let path = dir.join(path);
        let same = match fs::metadata(&path) {
            Ok(found) => {
                found.permissions().mode() & 0o777 == mode(content, group) && fs::read(&path)? == content.bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(count(dir)? == payload.len())
}

/// Number of files below a directory.
fn count(dir: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    entries.into_iter().try_fold(0, |sum, entry| {
        let entry = entry?;
        Ok(sum + if entry.file_type()?.is_dir() { count(&entry.path())? } else { 1 })
    })
}

fn file(dir: &Path, path: &str, content: &Content, group: Option<u32>) -> io::Result<()> {
    let path = dir.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(&content.bytes)?;
    if let Some(group) = group {
        chown(&path, None, Some(group))?;
    }
    // Set, not asked for at creation: the agent's umask has no say.
    fs::set_permissions(&path, Permissions::from_mode(mode(content, group)))
}

/// With `fsGroup`, the group may read what its owner may.
fn mode(content: &Content, group: Option<u32>) -> u32 {
    if group.is_some() { content.mode | 0o440 } else { content.mode }
}

/// Makes visible names link through `..data`, and removes those that no file has any more.
fn links(dir: &Path, payload: &Payload) -> io::Result<()> {
    let wanted: BTreeSet<&str> = payload.keys().filter_map(|path| path.split('/').next()).collect();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !wanted.contains(name.as_ref()) {
            remove_file(&dir.join(name.as_ref()))?;
        }
    }
    for name in wanted {
        match symlink(Path::new(DATA).join(name), dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
