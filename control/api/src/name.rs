//! Which texts name things: the rules of RFC 1123, RFC 1035, RFC 6335 and of Kubernetes, in its words.
//!
//! Every rule returns all that is wrong with a text; nothing means that the text is well formed.

/// Longest DNS label, in bytes (RFC 1035).
pub const LABEL_MAX: usize = 63;
/// Longest DNS subdomain, in bytes (RFC 1123 less the length bytes of the wire form).
pub const SUBDOMAIN_MAX: usize = 253;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_UNDERSCORE: &str = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const CONFIG_KEY: &str = "[-._a-zA-Z0-9]+";
const REASON: &str = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const HTTP_PATH: &str = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+";
const HEADER: &str = "[-A-Za-z0-9]+";

/// A lower-case DNS label: names of namespaces, containers, volumes.
#[must_use]
pub fn label(text: &str) -> Vec<String> {
    let mut wrong = longer(text, LABEL_MAX);
    if !is_label(text) && text.split('.').all(is_label) {
        wrong.push("must not contain dots".into());
    } else if !is_label(text) {
        let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                    and end with an alphanumeric character";
        wrong.push(pattern(rule, LABEL, &["my-name", "123-abc"]));
    }
    wrong
}

/// A lower-case DNS subdomain: names of most objects, prefixes of labels.
#[must_use]
pub fn subdomain(text: &str) -> Vec<String> {
    subdomain_in(text, "characters")
}

fn subdomain_in(text: &str, unit: &str) -> Vec<String> {
    let mut wrong = longer_in(text, SUBDOMAIN_MAX, unit);
    if !text.split('.').all(is_label) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                    start and end with an alphanumeric character";
        wrong.push(pattern(rule, SUBDOMAIN, &["example.com"]));
    }
    wrong
}

/// As [`subdomain`], of labels that may also have underscores, as names of services in DNS do.
#[must_use]
pub fn subdomain_with_underscore(text: &str) -> Vec<String> {
    let mut wrong = longer(text, SUBDOMAIN_MAX);
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |part: &str| {
        let part = part.strip_prefix('_').unwrap_or(part);
        is_framed(part, plain, |c| plain(c) || matches!(c, b'-' | b'_'))
    };
    if !text.split('.').all(label) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
                    must start and end with an alphanumeric character";
        wrong.push(pattern(rule, SUBDOMAIN_UNDERSCORE, &["example.com"]));
    }
    wrong
}

/// `*.` and a DNS subdomain: hosts of Ingresses.
#[must_use]
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    let mut wrong = longer(text, SUBDOMAIN_MAX);
    if !text.strip_prefix("*.").is_some_and(|rest| rest.split('.').all(is_label)) {
        let rule = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist \
                    of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        wrong.push(pattern(rule, &format!(r"\*\.{SUBDOMAIN}"), &["*.example.com"]));
    }
    wrong
}

/// A DNS label that begins with a letter: names of Services.
#[must_use]
pub fn label_1035(text: &str) -> Vec<String> {
    let mut wrong = longer(text, LABEL_MAX);
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                    character, and end with an alphanumeric character";
        wrong.push(pattern(rule, LABEL_1035, &["my-name", "abc-123"]));
    }
    wrong
}

/// A name with an optional subdomain and `/` before it: keys of labels and annotations, resources, finalizers.
#[must_use]
pub fn qualified(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let mut wrong = Vec::new();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".into());
            } else {
                wrong.extend(subdomain_in(prefix, "bytes").iter().map(|one| format!("prefix part {one}")));
            }
            *name
        }
        _ => {
            let rule = format!("a valid label key {QUALIFIED_RULE}");
            let rule = pattern(&rule, QUALIFIED, QUALIFIED_EXAMPLES);
            return vec![format!("{rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".into());
    }
    wrong.extend(longer_in(name, LABEL_MAX, "bytes").iter().map(|one| format!("name part {one}")));
    if !is_word(name) {
        wrong.push(pattern(&format!("name part {QUALIFIED_RULE}"), QUALIFIED, QUALIFIED_EXAMPLES));
    }
    wrong
}

const QUALIFIED_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                              alphanumeric character";
const QUALIFIED_EXAMPLES: &[&str] = &["MyName", "my.name", "123-abc"];

/// The value of a label; may be empty.
#[must_use]
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong = longer_in(text, LABEL_MAX, "bytes");
    if !text.is_empty() && !is_word(text) {
        let rule = format!("a valid label must be an empty string or {}", &QUALIFIED_RULE["must ".len()..]);
        wrong.push(pattern(&rule, VALUE, &["MyValue", "my_value", "12345"]));
    }
    wrong
}

/// The name of a port (RFC 6335, section 5.1).
#[must_use]
pub fn port(text: &str) -> Vec<String> {
    const MAX: usize = 15;
    let mut wrong = longer(text, MAX);
    let lower = |c: char| c.is_ascii_lowercase();
    if !text.chars().all(|c| lower(c) || c.is_ascii_digit() || c == '-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.contains(lower) {
        wrong.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".into());
    }
    wrong
}

/// The name of an environment variable, as relaxed by KEP-4369: any printable ASCII but `=`.
#[must_use]
pub fn environment(text: &str) -> Vec<String> {
    if text.is_empty() {
        return vec!["environment variable name must be non-empty".into()];
    }
    if text.chars().all(|c| (' '..='~').contains(&c) && c != '=') {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".into()]
}

/// A key of a ConfigMap or Secret; it becomes a file name.
#[must_use]
pub fn config_key(text: &str) -> Vec<String> {
    let mut wrong = longer(text, SUBDOMAIN_MAX);
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        wrong.push(pattern(rule, CONFIG_KEY, &["key.name", "KEY_NAME", "key-name"]));
    }
    match text {
        "." => wrong.push("must not be '.'".into()),
        ".." => wrong.push("must not be '..'".into()),
        _ if text.starts_with("..") => wrong.push("must not start with '..'".into()),
        _ => {}
    }
    wrong
}

