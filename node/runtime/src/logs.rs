//! Container logs in the format of the CRI (`kubelet/cri/…/logs`): `<time> <stream> <F|P> <line>`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Longest line in one entry; a longer one is split into entries tagged `P` and a last one tagged `F`. The format's
/// readers allocate a line at a time, and containerd and CRI-O split here too.
pub const LINE_LIMIT: usize = 16 * 1024;
/// Size at which a file is set aside, as the kubelet's `containerLogMaxSize` has it by default.
pub const FILE_LIMIT: u64 = 10 << 20;

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Both, in the order of [`Stream::index`].
    pub const ALL: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    /// Position in an array of one element per stream.
    pub fn index(self) -> usize {
        match self {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// One container's log: an open file, the file before it under `<path>.1`, and the unfinished line of each stream.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    size: u64,
    limit: u64,
    unfinished: [Vec<u8>; 2],
}

impl Log {
    /// Opens the log for appending; `limit` is the size in bytes at which a file is set aside.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, limit: u64) -> io::Result<Log> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Log { path: path.to_owned(), file, size, limit, unfinished: [Vec::new(), Vec::new()] })
    }

    /// Takes what a stream brought at a time.
    ///
    /// # Errors
    /// When the disk refuses; the entry is lost, later ones may fit again.
    pub fn write(&mut self, stream: Stream, mut bytes: &[u8], now: Timestamp) -> io::Result<()> {
        let mut entries = Vec::with_capacity(bytes.len() + 64);
        while !bytes.is_empty() {
            let pending = &mut self.unfinished[stream.index()];
            let room = LINE_LIMIT - pending.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let (part, rest) = bytes.split_at(end.unwrap_or(room.min(bytes.len())));
            pending.extend_from_slice(part);
            bytes = if end.is_some() { &rest[1..] } else { rest };
            if end.is_some() || pending.len() == LINE_LIMIT {
                entry(&mut entries, now, stream, if end.is_some() { 'F' } else { 'P' }, pending);
                pending.clear();
            }
        }
        self.append(&entries)
    }

    /// Writes what has no line end: the streams are over. It keeps the tag `P`, so that a reader adds no line end that the
    /// container did not write.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&mut self, now: Timestamp) -> io::Result<()> {
        let mut entries = Vec::new();
        for stream in Stream::ALL {
            let pending = std::mem::take(&mut self.unfinished[stream.index()]);
            if !pending.is_empty() {
                entry(&mut entries, now, stream, 'P', &pending);
            }
        }
        self.append(&entries)
    }

    fn append(&mut self, entries: &[u8]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let length = entries.len() as u64;
        if self.size > 0 && self.size + length > self.limit {
            self.rotate()?;
        }
        self.size += length;
        self.file.write_all(entries)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut previous = self.path.clone().into_os_string();
        previous.push(".1");
        std::fs::rename(&self.path, previous)?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

fn entry(entries: &mut Vec<u8>, now: Timestamp, stream: Stream, tag: char, line: &[u8]) {
    entries.extend_from_slice(format!("{now:.9} {} {tag} ", stream.name()).as_bytes());
    entries.extend_from_slice(line);
    entries.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(limit: u64, writes: &[(Stream, &[u8])], current: &Expect) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        let mut log = Log::open(&path, limit).unwrap();
        let now: Timestamp = "2026-11-23T10:40:41.123456789Z".parse().unwrap();
        for (stream, bytes) in writes {
            log.write(*stream, bytes, now).unwrap();
        }
        log.finish(now).unwrap();
        current.assert_eq(&std::fs::read_to_string(&path).unwrap());
        dir
    }

    #[test]
    fn lines_are_joined_over_reads_and_streams_are_kept_apart() {
        let writes: [(Stream, &[u8]); 4] = [
            (Stream::Stdout, b"one\ntw"),
            (Stream::Stderr, b"oops\n"),
            (Stream::Stdout, b"o\n\n"),
            (Stream::Stdout, b"no end"),
        ];
        let _dir = check(
            FILE_LIMIT,
            &writes,
            &expect![[r#"
                2026-11-23T10:40:41.123456789Z stdout F one
                2026-11-23T10:40:41.123456789Z stderr F oops
                2026-11-23T10:40:41.123456789Z stdout F two
                2026-11-23T10:40:41.123456789Z stdout F 
                2026-11-23T10:40:41.123456789Z stdout P no end
            "#]],
        );
    }

    #[test]
    fn a_long_line_is_split_and_its_end_is_full() {
        let mut line = vec![b'x'; LINE_LIMIT + 3];
        line.push(b'\n');
        let head = "2026-11-23T10:40:41.123456789Z stdout";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        let mut log = Log::open(&path, FILE_LIMIT).unwrap();
        log.write(Stream::Stdout, &line, "2026-11-23T10:40:41.123456789Z".parse().unwrap()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{head} P {}\n{head} F xxx\n", "x".repeat(LINE_LIMIT)));
    }

    #[test]
    fn a_full_file_is_set_aside_once() {
        let dir = check(
            60,
            &[(Stream::Stdout, b"first\n"), (Stream::Stdout, b"second\n"), (Stream::Stdout, b"third\n")],
            &expect![[r#"
                2026-11-23T10:40:41.123456789Z stdout F third
            "#]],
        );
        let previous = std::fs::read_to_string(dir.path().join("0.log.1")).unwrap();
        assert_eq!(previous, "2026-11-23T10:40:41.123456789Z stdout F second\n");
    }
}
