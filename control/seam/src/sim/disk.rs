//! A disk in memory that can lose power: what was not synced survives sector by sector, by chance.
//!
//! Names (create, rename) survive as a prefix of what was done since the last directory sync, as on a journalling file system.
//! Directories themselves are always there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::Disk;
use crate::random::Random;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// Handle to a simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    random: Random,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Every state of the names since the last directory sync.
    name_changes: Vec<BTreeMap<PathBuf, usize>>,
    locks: BTreeMap<PathBuf, String>,
    /// Raised at each power cut: files opened before it are dead.
    boot: u64,
    powered: bool,
    /// Changes until the power fails by itself.
    fuse: Option<u64>,
    ignore_syncs: bool,
    changes: u64,
}

#[derive(Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

#[derive(Debug)]
enum Unsynced {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

impl SimDisk {
    /// An empty disk whose losses follow from these numbers.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self { state: Arc::new(Mutex::new(State { powered: true, ..State::default() })), random }
    }

    /// The disk as the code under test sees it.
    #[must_use]
    pub fn disk(&self) -> Disk {
        Disk::simulated(self.clone())
    }

    /// Lets the power fail after that many more changes (writes, lengths, syncs, names).
    pub fn cut_after(&self, changes: u64) {
        self.lock_state().fuse = Some(changes);
    }

    /// Whether there is power.
    #[must_use]
    pub fn powered(&self) -> bool {
        self.lock_state().powered
    }

    /// Changes made since the disk was new.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock_state().changes
    }

    /// Makes every sync do nothing: the control that shows that a test of durability can fail.
    pub fn ignore_syncs(&self) {
        self.lock_state().ignore_syncs = true;
    }

    /// Cuts the power, if it is still there, and switches it on again. A random part of what was not synced is lost; files and
    /// locks from before are dead.
    pub fn power_cycle(&self) {
        let mut state = self.lock_state();
        let State { files, names, durable_names, name_changes, .. } = &mut *state;
        let kept = self.random.below(name_changes.len() as u64 + 1);
        if let Some(last) = usize::try_from(kept).ok().and_then(|kept| kept.checked_sub(1)) {
            durable_names.clone_from(&name_changes[last]);
        }
        name_changes.clear();
        names.clone_from(durable_names);
        for file in files.iter_mut() {
            file.lose(&self.random);
        }
        state.locks.clear();
        state.boot += 1;
        state.powered = true;
        state.fuse = None;
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.lock_state();
        state.check_power()?;
        Ok(state.names.contains_key(path))
    }

    pub(crate) fn open(&self, path: &Path) -> io::Result<SimFile> {
        let mut state = self.lock_state();
        state.check_power()?;
        let file = if let Some(file) = state.names.get(path) {
            *file
        } else {
            state.change()?;
            state.files.push(Content::default());
            let file = state.files.len() - 1;
            state.names.insert(path.to_owned(), file);
            state.note_names();
            file
        };
        Ok(SimFile { disk: self.clone(), file, boot: state.boot })
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.lock_state();
        state.check_power()?;
        let file = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[*file].live.clone())
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.change()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        state.note_names();
        Ok(())
    }

    pub(crate) fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.lock_state();
        state.change()?;
        if !state.ignore_syncs {
            state.durable_names = state.names.clone();
            state.name_changes.clear();
        }
        Ok(())
    }

    pub(crate) fn lock(&self, path: &Path, content: &str) -> Result<SimLock, String> {
        let mut state = self.lock_state();
        if let Some(holder) = state.locks.get(path) {
            return Err(holder.clone());
        }
        state.locks.insert(path.to_owned(), content.to_owned());
        Ok(SimLock { disk: self.clone(), path: path.to_owned(), boot: state.boot })
    }
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(io::Error::other("the simulated disk has no power")) }
    }

    /// Counts a change; fails when the power does.
    fn change(&mut self) -> io::Result<()> {
        self.check_power()?;
        self.changes += 1;
        if let Some(left) = &mut self.fuse {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.powered = false,
            }
        }
        self.check_power()
    }

    fn note_names(&mut self) {
        self.name_changes.push(self.names.clone());
    }
}

impl Content {
    /// Keeps what was synced and a random part of what was not.
    fn lose(&mut self, random: &Random) {
        let mut kept = std::mem::take(&mut self.durable);
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Unsynced::Length(len) if random.below(2) == 0 => kept.resize(len, 0),
                Unsynced::Length(_) => {}
                Unsynced::Write { offset, data } => {
                    for (at, part) in sectors(offset, &data) {
                        if random.below(2) == 0 {
                            put(&mut kept, at, part);
                        }
                    }
                }
            }
        }
        self.live.clone_from(&kept);
        self.durable = kept;
    }
}

/// The parts of a write that lie in one sector each, with their offsets.
fn sectors(offset: usize, data: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let end = data.len().min(at + SECTOR - (offset + at) % SECTOR);
        parts.push((offset + at, &data[at..end]));
        at = end;
    }
    parts
}

fn put(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

/// An open file of a simulated disk.
#[derive(Clone, Debug)]
pub(crate) struct SimFile {
    disk: SimDisk,
    file: usize,
    boot: u64,
}

impl SimFile {
    fn with<T>(&self, changes: bool, act: impl FnOnce(&mut Content, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.lock_state();
        if state.boot != self.boot {
            return Err(io::Error::other("the simulated disk has lost power since the file was opened"));
        }
        if changes {
            state.change()?;
        }
        state.check_power()?;
        let ignore_syncs = state.ignore_syncs;
        act(&mut state.files[self.file], ignore_syncs)
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.with(false, |content, _| Ok(content.live.len() as u64))
    }

    pub(crate) fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = to_usize(offset)?;
        self.with(false, |content, _| {
            let part = content.live.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(part);
            Ok(())
        })
    }

    pub(crate) fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = to_usize(offset)?;
        self.with(true, |content, _| {
            put(&mut content.live, offset, data);
            content.unsynced.push(Unsynced::Write { offset, data: data.to_vec() });
            Ok(())
        })
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        let len = to_usize(len)?;
        self.with(true, |content, _| {
            content.live.resize(len, 0);
            content.unsynced.push(Unsynced::Length(len));
            Ok(())
        })
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.with(true, |content, ignored| {
            if !ignored {
                // Replaying only what was written since keeps a sync as cheap as the writes before it.
                for change in std::mem::take(&mut content.unsynced) {
                    match change {
                        Unsynced::Length(len) => content.durable.resize(len, 0),
                        Unsynced::Write { offset, data } => put(&mut content.durable, offset, &data),
                    }
                }
            }
            Ok(())
        })
    }
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// A held lock of a simulated disk.
#[derive(Debug)]
pub(crate) struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    boot: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock_state();
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}