/// A text that stands as one segment of a URL path: what every name of an object must be at least.
#[must_use]
pub fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ["/", "%"].iter().filter(|part| text.contains(**part));
    forbidden.map(|part| format!("may not contain '{part}'")).collect()
}

/// A name without a rule beyond [`path_segment`], which every name follows.
#[must_use]
pub fn any(_text: &str) -> Vec<String> {
    Vec::new()
}

/// The reason of a condition: a word in camel case, perhaps of several parts.
#[must_use]
pub fn condition_reason(text: &str) -> Vec<String> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b',' | b':');
    let framed = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
        && text.bytes().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || c == b'_');
    if framed && text.bytes().all(inner) {
        return Vec::new();
    }
    let rule = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric \
                characters or '_,:', and must end with an alphanumeric character or '_'";
    vec![pattern(rule, REASON, &["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"])]
}

/// The path of a URL (RFC 3986), without its first slash.
#[must_use]
pub fn http_path(text: &str) -> Vec<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    if !text.is_empty() && text.chars().all(allowed) {
        return Vec::new();
    }
    vec![format!("Invalid path (regex used for validation is '{HTTP_PATH}')")]
}

/// The name of an HTTP header.
#[must_use]
pub fn http_header(text: &str) -> Vec<String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Vec::new();
    }
    vec![pattern("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER, &["X-Header-Name"])]
}

/// Whether text is a DNS label, its length aside.
fn is_label(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    is_framed(text, plain, |c| plain(c) || c == b'-')
}

/// Whether text is a name of letters, digits, `-`, `_` and `.` between letters or digits.
fn is_word(text: &str) -> bool {
    is_framed(text, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

fn is_framed(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|c| edge(*c)) && bytes.last().is_some_and(|c| edge(*c));
    edges && bytes.iter().all(|c| inner(*c))
}

fn longer(text: &str, most: usize) -> Vec<String> {
    longer_in(text, most, "characters")
}

/// As [`longer`]; Kubernetes counts bytes always, and says so of labels and their keys only.
fn longer_in(text: &str, most: usize, unit: &str) -> Vec<String> {
    if text.len() > most { vec![format!("must be no more than {most} {unit}")] } else { Vec::new() }
}

/// A rule with examples and the pattern that says it exactly; spacing as Kubernetes has it.
fn pattern(rule: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|one| format!("'{one}', ")).collect();
    format!("{rule} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(rule: fn(&str) -> Vec<String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(text), [] as [&str; 0], "{text:?}");
        }
        for text in bad {
            assert!(!rule(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn every_rule_takes_what_it_should() {
        let long = "a".repeat(64);
        check(label, &["a", "a-b", "1", "a--b"], &["", "-a", "a-", "A", "a.b", "ä", &long]);
        check(subdomain, &["a", "a.b", "1.2-3"], &["", ".a", "a.", "a..b", "a_b", "-.a", &"a.".repeat(130)]);
        check(label_1035, &["a", "a1"], &["", "1a", "a.b"]);
        check(wildcard_subdomain, &["*.a", "*.a.b"], &["", "*", "*.", "a.b", "*a.b", "*.*.b", "a.*"]);
        check(qualified, &["a", "a.b/C_d", "x.io/a-b", "A"], &["", "/a", "a/", "a/b/c", "A/b", "a b", "-a"]);
        check(label_value, &["", "a", "A_b.c-d"], &["-", "a b", "a/b", &long]);
        check(port, &["http", "a-1"], &["", "1", "a--b", "-a", "http_", "abcdefghijklmnop"]);
        check(environment, &["A", "a.b", "1", "a b"], &["", "a=b", "ä", "a\n"]);
        check(config_key, &["a", ".a", "a.b-c_d"], &["", ".", "..", "..a", "a/b", "a b"]);
        check(path_segment, &["a:b", "..."], &[".", "..", "a/b", "a%b"]);
        check(http_header, &["X-A"], &["", "X A", "X:"]);
    }

    #[test]
    fn everything_wrong_is_told() {
        assert_eq!(qualified("Up/").len(), 3);
        assert_eq!(port("1--").len(), 3);
    }

    proptest! {
        #[test]
        fn the_published_patterns_hold(
            l in LABEL, s in SUBDOMAIN, o in LABEL_1035, q in QUALIFIED, v in VALUE, h in HEADER
        ) {
            // Patterns say nothing about length.
            let sound = |wrong: Vec<String>| wrong.iter().all(|why| why.starts_with("must be no more than"));
            prop_assert!(sound(label(&l)) && sound(subdomain(&s)) && sound(label_1035(&o)));
            prop_assert!(q.len() > LABEL_MAX || qualified(&q).is_empty());
            prop_assert!(sound(label_value(&v)) && http_header(&h).is_empty());
        }

        #[test]
        fn rules_agree_on_any_text(text in "\\PC{0,20}|[a-zA-Z0-9._/-]{0,20}") {
            // Every label is a subdomain and a value of a label; every value but the empty one is a qualified name.
            prop_assert!(!label(&text).is_empty() || subdomain(&text).is_empty() && label_value(&text).is_empty());
            prop_assert!(text.is_empty() || !label_value(&text).is_empty() || qualified(&text).is_empty());
            prop_assert!(!label_1035(&text).is_empty() || label(&text).is_empty());
        }
    }
}
