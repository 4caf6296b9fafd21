//! Spans of time as Go writes them: `1h30m`, `1.5s`, `300ms`.

use jiff::SignedDuration;

/// Units and their nanoseconds. Both micro signs of Unicode are in use.
const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Longest text that is looked at: more digits than any span in range has, thrice.
const LENGTH_MAX: usize = 128;

/// Why a text is no span, in the words of Go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// It has another form, or is too long a time.
    #[error("time: invalid duration {0:?}")]
    Form(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    NoUnit(String),
    /// A unit that nobody knows.
    #[error("time: unknown unit {1:?} in duration {0:?}")]
    Unit(String, String),
}

/// A span as Go writes it: from a second on in hours, minutes and seconds, below in the largest unit that leaves a whole part.
#[must_use]
pub fn text(span: std::time::Duration) -> String {
    let nanos = span.as_nanos();
    let part = |nanos: u128, unit: u128| {
        let fraction = format!("{:0width$}", nanos % unit, width = unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { (nanos / unit).to_string() } else { format!("{}.{fraction}", nanos / unit) }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}\u{b5}s", part(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", part(nanos, 1_000_000)),
        _ => {
            let (seconds, minutes) = (format!("{}s", part(nanos % 60_000_000_000, 1_000_000_000)), span.as_secs() / 60);
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// Reads a span.
///
/// # Errors
/// When the text is none.
pub fn parse(text: &str) -> Result<SignedDuration, BadDuration> {
    let form = || BadDuration::Form(text.to_owned());
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() || text.len() > LENGTH_MAX {
        return Err(form());
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(form());
        }
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(BadDuration::NoUnit(text.to_owned()));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = known.ok_or_else(|| BadDuration::Unit(text.to_owned(), unit.to_owned()))?;
        nanos = amount(whole, fraction, *size).and_then(|part| nanos.checked_add(part)).ok_or_else(form)?;
        rest = tail;
    }
    let nanos = i64::try_from(if negative { -nanos } else { nanos }).map_err(|_| form())?;
    Ok(SignedDuration::from_nanos(nanos))
}

/// So many units, in nanoseconds; nothing when there is no counting them.
fn amount(whole: &str, fraction: &str, size: i128) -> Option<i128> {
    /// Digits after the point that can make a nanosecond of an hour.
    const FINE: usize = 13;
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fine = &fraction[..fraction.len().min(FINE)];
    let parts: i128 = if fine.is_empty() { 0 } else { fine.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(fine.len()).ok()?)?;
    whole.checked_mul(size)?.checked_add(parts.checked_mul(size)? / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_go_does() {
        let check = |nanos, want: &str| assert_eq!(text(std::time::Duration::from_nanos(nanos)), want);
        check(0, "0s");
        check(1, "1ns");
        check(1_500, "1.5\u{b5}s");
        check(20_000_000, "20ms");
        check(10_002_000_000, "10.002s");
        check(60_000_000_000, "1m0s");
        check(5_400_250_000_000, "1h30m0.25s");
    }

    #[test]
    fn spans_are_read_as_in_go() {
        for (text, nanos) in [
            ("0", 0),
            ("1h30m", 5_400_000_000_000),
            ("-1.5s", -1_500_000_000),
            ("+.5ms", 500_000),
            ("1us2ns", 1_002),
            ("0.0000000000001h", 0),
        ] {
            assert_eq!(parse(text).unwrap().as_nanos(), nanos, "{text}");
        }
        for (text, why) in [
            ("", "time: invalid duration \"\""),
            ("h", "time: invalid duration \"h\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5d", "time: unknown unit \"d\" in duration \"5d\""),
            ("1..5s", "time: invalid duration \"1..5s\""),
            ("9999999h", "time: invalid duration \"9999999h\""),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), why, "{text}");
        }
    }
}
