//! How much is done of each.

/// Clients at once.
pub(crate) const CLIENTS: [usize; 3] = [1, 16, 64];

/// Counts of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Pods that are stored when lists are read.
    pub(crate) pods: usize,
    /// Single reads for each number of clients.
    pub(crate) reads: usize,
    /// Lists for each way to read them.
    pub(crate) lists: usize,
    /// Writes for each number of clients.
    pub(crate) writes: usize,
    /// Watchers at once.
    pub(crate) watchers: [usize; 2],
    /// Writes whose way to all watchers is timed.
    pub(crate) paced: usize,
    /// Events that all watchers together are told as fast as it goes.
    pub(crate) deliveries: usize,
    /// Writes to the disk below.
    pub(crate) syncs: usize,
}

impl Effort {
    /// A run whose figures are worth writing down.
    const FULL: Self = Self {
        pods: 10_000,
        reads: 10_000,
        lists: 20,
        writes: 3_000,
        watchers: [1_000, 10_000],
        paced: 40,
        deliveries: 1_000_000,
        syncs: 500,
    };
    /// A run that only shows that everything works.
    const QUICK: Self = Self {
        pods: 400,
        reads: 200,
        lists: 3,
        writes: 100,
        watchers: [20, 200],
        paced: 5,
        deliveries: 10_000,
        syncs: 20,
    };

    pub(crate) fn chosen(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut effort = Self::FULL;
        for argument in arguments {
            match argument.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--quick" => effort = Self::QUICK,
                other => anyhow::bail!("unknown argument {other:?}: the only one is --quick"),
            }
        }
        Ok(effort)
    }
}
