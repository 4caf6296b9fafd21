//! Words and signs of a label selector.

/// A word or sign, with its text for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A key, a value, or one of the words `in` and `notin`.
    Word(&'a str),
    /// One of `! = == != , ( ) < >`.
    Sign(&'a str),
    /// Nothing is left.
    End,
}

impl Token<'_> {
    /// The text as it stood.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
            Self::End => "",
        }
    }
}

/// Reads tokens one after the other; one can be seen ahead.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let text = self.rest.trim_start_matches(is_space);
        let Some(first) = text.chars().next() else {
            self.rest = text;
            return Token::End;
        };
        let length = if is_sign(first) {
            if text.starts_with("==") || text.starts_with("!=") { 2 } else { 1 }
        } else {
            text.find(|c| is_space(c) || is_sign(c)).unwrap_or(text.len())
        };
        let (token, rest) = text.split_at(length);
        self.rest = rest;
        if is_sign(first) { Token::Sign(token) } else { Token::Word(token) }
    }

    pub(super) fn peek(&self) -> Token<'a> {
        self.clone().next()
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '<' | '>')
}
