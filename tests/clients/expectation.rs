//! What was seen against what was expected.
//!
//! `[..]` stands for any text within a line, a line `...` for any number of lines. How wide the gaps between columns are
//! depends on what stands above and below, so that a run of blanks inside a line is as good as one.

/// Any text within a line.
const ANY: &str = "[..]";
/// Any lines.
const LINES: &str = "...";

/// Whether lines are as expected.
pub(crate) fn matches(expected: &[&str], seen: &[&str]) -> bool {
    match expected {
        [] => seen.is_empty(),
        [first, rest @ ..] if *first == LINES => (0..=seen.len()).any(|skipped| matches(rest, &seen[skipped..])),
        [first, rest @ ..] => seen
            .split_first()
            .is_some_and(|(line, others)| is_line(&narrowed(first), &narrowed(line)) && matches(rest, others)),
    }
}

fn is_line(expected: &str, seen: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANY) else { return expected == seen };
    let Some(seen) = seen.strip_prefix(start) else { return false };
    let ends = seen.char_indices().map(|(at, _)| at).chain([seen.len()]);
    ends.into_iter().any(|at| is_line(rest, &seen[at..]))
}

/// The line with each run of blanks behind its indentation as one, and none at its end.
fn narrowed(line: &str) -> String {
    let content = line.trim_start();
    let indentation = &line[..line.len() - content.len()];
    indentation.to_owned() + &content.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn lines_are_compared() {
    for (expected, seen, wanted) in [
        (&["a  b"][..], &["a b "][..], true),
        (&["  a"], &["a"], false),
        (&["a [..] c", "..."], &["a b c"], true),
        (&["a [..] c"], &["a b d"], false),
        (&["...", "x"], &["1", "2", "x"], true),
        (&["...", "x"], &["1", "x", "2"], false),
        (&["pod/a[..]b[..]"], &["pod/aXbY"], true),
        (&[], &["x"], false),
        (&["x"], &[], false),
    ] {
        assert_eq!(matches(expected, seen), wanted, "{expected:?} {seen:?}");
    }
}
