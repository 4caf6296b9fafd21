//! Where results go: standard output, line by line. A reader that has gone away ends a command quietly, as people expect of
//! `bireme get pods | head -1`.

use std::io::{self, Write};

/// Prints a line.
///
/// # Errors
/// When standard output cannot be written.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Prints bytes as they are, at once.
///
/// # Errors
/// When standard output cannot be written.
pub fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Lines of a table: columns as wide as their widest cell, three spaces between, as kubectl prints.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned_and_ends_are_bare() {
        let rows = [vec!["NAME".into(), "AGE".into()], vec!["a-long-name".into(), "5s".into()]];
        assert_eq!(super::table(&rows), ["NAME          AGE", "a-long-name   5s"]);
    }
}
