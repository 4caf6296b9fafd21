//! Until when a request may take, as its `timeout` parameter says.

use std::time::Duration;

use api::status::Status;

use crate::query::Query;

/// Units of Go's durations, in nanoseconds. The longer name stands before its end.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// The time that a request asks for, but not longer than `most`; `most` when it asks for none.
///
/// # Errors
/// 400 when the parameter is no duration.
pub(crate) fn of(query: &Query, most: Duration) -> Result<Duration, Status> {
    let Some(text) = query.get("timeout") else { return Ok(most) };
    let wrong = |why: &str| {
        let start = "invalid timeout specified in the request URL - time:";
        Status::bad_request(format!("{start} {why} {text:?}"))
    };
    let asked = parse(text).map_err(wrong)?;
    Ok(if asked.is_zero() { most } else { asked.min(most) })
}

/// A duration as Go writes it: `1m30s`, `1.5h`. One that is negative is none at all.
fn parse(text: &str) -> Result<Duration, &'static str> {
    const INVALID: &str = "invalid duration";
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = unsigned;
    let mut nanoseconds = 0.0;
    if rest.is_empty() {
        return Err(INVALID);
    }
    while !rest.is_empty() {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.').ok_or("missing unit in duration")?;
        let number: f64 = rest[..end].parse().map_err(|_| INVALID)?;
        let unit_end =
            rest[end..].find(|one: char| one.is_ascii_digit() || one == '.').map_or(rest.len(), |at| end + at);
        let unit = UNITS.iter().find(|(name, _)| *name == &rest[end..unit_end]);
        nanoseconds += number * unit.ok_or("unknown unit in duration")?.1;
        rest = &rest[unit_end..];
    }
    if text.starts_with('-') {
        return Ok(Duration::ZERO);
    }
    Duration::try_from_secs_f64(nanoseconds / 1e9).map_err(|_| INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(timeout: &str, want: Result<u64, &str>) {
        let query = Query::of(&format!("http://x/?timeout={timeout}").parse().unwrap()).unwrap();
        let got = of(&query, Duration::from_secs(60));
        let got = got.map(|time| u64::try_from(time.as_millis()).unwrap()).map_err(|status| status.message);
        assert_eq!(got, want.map_err(str::to_owned), "{timeout}");
    }

    #[test]
    fn a_request_may_ask_for_less_time_than_there_is() {
        check("1m30s", Ok(60_000));
        check("1.5s", Ok(1_500));
        check("250ms", Ok(250));
        check("0", Ok(60_000));
        check("0s", Ok(60_000));
        check("1h", Ok(60_000));
        check("", Ok(60_000));
        let start = "invalid timeout specified in the request URL - time:";
        check("x", Err(&format!("{start} invalid duration \"x\"")));
        check("5", Err(&format!("{start} missing unit in duration \"5\"")));
        check("5d", Err(&format!("{start} unknown unit in duration \"5d\"")));
    }
}
