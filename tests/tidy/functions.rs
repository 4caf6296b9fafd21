//! How long functions are.

use super::check;
use super::code::{code, is_word};
use super::files::sources;

/// Longest function, from its name to its closing brace.
const LINES: usize = 70;

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for file in sources() {
        for Function { name, line, lines } in functions(&code(&file.text)) {
            if lines > LINES {
                let path = &file.path;
                findings.push(format!("{path}:{line}: {name} has {lines} lines, more than {LINES}: name its steps"));
            }
        }
    }
    check(findings);
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions with a body, nested ones too. The text has neither strings nor comments.
fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let name: String = code[at + 3..].chars().take_while(|letter| is_word(*letter)).collect();
        if let Some(length) = length(&code[at..]).filter(|_| !name.is_empty()) {
            let line = code[..at].matches('\n').count() + 1;
            found.push(Function { name, line, lines: code[at..at + length].matches('\n').count() + 1 });
        }
    }
    found
}

/// Bytes up to the closing brace of the first body; nothing when a semicolon outside brackets comes before it.
fn length(code: &str) -> Option<usize> {
    let (mut braces, mut brackets) = (0, 0);
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' if braces == 1 => return Some(at + 1),
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn bodies_are_measured() {
    let text = "trait T { fn none(a: [u8; 3]); }\nfn one() {}\nfn three() {\n  { x }\n}\n";
    let function = |name: &str, line, lines| Function { name: name.into(), line, lines };
    assert_eq!(functions(text), [function("one", 2, 1), function("three", 3, 3)]);
}
