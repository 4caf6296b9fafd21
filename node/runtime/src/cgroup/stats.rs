//! What a group has used.

/// Use of resources by all processes of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupUsage {
    /// CPU time consumed, in nanoseconds.
    pub cpu_nanos: u64,
    /// Working set: memory in use without inactive file pages, in bytes, as kubelet counts it.
    pub memory: u64,
}

impl CgroupUsage {
    pub(super) fn new(cpu_nanos: u64, memory: u64, inactive_file: u64) -> Self {
        Self { cpu_nanos, memory: memory.saturating_sub(inactive_file) }
    }
}

impl From<CgroupUsage> for crate::contract::Usage {
    fn from(usage: CgroupUsage) -> Self {
        Self { cpu_nanos: usage.cpu_nanos, memory: usage.memory }
    }
}
