//! What may be shipped: licences and packages, by the lists in `deny.toml`, which `cargo deny` reads too.

use super::check;
use super::dependencies::metadata;
use super::files::root;

/// The quoted words of a list in `deny.toml`.
fn list(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, rest) = text.split_once(&format!("\n{name} = [")).unwrap_or_else(|| panic!("deny.toml has no {name}"));
    let (list, _) = rest.split_once("\n]").unwrap();
    let code = list.lines().map(|line| line.split('#').next().unwrap());
    code.filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
}

#[test]
fn licences_are_permissive() {
    let allowed = list("allow");
    let foreign = metadata().packages.iter().filter(|package| package.source.is_some());
    let refused = foreign.filter_map(|package| {
        let licence = package.license.as_deref().unwrap_or("none");
        (!satisfied(licence, &allowed))
            .then(|| format!("Cargo.lock: {} {} has licence {licence}: do without it", package.name, package.version))
    });
    check(refused.collect());
}

#[test]
fn banned_packages_are_absent() {
    let banned = list("deny");
    let found = metadata().packages.iter().filter(|package| banned.iter().any(|name| package.name == *name));
    check(
        found
            .map(|package| format!("Cargo.lock: {0} is banned: see deny.toml, and `cargo tree -i {0}`", package.name))
            .collect(),
    );
}

/// Whether the allowed licences satisfy an SPDX expression. `/` is the old way to write OR.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    let value = any(&words, &mut at, allowed);
    value && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut value = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        value |= all(words, at, allowed);
    }
    value
}

fn all(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut value = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        value &= one(words, at, allowed);
    }
    value
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let value = any(words, at, allowed);
        *at += 1;
        return value;
    }
    let mut name = (*word).to_owned();
    if let (Some(&"WITH"), Some(exception)) = (words.get(*at), words.get(*at + 1)) {
        name = format!("{name} WITH {exception}");
        *at += 2;
    }
    allowed.contains(&name)
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (expression, wanted) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH other", false),
        ("", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), wanted, "{expression}");
    }
}
