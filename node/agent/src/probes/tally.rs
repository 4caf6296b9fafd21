//! Rows of equal answers.

use k8s_openapi::api::core::v1::Probe;

/// A row of equal answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    good: bool,
    row: i32,
}

impl Tally {
    /// Counts one more; whether the row is as long as the probe's threshold asks.
    pub(super) fn count(&mut self, good: bool, probe: &Probe) -> bool {
        self.row = if self.good == good { self.row.saturating_add(1) } else { 1 };
        self.good = good;
        let threshold = if good { probe.success_threshold.unwrap_or(1) } else { probe.failure_threshold.unwrap_or(3) };
        self.row >= threshold.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_decides() {
        let probe = Probe { failure_threshold: Some(3), success_threshold: Some(2), ..Probe::default() };
        let mut tally = Tally::default();
        let rows: Vec<bool> = [false, false, true, false, false, false, true, true]
            .iter()
            .map(|&good| tally.count(good, &probe))
            .collect();
        assert_eq!(rows, [false, false, false, false, false, true, false, true]);
    }
}
