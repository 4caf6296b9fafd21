//! Every target keeps its promises for its seeds and for a few thousand variations of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests assert")]

use std::path::Path;

use fuzz::{TARGETS, Target, Variations};

/// Variations for each target: all of them together take seconds in a debug build.
const VARIATIONS: usize = 3_000;

#[test]
fn every_target_keeps_its_promises() {
    let broken: Vec<String> = TARGETS.iter().filter_map(broken).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The first input for which a target breaks a promise.
fn broken(target: &Target) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "{} has no seed", target.name);
    let mut inputs = seeds.iter().cloned().chain(Variations::of(&seeds).take(VARIATIONS));
    let breaking = inputs.find(|input| std::panic::catch_unwind(|| (target.run)(input)).is_err())?;
    Some(format!("{}: {}", target.name, breaking.escape_ascii()))
}
