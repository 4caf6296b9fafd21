//! Lines of a container's log, put together from the entries that [`crate::logs`] writes, or another runtime:
//! `2026-11-23T10:40:41.123456789Z stdout F line`, where `P` marks a part of a line.

use jiff::Timestamp;

use crate::logs::Stream;

/// Longest line that is put together from parts, in bytes; what is longer is passed on in pieces.
pub const LINE_MAX: usize = 1 << 20;

/// One line, put together from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    time: Vec<u8>,
    text: Vec<u8>,
    /// Whether the container wrote a line end.
    ended: bool,
}

impl Line {
    /// When its first part was written, if the entry says so.
    pub fn at(&self) -> Option<Timestamp> {
        std::str::from_utf8(&self.time).ok()?.parse().ok()
    }

    /// As it is shown: with its time before it, if wanted, and with a line end where the container wrote one.
    pub fn written(&self, timestamps: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.time.len() + self.text.len() + 2);
        if timestamps {
            bytes.extend_from_slice(&self.time);
            bytes.push(b' ');
        }
        bytes.extend_from_slice(&self.text);
        if self.ended {
            bytes.push(b'\n');
        }
        bytes
    }
}

/// Puts lines together from entries, each stream's apart.
#[derive(Debug, Default)]
pub struct Joiner {
    open: [Option<Line>; 2],
}

impl Joiner {
    /// Takes one entry without its line end; answers a whole line when it completes one.
    pub fn take(&mut self, entry: &[u8]) -> Option<Line> {
        let mut fields = entry.splitn(4, |&byte| byte == b' ');
        let (Some(time), Some(stream), Some(tag), text) = (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            // Not in the format: better shown as it is than lost.
            return Some(Line { time: Vec::new(), text: entry.to_vec(), ended: true });
        };
        let text = text.unwrap_or_default();
        let stream = if stream == b"stderr" { Stream::Stderr } else { Stream::Stdout };
        let open = &mut self.open[stream.index()];
        let mut line = open.take().unwrap_or_else(|| Line { time: time.to_vec(), text: Vec::new(), ended: false });
        line.text.extend_from_slice(text);
        line.ended = !tag.starts_with(b"P");
        if !line.ended && line.text.len() < LINE_MAX {
            *open = Some(line);
            return None;
        }
        Some(line)
    }

    /// Lines that have no end yet.
    pub fn rest(&mut self) -> impl Iterator<Item = Line> {
        self.open.iter_mut().filter_map(Option::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: &[&str], shown: &str) {
        let mut joiner = Joiner::default();
        let mut lines: Vec<Line> = entries.iter().filter_map(|entry| joiner.take(entry.as_bytes())).collect();
        lines.extend(joiner.rest());
        let text: Vec<u8> = lines.iter().flat_map(|line| line.written(false)).collect();
        assert_eq!(String::from_utf8(text).unwrap(), shown, "{entries:?}");
    }

    #[test]
    fn parts_become_lines_each_stream_for_itself() {
        check(&["t stdout F a b"], "a b\n");
        check(&["t stdout P a", "t stderr F x", "t stdout P b", "t stdout F c"], "x\nabc\n");
        check(&["t stdout F "], "\n");
        check(&["t stdout P a"], "a");
        check(&["no entry"], "no entry\n");
    }

    #[test]
    fn a_line_that_never_ends_comes_in_pieces() {
        let mut joiner = Joiner::default();
        let entry = format!("t stdout P {}", "x".repeat(LINE_MAX / 2));
        assert_eq!(joiner.take(entry.as_bytes()), None);
        assert_eq!(joiner.take(entry.as_bytes()).unwrap().written(false).len(), LINE_MAX);
        assert_eq!(joiner.rest().count(), 0);
    }
}
