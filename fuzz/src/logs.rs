//! Container logs: what is read of entries, and that what a container wrote comes back from them.

use std::path::Path;

use jiff::Timestamp;
use runtime::log_lines::{Joiner, LINE_MAX, Line};
use runtime::logs::{Log, Stream};

/// Size at which no file of one input is set aside.
const LIMIT: u64 = u64::MAX;
/// Most that a container writes at a time here: enough to end a line, an entry, or nothing.
const PIECE_MAX: usize = 255;

/// Entries from anywhere: nothing is made up, and no line grows beyond its limit.
pub(crate) fn entries(data: &[u8]) {
    let mut joiner = Joiner::default();
    let mut shown = 0;
    for entry in data.split(|byte| *byte == b'\n') {
        if let Some(line) = joiner.take(entry) {
            let text = line.written(false);
            assert!(text.len() <= LINE_MAX + entry.len() + 1);
            assert!(line.written(true).ends_with(&text));
            let _time = line.at();
            shown += text.len();
        }
    }
    shown += joiner.rest().map(|line| line.written(false).len()).sum::<usize>();
    assert!(shown <= data.len() + 1, "{shown} bytes shown of {}", data.len());
}

/// What a container wrote, in pieces of any length, on two streams by turns.
pub(crate) fn output(data: &[u8]) {
    let Some((&length, mut left)) = data.split_first() else { return };
    let folder = Path::new(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" });
    let path = folder.join(format!("bireme-fuzz-{}", std::process::id()));
    let mut log = Log::open(&path, LIMIT).unwrap();
    let mut wrote = [Vec::new(), Vec::new()];
    for stream in Stream::ALL.into_iter().cycle() {
        let (piece, rest) = left.split_at(usize::from(length).clamp(1, PIECE_MAX).min(left.len()));
        log.write(stream, piece, Timestamp::UNIX_EPOCH).unwrap();
        wrote[stream.index()].extend_from_slice(piece);
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    log.finish(Timestamp::UNIX_EPOCH).unwrap();
    let entries = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for stream in Stream::ALL {
        assert_eq!(read(&entries, stream), wrote[stream.index()], "{stream:?}");
    }
}

/// What a reader sees of one stream.
fn read(entries: &[u8], stream: Stream) -> Vec<u8> {
    let name: &[u8] = if stream == Stream::Stderr { b" stderr " } else { b" stdout " };
    let mut joiner = Joiner::default();
    let mut text = Vec::new();
    let lines = entries.split(|byte| *byte == b'\n').filter(|entry| !entry.is_empty());
    for entry in lines {
        let at = entry.iter().position(|byte| *byte == b' ').unwrap();
        if entry[at..].starts_with(name) {
            text.extend(joiner.take(entry).iter().flat_map(|line: &Line| line.written(false)));
        }
    }
    text.extend(joiner.rest().flat_map(|line| line.written(false)));
    text
}
