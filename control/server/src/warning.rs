//! `Warning` headers (RFC 7234, section 5.5): what clients show people beside an answer that succeeded.

use http::header::WARNING;
use http::{HeaderMap, HeaderValue};

/// Most characters of all warnings of one answer; from there on each is cut to [`ONE_MAX`], and what still does not fit is left
/// out. As kube-apiserver, since clients and proxies bound the length of a head.
const ALL_MAX: usize = 4 * 1024;
/// Most characters of one warning when there are many.
const ONE_MAX: usize = 256;

/// Adds a warning for each text, each text once.
pub(crate) fn add(headers: &mut HeaderMap, texts: &[impl AsRef<str> + PartialEq]) {
    let long = texts.iter().map(|text| text.as_ref().chars().count()).sum::<usize>() > ALL_MAX;
    let most = if long { ONE_MAX } else { usize::MAX };
    let mut room = ALL_MAX;
    for (at, text) in texts.iter().enumerate() {
        let shown: String = text.as_ref().chars().take(most).collect();
        let length = shown.chars().count();
        if texts[..at].contains(text) || length > room {
            continue;
        }
        room -= length;
        // A text with control characters cannot stand in a head at all.
        if let Ok(value) = HeaderValue::from_bytes(quoted(&shown).as_bytes()) {
            headers.append(WARNING, value);
        }
    }
}

/// Code 299 (a warning to be shown each time), no agent, and the text as a quoted string.
fn quoted(text: &str) -> String {
    let mut out = String::from("299 - \"");
    for one in text.chars() {
        if matches!(one, '"' | '\\') {
            out.push('\\');
        }
        out.push(one);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(texts: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        add(&mut headers, &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        headers.get_all(WARNING).iter().map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_warning_is_quoted_and_stands_once() {
        let shown = warned(&["unknown field \"a\\b\"", "größer", "größer", "two\nlines"]);
        assert_eq!(shown, [r#"299 - "unknown field \"a\\b\"""#, r#"299 - "größer""#]);
    }

    #[test]
    fn many_warnings_are_cut_short() {
        let texts: Vec<String> = (0..40).map(|nth| format!("{nth:03}{}", "x".repeat(400))).collect();
        let shown = warned(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((shown.len(), shown[0].len()), (ALL_MAX / ONE_MAX, "299 - \"\"".len() + ONE_MAX));
    }
}
