//! Patterns as `matches` reads them, in the syntax of RE2.

use regex_syntax::ast::ErrorKind;
use regex_syntax::ast::parse::Parser;

/// Whether the text is certainly no pattern. The syntax that is read here is near that of RE2, and what only one of them takes is
/// let pass: the expression then fails when it runs.
pub(super) fn is_broken(text: &str) -> bool {
    // Between these, RE2 reads every sign as itself.
    if text.contains(r"\Q") {
        return false;
    }
    let Err(error) = Parser::new().parse(text) else { return false };
    match error.kind() {
        ErrorKind::GroupUnclosed
        | ErrorKind::GroupUnopened
        | ErrorKind::GroupNameEmpty
        | ErrorKind::GroupNameInvalid
        | ErrorKind::GroupNameUnexpectedEof
        | ErrorKind::GroupNameDuplicate { .. }
        | ErrorKind::EscapeUnexpectedEof
        | ErrorKind::UnsupportedBackreference
        | ErrorKind::UnsupportedLookAround => true,
        // A brace without a number is itself in RE2.
        ErrorKind::RepetitionMissing => !text[error.span().start.offset..].starts_with('{'),
        ErrorKind::RepetitionCountInvalid => true,
        // In RE2 a bracket inside brackets is itself.
        ErrorKind::ClassUnclosed | ErrorKind::ClassRangeInvalid => text.matches('[').count() == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_read_is_broken() {
        for text in
            ["(", "a)", "[a", "*", "a|*", "[z-a]", "(?=a)", r"(a)\1", "a\\", "a{3,1}", "(?P<>a)", "(?P<n>a)(?P<n>b)"]
        {
            assert!(is_broken(text), "{text}");
        }
    }

    #[test]
    fn what_re2_reads_is_not() {
        for text in [
            "",
            "^a+$",
            "{",
            "a{",
            "a{,5}",
            "[a[b]",
            "[[:alpha:]]",
            r"\Q(\E",
            r"\pL\d",
            "(?i)a",
            "(?P<n>a)",
            "[&&]",
            "a{2,3}?",
        ] {
            assert!(!is_broken(text), "{text}");
        }
    }
}
