//! Rust text with its strings and comments blanked out, so that what is left is code; lines stay where they are.

/// Stands for each letter of a string.
pub(crate) const STRING: char = '\u{1}';

/// The code alone: strings, characters and comments are blanks.
pub(crate) fn code(text: &str) -> String {
    split(text).0
}

/// The comments alone.
pub(crate) fn comments(text: &str) -> String {
    split(text).1
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Line,
    Block(u32),
    Text,
    Raw(usize),
}

fn split(text: &str) -> (String, String) {
    let letters: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let (mut state, mut at) = (State::Code, 0);
    while at < letters.len() {
        let before = state;
        let taken = step(&letters, at, &mut state);
        for letter in &letters[at..(at + taken).min(letters.len())] {
            let in_comment = [before, state].iter().any(|state| matches!(state, State::Line | State::Block(_)));
            let in_code = before == State::Code && state == State::Code && taken == 1;
            let blank = match letter {
                '\n' => '\n',
                _ if in_code || in_comment => ' ',
                _ => STRING,
            };
            code.push(if in_code { *letter } else { blank });
            comments.push(if in_comment { *letter } else { blank });
        }
        at += taken;
    }
    (code, comments)
}

/// Takes the next letters that belong together, and moves on to the state after them.
fn step(letters: &[char], at: usize, state: &mut State) -> usize {
    let next = |ahead: usize| letters.get(at + ahead).copied().unwrap_or('\0');
    match (*state, next(0)) {
        (State::Code, '/') if next(1) == '/' => enter(state, State::Line, 2),
        (State::Code, '/') if next(1) == '*' => enter(state, State::Block(1), 2),
        (State::Code, '"') => enter(state, State::Text, 1),
        (State::Code, 'r') if at == 0 || !is_word(letters[at - 1]) || letters[at - 1] == 'b' => {
            let hashes = letters[at + 1..].iter().take_while(|letter| **letter == '#').count();
            if next(hashes + 1) == '"' { enter(state, State::Raw(hashes), hashes + 2) } else { 1 }
        }
        // A character; anything else with this sign is a lifetime.
        (State::Code, '\'') if next(1) == '\\' => {
            3 + letters[at + 3..].iter().take_while(|letter| **letter != '\'').count() + 1
        }
        (State::Code, '\'') if next(2) == '\'' => 3,
        (State::Line, '\n') => enter(state, State::Code, 1),
        (State::Block(depth), '/') if next(1) == '*' => enter(state, State::Block(depth + 1), 2),
        (State::Block(1), '*') if next(1) == '/' => enter(state, State::Code, 2),
        (State::Block(depth), '*') if next(1) == '/' => enter(state, State::Block(depth - 1), 2),
        (State::Text, '\\') => 2,
        (State::Text, '"') => enter(state, State::Code, 1),
        (State::Raw(hashes), '"') if (1..=hashes).all(|ahead| next(ahead) == '#') => {
            enter(state, State::Code, hashes + 1)
        }
        _ => 1,
    }
}

fn enter(state: &mut State, new: State, taken: usize) -> usize {
    *state = new;
    taken
}

pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Lines, numbered from one, in which the word stands alone.
pub(crate) fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let alone = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            !line[..at].chars().next_back().is_some_and(is_word)
                && !line[at + word.len()..].chars().next().is_some_and(is_word)
        })
    };
    text.lines().enumerate().filter(|(_, line)| alone(line)).map(|(index, _)| index + 1).collect()
}

#[test]
fn strings_and_comments_are_no_code() {
    let text = "a('{', '\\'', \"{\\\"\", r#\"{\"#, 'x, b'}') // {\n/* { /* */ { */ b";
    let left = code(text);
    assert!(!left.contains(['{', '}']), "{left}");
    assert_eq!(left.lines().count(), 2);
    assert!(left.contains("'x") && left.ends_with(" b"), "{left}");
    assert_eq!(comments(text).matches('{').count(), 3);
}
