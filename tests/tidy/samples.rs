//! Every sample is run by a test or by the demo.

use std::fs;

use super::check;
use super::files::{root, sources};

#[test]
fn every_sample_is_used() {
    let sources = sources();
    let users: Vec<_> = sources.iter().filter(|file| !file.path.starts_with("samples/")).collect();
    let used = |name: &str| users.iter().any(|file| file.text.contains(name));
    let entries =
        |folder: &str| -> Vec<_> { fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap()).collect() };
    let mut findings = Vec::new();
    for entry in entries("samples") {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() && name != "target" && !used(&format!("samples/{name}")) {
            findings.push(format!("samples/{name}: no test and no demo names it: run it, or remove it"));
        }
    }
    for entry in entries("samples/fixtures") {
        let name = entry.file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".wasm") else { continue };
        if ![format!("\"{stem}\""), name.clone()].iter().any(|name| used(name)) {
            findings.push(format!("samples/fixtures/{name}: no test names it: run it, or remove it"));
        }
    }
    check(findings);
}
