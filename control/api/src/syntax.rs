//! Why a text is no JSON, in the words of Go's parser, which clients and people know from Kubernetes.

/// Beginnings of our parser's messages, and what Go says of the character there.
const CONTEXTS: [(&str, &str); 9] = [
    ("key must be a string", "looking for beginning of object key string"),
    ("expected value", "looking for beginning of value"),
    ("expected `:`", "after object key"),
    ("expected `,` or `}`", "after object key:value pair"),
    ("expected `,` or `]`", "after array element"),
    ("trailing characters", "after top-level value"),
    ("control character", "in string literal"),
    ("invalid escape", "in string escape code"),
    ("invalid number", "in numeric literal"),
];

/// The error that reading `text` as JSON gave, in Go's words where Go has some.
#[must_use]
pub fn words(text: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".into();
    }
    let ours = error.to_string();
    let Some(character) = at(text, error.line(), error.column()) else { return ours };
    let context = match character {
        '}' if ours.starts_with("trailing comma") => Some("looking for beginning of object key string"),
        _ if ours.starts_with("trailing comma") => Some("looking for beginning of value"),
        _ => CONTEXTS.iter().find(|(start, _)| ours.starts_with(start)).map(|(_, context)| *context),
    };
    context.map_or(ours, |context| format!("invalid character {} {context}", quoted(character)))
}

/// The character at a line and column, both from 1 on; columns count bytes.
fn at(text: &[u8], line: usize, column: usize) -> Option<char> {
    let line = text.split(|byte| *byte == b'\n').nth(line.checked_sub(1)?)?;
    line.get(column.checked_sub(1)?).map(|byte| char::from(*byte))
}

fn quoted(character: char) -> String {
    match character {
        '\'' => "'\\''".into(),
        ' '..='~' => format!("'{character}'"),
        '\n' | '\r' | '\t' => format!("'{}'", character.escape_default()),
        other => format!("'\\x{:02x}'", u32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        assert_eq!(words(text.as_bytes(), &error), expected, "{text}");
    }

    #[test]
    fn errors_are_told_as_go_tells_them() {
        check("{bad", "invalid character 'b' looking for beginning of object key string");
        check("i\u{b7}", "invalid character 'i' looking for beginning of value");
        check("{\"a\" 1}", "invalid character '1' after object key");
        check("{\"a\":1 2}", "invalid character '2' after object key:value pair");
        check("[1\n2]", "invalid character '2' after array element");
        check("{} x", "invalid character 'x' after top-level value");
        check("[1,]", "invalid character ']' looking for beginning of value");
        check("{\"a\":1,}", "invalid character '}' looking for beginning of object key string");
        check("'", "invalid character '\\'' looking for beginning of value");
        check("{\"a\":", "unexpected end of JSON input");
    }
}
