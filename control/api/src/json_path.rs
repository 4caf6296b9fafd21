//! Paths into objects as kubectl and policies write them, `.spec.containers[*].name`: whether one can be read. The grammar and
//! the words are those of client-go, which is not that of RFC 9535.

/// What is wrong with a path, which stands between braces.
///
/// # Errors
/// The first thing that cannot be read.
pub(crate) fn check(path: &str) -> Result<(), String> {
    template(&format!("{{{path}}}"))
}

/// Text with paths in braces.
fn template(text: &str) -> Result<(), String> {
    let mut rest = Scan { text, at: 0 };
    while let Some(open) = rest.left().find('{') {
        rest.at += open + 1;
        rest.path()?;
    }
    Ok(())
}

struct Scan<'a> {
    text: &'a str,
    /// Bytes that are read.
    at: usize,
}

impl<'a> Scan<'a> {
    fn left(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.left().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += next.map_or(0, char::len_utf8);
        next
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.left().starts_with(prefix);
        self.at += if found { prefix.len() } else { 0 };
        found
    }

    /// What stands before the first sign of that kind.
    fn until(&mut self, is_end: impl Fn(char) -> bool) -> &'a str {
        let left = self.left();
        let taken = left.get(..left.find(is_end).unwrap_or(left.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// One path and the brace that closes it.
    fn path(&mut self) -> Result<(), String> {
        let mut descends = false;
        loop {
            if self.take("}") {
                return Ok(());
            }
            if self.take("..") {
                if descends {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                descends = true;
                if self.peek().is_some_and(is_word) {
                    self.field();
                    descends = false;
                }
                continue;
            }
            if self.take("[?(") {
                self.filter()?;
                descends = false;
                continue;
            }
            match self.peek() {
                None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
                Some(' ' | '@' | '$') => {
                    self.next();
                    continue;
                }
                Some('[') => self.array()?,
                Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                Some('.') => {
                    self.next();
                    self.field();
                }
                Some(sign) if matches!(sign, '+' | '-') || sign.is_numeric() => self.number()?,
                Some(sign) if is_word(sign) => drop(self.until(ends_word)),
                Some(sign) => return Err(format!("unrecognized character in action: {}", shown(sign))),
            }
            descends = false;
        }
    }

    fn field(&mut self) {
        while let Some(sign) = self.peek().filter(|sign| !ends_word(*sign)) {
            self.next();
            if sign == '\\' {
                self.next();
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        let start = self.at;
        if self.peek().is_some_and(|sign| matches!(sign, '+' | '-')) {
            self.next();
        }
        self.until(|sign| sign != '.' && !sign.is_numeric());
        let number = self.text.get(start..self.at).unwrap_or_default();
        let read = number.parse::<i64>().is_ok() || number.parse::<f64>().is_ok();
        if read { Ok(()) } else { Err(format!("cannot parse number {number}")) }
    }

    /// A place in a list, a part of it, a key, or several of these.
    fn array(&mut self) -> Result<(), String> {
        self.next();
        let inside = self.until(|sign| matches!(sign, ']' | '\n'));
        if self.next() != Some(']') {
            return Err("unterminated array".to_owned());
        }
        if inside.contains(',') {
            return inside.split(',').try_for_each(|one| check(&format!("[{}]", one.trim_matches(' '))));
        }
        let key = inside.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        match key.filter(|key| !key.contains('\'')) {
            Some(key) => check(&format!(".{key}")),
            None => slice(inside),
        }
    }

    /// A condition that items fulfil: a path, or two that are compared.
    fn filter(&mut self) -> Result<(), String> {
        let start = self.at;
        let mut quote = None;
        let mut closed = false;
        loop {
            let before = self.at;
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some(sign @ ('"' | '\'')) => match quote {
                    None => quote = Some(sign),
                    Some(open) => {
                        closed |= open == sign && !self.text.get(..before).unwrap_or_default().ends_with('\\');
                    }
                },
                Some(')') if quote.is_some() == closed => break,
                Some(_) => {}
            }
        }
        let condition = self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        match compared(condition) {
            None => check(condition),
            Some((left, right)) => check(left).and_then(|()| check(right)),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let start = self.at;
        self.next();
        loop {
            let before = self.at;
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(sign) if sign == quote && !self.text.get(..before).unwrap_or_default().ends_with('\\') => break,
                Some(_) => {}
            }
        }
        let whole = self.text.get(start..self.at).unwrap_or_default();
        let inside = whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default();
        if unescaped(inside, quote) { Ok(()) } else { Err(format!("unquote string {whole} error invalid syntax")) }
    }
}

/// `first:last:step`, each of which may be left out.
fn slice(inside: &str) -> Result<(), String> {
    if inside == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = inside.split(':').collect();
    let is_numeric = |part: &&str| part.strip_prefix('-').unwrap_or(part).bytes().all(|sign| sign.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_numeric) {
        return Err(format!("invalid array index {inside}"));
    }
    let unread = parts.iter().find(|part| !part.is_empty() && part.parse::<i64>().is_err());
    unread.map_or(Ok(()), |part| Err(format!("array index {part} is not a number")))
}

/// The two sides of a comparison, as a pattern would find them: the longest left side, then the longest sign.
fn compared(condition: &str) -> Option<(&str, &str)> {
    let is_sign = |sign: char| matches!(sign, '!' | '<' | '>' | '=' | '~');
    let most = condition.find(|sign| is_sign(sign) && sign != '~').unwrap_or(condition.len());
    let lefts =
        condition.char_indices().map(|(at, _)| at).chain([condition.len()]).filter(|at| (1..=most).contains(at));
    lefts.collect::<Vec<_>>().into_iter().rev().find_map(|at| {
        let (left, rest) = condition.split_at(at);
        let signs = rest.find(|sign| !is_sign(sign)).unwrap_or(rest.len());
        // A sign takes one byte, and something must stand behind it.
        let signs = signs.min(rest.len().saturating_sub(1));
        (signs > 0).then(|| (left, rest.split_at(signs).1))
    })
}

/// Whether every escape in a quoted text is one of Go's, and no quote stands in it as it is.
fn unescaped(inside: &str, quote: char) -> bool {
    let mut signs = inside.chars();
    while let Some(sign) = signs.next() {
        if sign == quote {
            return false;
        }
        if sign != '\\' {
            continue;
        }
        let read = match signs.next() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => true,
            Some('x') => digits(&mut signs, 2, 16).is_some(),
            Some('u') => digits(&mut signs, 4, 16).is_some_and(|code| char::from_u32(code).is_some()),
            Some('U') => digits(&mut signs, 8, 16).is_some_and(|code| char::from_u32(code).is_some()),
            Some(first @ '0'..='7') => {
                let high = first.to_digit(8).unwrap_or_default() * 64;
                digits(&mut signs, 2, 8).is_some_and(|low| high + low <= 255)
            }
            Some(sign) => sign == quote,
            None => false,
        };
        if !read {
            return false;
        }
    }
    true
}

fn digits(signs: &mut std::str::Chars<'_>, count: usize, base: u32) -> Option<u32> {
    (0..count).try_fold(0_u32, |number, _| {
        let digit = signs.next()?.to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}

fn is_word(sign: char) -> bool {
    sign == '_' || sign.is_alphabetic() || sign.is_numeric()
}

fn ends_word(sign: char) -> bool {
    matches!(sign, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

/// A sign as Go shows it in such messages.
fn shown(sign: char) -> String {
    let code = format!("U+{:04X}", u32::from(sign));
    if sign.is_control() { code } else { format!("{code} '{sign}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_every_form_can_be_read() {
        for path in [
            "",
            "spec.validations[0].expression",
            ".metadata.labels.app\\.kubernetes\\.io/name",
            "$.items[*].metadata['name']",
            "..name",
            "items[-1:]",
            "items[0:5:2]",
            "items[0,2].name",
            "items[?(@.type==\"Ready\")].status",
            "items[?(@.a)].b",
            "items[?(@.a >= 5)]",
            "range items[*]}{.name}{'\\n'}{end",
            "1.5",
            "'a\\'b'",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let told = |path: &str| check(path).unwrap_err();
        assert_eq!(told("a[0"), "unterminated array");
        assert_eq!(told("a[x]"), "invalid array index x");
        assert_eq!(told("a[-]"), "array index - is not a number");
        assert_eq!(told("a[1:2:3:4]"), "invalid array index 1:2:3:4");
        assert_eq!(told("a[0,x]"), "invalid array index x");
        assert_eq!(told("a [0] #"), "unrecognized character in action: U+0023 '#'");
        assert_eq!(told("....a"), "invalid multiple recursive descent");
        assert_eq!(told("a[?(@.b"), "unterminated filter");
        assert_eq!(told("a[?(@.b)"), "unclosed array expect ]");
        assert_eq!(told("a[?(@.b==#)]"), "unrecognized character in action: U+0023 '#'");
        assert_eq!(told("'a"), "unterminated quoted string");
        assert_eq!(told("'a\\q'"), "unquote string 'a\\q' error invalid syntax");
        assert_eq!(told("1.2.3"), "cannot parse number 1.2.3");
        assert_eq!(told("a\nb"), "unclosed action");
    }

    #[test]
    fn sides_of_comparisons_are_found() {
        assert_eq!(compared("@.a==1"), Some(("@.a", "1")));
        assert_eq!(compared("@.a=~b"), Some(("@.a", "b")));
        assert_eq!(compared("a~b"), Some(("a", "b")));
        assert_eq!(compared("a=="), Some(("a", "=")));
        assert_eq!(compared("@.a"), None);
        assert_eq!(compared("=a"), None);
    }
}
