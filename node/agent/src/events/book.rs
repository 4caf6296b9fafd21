//! What was written already, and so what becomes of one more event: client-go's correlator, with its numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use seam::Timestamp;

use super::{Note, event};
use crate::backoff::later;
use crate::status::seconds;

/// Series that are remembered. The oldest are forgotten first, and a new event is then written.
const SERIES_MAX: usize = 4096;
/// A series that had no event for so long begins anew.
const SERIES_LASTS: Duration = Duration::from_mins(10);
/// Different words about one thing, from which on more of them are one event.
const WORDS_MAX: usize = 10;
/// What such an event begins with.
const COMBINED: &str = "(combined from similar events): ";
/// Events per object in a row, and the time in which one more is allowed.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_mins(5);

/// Remembers what was written.
#[derive(Debug)]
pub(super) struct Book {
    node: String,
    series: BTreeMap<Note, Event>,
    /// Words about a thing (a note without any), and when the last of them were said.
    words: BTreeMap<Note, (BTreeSet<String>, Timestamp)>,
    budgets: BTreeMap<String, (u32, Timestamp)>,
}

impl Book {
    pub(super) fn new(node: String) -> Self {
        Self { node, series: BTreeMap::new(), words: BTreeMap::new(), budgets: BTreeMap::new() }
    }

    /// The event to write, and whether it raises the count of one that exists; none when the object is silenced.
    pub(super) fn write(&mut self, note: Note, now: Timestamp, suffix: &str) -> Option<(Event, bool)> {
        let lives =
            |event: &Event| event.last_timestamp.as_ref().is_some_and(|last| later(last.0, SERIES_LASTS) >= now);
        self.series.retain(|_, event| lives(event));
        let (key, note) = self.combined(note, now);
        let affordable = self.afford(&note.uid, now);
        if let Some(event) = self.series.get_mut(&key) {
            // What is not told now is counted when the next one is.
            event.count = event.count.map(|count| count.saturating_add(1));
            event.last_timestamp = Some(seconds(now));
            event.message = Some(note.message);
            return affordable.then(|| (event.clone(), true));
        }
        if !affordable {
            return None;
        }
        if self.series.len() >= SERIES_MAX {
            self.series.pop_first();
        }
        let event = event(&note, &self.node, now, suffix);
        self.series.insert(key, event.clone());
        Some((event, false))
    }

    /// The series that a note belongs to, and the note as it is written: one of many that differ in their words only stands for
    /// all of them.
    fn combined(&mut self, note: Note, now: Timestamp) -> (Note, Note) {
        let thing = Note { message: String::new(), field: None, ..note.clone() };
        self.words.retain(|_, (_, last)| later(*last, SERIES_LASTS) >= now);
        if self.words.len() >= SERIES_MAX {
            self.words.pop_first();
        }
        let (words, last) = self.words.entry(thing.clone()).or_insert_with(|| (BTreeSet::new(), now));
        *last = now;
        if words.contains(&note.message) {
            return (note.clone(), note);
        }
        if words.len() + 1 < WORDS_MAX {
            words.insert(note.message.clone());
            return (note.clone(), note);
        }
        let message = format!("{COMBINED}{}", note.message);
        (thing, Note { message, ..note })
    }

    /// Spends one event of an object's budget.
    fn afford(&mut self, uid: &str, now: Timestamp) -> bool {
        self.budgets.retain(|_, (left, since)| *left < BURST && later(*since, REFILL * BURST) > now);
        let (left, since) = self.budgets.entry(uid.to_owned()).or_insert((BURST, now));
        while *left < BURST && later(*since, REFILL) <= now {
            *left += 1;
            *since = later(*since, REFILL);
        }
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Weight;

    fn note(uid: &str, message: &str) -> Note {
        Note {
            namespace: "default".to_owned(),
            kind: "Pod",
            name: "web".to_owned(),
            uid: uid.to_owned(),
            field: None,
            weight: Weight::Warning,
            reason: "BackOff",
            message: message.to_owned(),
        }
    }

    /// What becomes of a note so many seconds after the beginning: count, message and whether it exists already.
    fn write(book: &mut Book, at: i64, uid: &str, message: &str) -> Option<(i32, String, bool)> {
        let now = Timestamp::from_second(1_800_000_000 + at).unwrap();
        let (event, again) = book.write(note(uid, message), now, "0123456789abcdef")?;
        Some((event.count.unwrap(), event.message.unwrap(), again))
    }

    #[test]
    fn equal_events_are_counted_until_they_have_been_quiet() {
        let mut book = Book::new("n".to_owned());
        assert_eq!(write(&mut book, 0, "a", "x"), Some((1, "x".to_owned(), false)));
        assert_eq!(write(&mut book, 5, "a", "x"), Some((2, "x".to_owned(), true)));
        assert_eq!(write(&mut book, 6, "b", "x"), Some((1, "x".to_owned(), false)));
        assert_eq!(write(&mut book, 700, "a", "x"), Some((1, "x".to_owned(), false)));
    }

    #[test]
    fn many_that_differ_in_their_words_become_one() {
        let mut book = Book::new("n".to_owned());
        for at in 0..9 {
            assert_eq!(write(&mut book, at, "a", &format!("try {at}")), Some((1, format!("try {at}"), false)));
        }
        let combined = |at: i64| format!("(combined from similar events): try {at}");
        assert_eq!(write(&mut book, 9, "a", "try 9"), Some((1, combined(9), false)));
        assert_eq!(write(&mut book, 10, "a", "try 10"), Some((2, combined(10), true)));
        assert_eq!(
            write(&mut book, 11, "a", "try 3"),
            Some((2, "try 3".to_owned(), true)),
            "what has its own keeps it"
        );
    }

    #[test]
    fn who_says_too_much_is_silenced_and_loses_no_count() {
        let mut book = Book::new("n".to_owned());
        for at in 0..25 {
            assert!(write(&mut book, at, "a", "x").is_some(), "{at}");
        }
        assert_eq!(write(&mut book, 25, "a", "x"), None);
        assert_eq!(write(&mut book, 26, "b", "x"), Some((1, "x".to_owned(), false)), "others are heard");
        assert_eq!(write(&mut book, 301, "a", "x"), Some((27, "x".to_owned(), true)));
    }
}
