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
