//! Where in an expression something is wrong, shown as cel-go shows it.

/// A line and a column, both from 1.
type Place = (isize, isize);

/// Says what is wrong at no place in particular.
pub(super) fn nowhere(why: &str) -> String {
    format!("ERROR: <input>:-1:0: {why}")
}

/// The place of a part that begins so many bytes into the text.
pub(super) fn of(text: &str, offset: Option<(u32, u32)>) -> Place {
    let start = offset.and_then(|(start, _)| usize::try_from(start).ok()).unwrap_or_default();
    let before = text.get(..start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let count = |number: usize| isize::try_from(number).unwrap_or(isize::MAX);
    (count(before.matches('\n').count() + 1), count(line.chars().count() + 1))
}

/// Longest line that is shown, in bytes, as in cel-go.
const LINE_MAX: usize = 16_384;

/// Says what is wrong at a place, and shows it under its line, unless that is very long. Wide characters are pointed over with
/// wide dots.
pub(super) fn told(text: &str, (line, column): Place, why: &str) -> String {
    let head = format!("ERROR: <input>:{line}:{column}: {why}");
    let shown = usize::try_from(line - 1).ok().and_then(|nth| text.split('\n').nth(nth));
    let Some(shown) = shown.filter(|line| line.len() <= LINE_MAX) else { return head };
    let shown = shown.replace('\t', " ");
    let before = usize::try_from(column - 1).unwrap_or_default();
    let wide = |sign: char| sign.len_utf8() > 1;
    let dots: String = shown.chars().take(before).map(|sign| if wide(sign) { '．' } else { '.' }).collect();
    let mark = if shown.chars().nth(before).is_some_and(wide) { '＾' } else { '^' };
    format!("{head}\n | {shown}\n | {dots}{mark}")
}
