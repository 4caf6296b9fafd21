//! What must not stand in any file, what must be there, and whether links lead somewhere.

use std::path::Path;

use super::check;
use super::files::{File, root, texts};

/// Hosts that only package managers name, and folders of somebody's machine.
const FOREIGN: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("deb.debian", ".org"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
];
/// What a reader of the repository looks for first.
const EXPECTED: [&str; 7] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "NOTICE", "Cargo.lock", "rust-toolchain.toml"];

#[test]
fn files_name_no_foreign_host_or_path() {
    let mut findings = Vec::new();
    // Cargo writes the lock files.
    for file in texts().into_iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (index, line) in file.text.lines().enumerate() {
            for word in FOREIGN.iter().filter(|word| names(line, word)) {
                findings.push(format!("{}:{}: names {word}: say it without", file.path, index + 1));
            }
        }
    }
    check(findings);
}

/// Whether the word stands there on its own; a folder counts only at the beginning of a path.
fn names(line: &str, word: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || "_.-}/".contains(letter);
    line.match_indices(word).any(|(at, _)| !word.starts_with('/') || !line[..at].ends_with(inside))
}

#[test]
fn the_usual_files_are_there() {
    let missing = EXPECTED.iter().filter(|path| !root().join(path).is_file());
    check(missing.map(|path| format!("{path}: missing: write it")).collect());
}

#[test]
fn links_lead_somewhere() {
    let mut findings = Vec::new();
    let all = texts();
    for file in all.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            if let Err(why) = follow(file, &target, &all) {
                findings.push(format!("{}:{line}: [..]({target}) {why}", file.path));
            }
        }
    }
    check(findings);
}

/// Relative links of a Markdown text, outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for part in prose.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn follow(from: &File, target: &str, all: &[File]) -> Result<(), &'static str> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = root().join(&from.path).parent().unwrap().to_owned();
    let path = if path.is_empty() { root().join(&from.path) } else { folder.join(path) };
    let path = path.canonicalize().map_err(|_| "leads to no file: correct it")?;
    let (Some(anchor), Ok(path)) = (anchor, path.strip_prefix(root().canonicalize().unwrap())) else { return Ok(()) };
    let page = all.iter().find(|file| Path::new(&file.path) == path);
    let page = page.filter(|page| page.path.ends_with(".md"));
    match page.is_none_or(|page| headings(&page.text).any(|heading| heading == anchor)) {
        true => Ok(()),
        false => Err("leads to no heading of that file: correct it"),
    }
}

/// Headings as they are written in links.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let letters = line.trim_start_matches('#').trim().chars();
        let letters = letters.filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
        letters.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
    })
}

#[test]
fn links_are_found_outside_code() {
    let text = "# Two words\nsee [a](x.md#b) and `[c](d)`, [e](https://f)\n```\n[g](h)\n```\n";
    assert_eq!(links(text), [(2, "x.md#b".to_owned())]);
    assert_eq!(headings(text).collect::<Vec<_>>(), ["two-words"]);
}
