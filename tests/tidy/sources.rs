//! How Rust files are kept.

use super::check;
use super::code::{STRING, code, comments, lines_with};
use super::files::{File, sources};

/// Longest file. Most are near 150 lines; one that needs more holds two nouns.
const FILE_LINES: usize = 500;
/// Longest line, without its strings: a message that people search for stays whole, and so does expected output.
const LINE_COLUMNS: usize = 130;
/// Macros of unfinished code.
const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
/// Notes of unfinished code, in comments.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().into_iter().filter(|file| !file.text.starts_with("//!"));
    check(silent.map(|file| format!("{}:1: begin with `//!` and what this file is", file.path)).collect());
}

#[test]
fn files_and_lines_are_short() {
    let mut findings = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            findings.push(format!("{}:{lines}: more than {FILE_LINES} lines: move one noun out", file.path));
        }
        for (index, columns) in
            columns(&file.text).into_iter().enumerate().filter(|(_, columns)| *columns > LINE_COLUMNS)
        {
            findings.push(format!("{}:{}: {columns} columns: break it at {LINE_COLUMNS}", file.path, index + 1));
        }
    }
    check(findings);
}

/// Columns of each line that are code or comment.
fn columns(text: &str) -> Vec<usize> {
    code(text).lines().map(|line| line.chars().filter(|letter| *letter != STRING).count()).collect()
}

#[test]
fn nothing_is_unfinished() {
    let mut findings = Vec::new();
    for file in sources() {
        for (text, words) in [(code(&file.text), UNFINISHED), (comments(&file.text), NOTES)] {
            for word in words {
                let lines = lines_with(&text, word);
                findings.extend(lines.iter().map(|line| format!("{}:{line}: {word}: finish it", file.path)));
            }
        }
    }
    check(findings);
}

#[test]
fn unsafe_code_is_in_sys_modules() {
    let all = sources();
    let mut findings = Vec::new();
    for file in &all {
        let lines = lines_with(&code(&file.text), "unsafe");
        if lines.is_empty() {
            continue;
        }
        if !is_sys(&file.path) {
            let moves = |line: &usize| format!("{}:{line}: unsafe: move it into a module named sys", file.path);
            findings.extend(lines.iter().map(moves));
        } else if !permitted(file, &all) {
            let line = lines[0];
            findings
                .push(format!("{}:{line}: unsafe without #![allow(unsafe_code, reason = …)] at the top", file.path));
        }
    }
    check(findings);
}

fn is_sys(path: &str) -> bool {
    path.split('/').any(|part| part == "sys" || part == "sys.rs")
}

/// Whether the file, or the head of its sys module, allows unsafe code and says why.
fn permitted(file: &File, all: &[File]) -> bool {
    let allows = |file: &File| {
        let text: String = file.text.split_whitespace().collect();
        text.contains("#![allow(unsafe_code,reason=")
    };
    let folder = file.path.split_once("/sys/").map(|(before, _)| format!("{before}/sys"));
    let heads = folder.map(|folder| [format!("{folder}.rs"), format!("{folder}/mod.rs")]);
    allows(file) || all.iter().any(|head| heads.iter().flatten().any(|path| *path == head.path) && allows(head))
}
