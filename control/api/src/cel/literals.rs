//! Texts that are written into an expression and that a function will read when it runs: whether it can is known before.

use jiff::Timestamp;

use super::patterns;
use crate::duration;

/// What is wrong with such texts, each given with the number of its part and the function that reads it.
pub(super) fn wrong(texts: &[(u64, &str, &str)]) -> Vec<(u64, String)> {
    let unread = texts.iter().filter(|(_, function, text)| match *function {
        "duration" => duration::parse(text).is_err(),
        "timestamp" => text.parse::<Timestamp>().is_err(),
        "matches" => patterns::is_broken(text),
        _ => false,
    });
    unread.map(|(id, function, _)| (*id, format!("invalid {function} argument"))).collect()
}
