//! Container logs: which lines of a file a reader wants, and those that are still to come.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use runtime::log_lines::{Joiner, Line};
use seam::{Seam, Timestamp};
use tokio::sync::mpsc;

use crate::seat::Seat;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Which part of a log is wanted: the query of `GET …/pods/x/log`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Go on until the container ends.
    pub follow: bool,
    /// Only that many lines of the end.
    pub tail: Option<usize>,
    /// Only lines from then on.
    pub since: Option<Timestamp>,
    /// Times before lines.
    pub timestamps: bool,
    /// At most that many bytes.
    pub limit: Option<usize>,
}

/// A log file that is read as it grows.
struct Reader {
    file: BufReader<File>,
    inode: u64,
    record: Vec<u8>,
    joiner: Joiner,
}

impl Reader {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let inode = file.metadata()?.ino();
        Ok(Self { file: BufReader::new(file), inode, record: Vec::new(), joiner: Joiner::default() })
    }

    /// The next whole line; none when the file has no more for now.
    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if self.file.read_until(b'\n', &mut self.record)? == 0 || !self.record.ends_with(b"\n") {
                return Ok(None);
            }
            let record = std::mem::take(&mut self.record);
            if let Some(line) = self.joiner.take(record.strip_suffix(b"\n").unwrap_or(&record)) {
                return Ok(Some(line));
            }
        }
    }

    /// Goes on in the new file when the path names another one, or at the beginning when it was cut.
    fn follow_rotation(&mut self, path: &Path) -> io::Result<bool> {
        let now = match std::fs::metadata(path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if now.ino() != self.inode {
            *self = Self { joiner: std::mem::take(&mut self.joiner), ..Self::open(path)? };
            return Ok(true);
        }
        if now.len() < self.file.stream_position()? {
            self.file.seek(SeekFrom::Start(0))?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// The lines that the file has now and the query wants. `over` tells that nobody waits for the end of a line without one.
fn present(reader: &mut Reader, query: &Query, over: bool) -> io::Result<VecDeque<Vec<u8>>> {
    let mut lines = VecDeque::new();
    let mut keep = |line: Line| {
        if query.since.is_some_and(|since| line.at().is_some_and(|at| at < since)) || query.tail == Some(0) {
            return;
        }
        if query.tail.is_some_and(|tail| lines.len() >= tail) {
            lines.pop_front();
        }
        lines.push_back(line.written(query.timestamps));
    };
    while let Some(line) = reader.next()? {
        keep(line);
    }
    if over {
        reader.joiner.rest().for_each(keep);
    }
    Ok(lines)
}

/// The end of a log as text, for termination messages: at most that many bytes.
pub(crate) fn tail(path: &Path, most: usize) -> io::Result<String> {
    /// Lines of a log that become a termination message (`FallbackToLogsOnError` in the API reference).
    const LINES: usize = 80;
    let mut reader = Reader::open(path)?;
    let lines = present(&mut reader, &Query { tail: Some(LINES), ..Query::default() }, true)?;
    let bytes: Vec<u8> = lines.into_iter().flatten().collect();
    let from = bytes.len().saturating_sub(most);
    Ok(String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned())
}

/// Sends a log, piece by piece, until it ends, its reader leaves, or the limit is reached. `container` names whose end ends a
/// followed log.
pub(crate) async fn send(
    seam: Seam,
    path: std::path::PathBuf,
    query: Query,
    container: Option<(Arc<Seat>, String)>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
) {
    if let Err(error) = copy(&seam, &path, &query, container, &pieces).await {
        // The reader may have left, and then there is nobody to tell.
        drop(pieces.send(Err(error)).await);
    }
}

async fn copy(
    seam: &Seam,
    path: &Path,
    query: &Query,
    container: Option<(Arc<Seat>, String)>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut left = query.limit.unwrap_or(usize::MAX);
    let mut reader = Reader::open(path)?;
    let mut wanted = query.clone();
    loop {
        // Asked before the file is read: what was written before the end is then read after it.
        let runs = container.as_ref().is_some_and(|(seat, name)| {
            !seat.is_gone()
                && seat.logs(name).is_some_and(|files| files.running && files.current.as_deref() == Some(path))
        });
        for line in present(&mut reader, &wanted, !query.follow || !runs)? {
            let cut = line.len().min(left);
            left -= cut;
            let piece = Bytes::from(line).slice(..cut);
            if pieces.send(Ok(piece)).await.is_err() || left == 0 {
                return Ok(());
            }
        }
        wanted.tail = None;
        if reader.follow_rotation(path)? {
            continue;
        }
        if !query.follow || !runs || pieces.is_closed() {
            return Ok(());
        }
        seam.sleep(POLL).await;
    }
}

/// Reads a whole small file, for tests of what was written.
#[cfg(test)]
fn all(path: &Path, query: &Query) -> String {
    let mut reader = Reader::open(path).unwrap();
    String::from_utf8(present(&mut reader, query, true).unwrap().into_iter().flatten().collect()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-11-23T10:40:41.1Z stdout F one\n\
                       2026-11-23T10:40:42.1Z stdout P tw\n\
                       2026-11-23T10:40:42.2Z stderr F err\n\
                       2026-11-23T10:40:42.3Z stdout F o\n\
                       2026-11-23T10:40:43.1Z stdout F \n";

    fn check(query: &Query, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, LOG).unwrap();
        assert_eq!(all(&path, query), expected, "{query:?}");
    }

    #[test]
    fn joins_selects_and_stamps() {
        check(&Query::default(), "one\nerr\ntwo\n\n");
        check(&Query { tail: Some(2), ..Query::default() }, "two\n\n");
        check(&Query { tail: Some(0), ..Query::default() }, "");
        let since = Some("2026-11-23T10:40:42.15Z".parse().unwrap());
        check(&Query { since, ..Query::default() }, "err\n\n");
        let stamped = Query { timestamps: true, tail: Some(1), ..Query::default() };
        check(&stamped, "2026-11-23T10:40:43.1Z \n");
    }

    #[test]
    fn a_line_without_an_end_is_shown_without_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, format!("{LOG}2026-11-23T10:40:44.1Z stdout P no end\n")).unwrap();
        assert_eq!(all(&path, &Query { tail: Some(2), ..Query::default() }), "\nno end");
    }

    #[tokio::test]
    async fn follows_through_rotation_until_the_container_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, LOG).unwrap();
        let seat = Arc::new(Seat::new(Arc::default()));
        let files = |running| {
            let files = crate::seat::LogFiles { current: Some(path.clone()), running, previous: None };
            seat.set_logs([("c".to_owned(), files)].into());
        };
        files(true);
        let (pieces, mut received) = mpsc::channel(16);
        let query = Query { follow: true, tail: Some(1), ..Query::default() };
        let seam = Seam::real();
        let container = Some((Arc::clone(&seat), "c".to_owned()));
        let sending = seam.spawn("logs", send(seam.clone(), path.clone(), query, container, pieces));
        assert_eq!(received.recv().await.unwrap().unwrap(), "\n");
        std::fs::rename(&path, dir.path().join("0.log.1")).unwrap();
        std::fs::write(&path, "2026-11-23T10:41:00Z stdout F fresh\n").unwrap();
        assert_eq!(received.recv().await.unwrap().unwrap(), "fresh\n");
        files(false);
        assert!(received.recv().await.is_none(), "the end of the container ends the log");
        sending.ended().await;
    }
}
