//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no file of the repository.
const FOREIGN: [&str; 2] = ["target", ".git"];

/// A text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Path from the root.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files, sorted by path.
pub(crate) fn texts() -> Vec<File> {
    let mut found = Vec::new();
    walk(root(), &mut found);
    found.sort();
    let file = |path: PathBuf| {
        // What is not text has no lines to look at.
        let text = fs::read_to_string(&path).ok()?;
        Some(File { path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text })
    };
    found.into_iter().filter_map(file).collect()
}

/// All Rust files.
pub(crate) fn sources() -> Vec<File> {
    texts().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && !FOREIGN.iter().any(|name| entry.file_name() == *name) {
            walk(&path, found);
        } else if kind.is_file() && entry.file_name() != ".git" {
            found.push(path);
        }
    }
}
