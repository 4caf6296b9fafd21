//! Moments as the API writes them, and durations as people read them.

use serde_json::Value;

use crate::meta::Timestamp;

/// `metav1.Time`: RFC 3339, UTC, whole seconds, e.g. `2026-11-23T10:09:27Z`.
#[must_use]
pub fn text(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// `metav1.MicroTime`: RFC 3339, UTC, always six digits of a second, as Leases and Events carry it.
#[must_use]
pub fn micro_text(moment: Timestamp) -> String {
    format!("{moment:.6}")
}

/// Reads a moment of either form; `None` when the text is no RFC 3339 time.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The moment at a JSON pointer such as `/metadata/creationTimestamp`; `None` when it is absent or malformed.
#[must_use]
pub fn at(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer).and_then(Value::as_str).and_then(parse)
}

/// How long ago `then` was, as an Age column shows it: `<unknown>` when there is no such moment.
#[must_use]
pub fn age(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(|| "<unknown>".into(), |then| human(now.as_second() - then.as_second()))
}

/// Seconds as `kubectl` shows them: two units while the first is small (`5m3s`, `2d4h`), one when it is large (`16m`).
///
/// A clock that is a second ahead reads as `0s`, one further ahead as `<invalid>`.
#[must_use]
pub fn human(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    match seconds {
        ..-1 => "<invalid>".into(),
        -1 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, 'm'), (1, 's')),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, (HOUR, 'h'), (MINUTE, 'm')),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, (DAY, 'd'), (HOUR, 'h')),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds, (YEAR, 'y'), (DAY, 'd')),
        252_288_000.. => format!("{}y", seconds / YEAR),
    }
}

/// A large unit and what remains in a small one, left out when nothing remains.
fn two(seconds: i64, large: (i64, char), small: (i64, char)) -> String {
    let rest = seconds % large.0 / small.0;
    let head = format!("{}{}", seconds / large.0, large.1);
    if rest == 0 { head } else { format!("{head}{rest}{}", small.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_in_kubectl() {
        let shown = [-5, -1, 0, 100, 119, 120, 303, 599, 600, 960, 10_799, 10_800, 10_860, 28_800, 187_200]
            .map(human)
            .join(" ");
        assert_eq!(shown, "<invalid> 0s 0s 100s 119s 2m 5m3s 9m59s 10m 16m 179m 3h 3h1m 8h 2d4h");
        let shown = [691_200, 63_071_999, 63_072_000, 63_158_400, 252_288_000].map(human).join(" ");
        assert_eq!(shown, "8d 729d 2y 2y1d 8y");
    }

    #[test]
    fn texts_have_the_precision_of_their_type() {
        let moment = parse("2026-11-23T10:09:27.5Z").unwrap();
        assert_eq!(text(moment), "2026-11-23T10:09:27Z");
        assert_eq!(micro_text(moment), "2026-11-23T10:09:27.500000Z");
        assert_eq!(parse("2026-11-23T11:09:27+01:00"), parse("2026-11-23T10:09:27Z"));
        assert_eq!(parse("yesterday"), None);
    }
}
