//! What a node does when memory, disk or process ids run short: it says so, refuses pods, and evicts one after another.
//!
//! [`reading`] looks at the machine, [`outlook`] decides what that means, [`choice`] who goes; [`Guard`] carries it out.

mod choice;
mod guard;
mod outlook;
mod reading;

use std::collections::BTreeSet;

use crate::protection::Signal;

pub(crate) use guard::Guard;

/// What a node can be short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// Memory.
    Memory,
    /// Room for files, or inodes.
    Disk,
    /// Process ids.
    Pid,
}

impl Condition {
    /// In the order in which a node lists them.
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Pid];

    /// What a threshold of that signal means.
    pub(crate) const fn of(signal: Signal) -> Self {
        match signal {
            Signal::MemoryAvailable => Self::Memory,
            Signal::NodefsAvailable
            | Signal::NodefsInodesFree
            | Signal::ImagefsAvailable
            | Signal::ImagefsInodesFree => Self::Disk,
            Signal::PidAvailable => Self::Pid,
        }
    }

    /// The node condition's type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pid => "PIDPressure",
        }
    }

    /// Reason and message of the node condition, and the reason of the event about it.
    pub(crate) const fn words(self, holds: bool) -> Words {
        let (reason, message, event) = match (self, holds) {
            (Self::Memory, true) => (
                "KubeletHasInsufficientMemory",
                "kubelet has insufficient memory available",
                "NodeHasInsufficientMemory",
            ),
            (Self::Memory, false) => {
                ("KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory")
            }
            (Self::Disk, true) => ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
            (Self::Disk, false) => {
                ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure")
            }
            (Self::Pid, true) => {
                ("KubeletHasInsufficientPID", "kubelet has insufficient PID available", "NodeHasInsufficientPID")
            }
            (Self::Pid, false) => {
                ("KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID")
            }
        };
        Words { reason, message, event }
    }
}

/// How a condition is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// The condition's reason.
    pub reason: &'static str,
    /// The condition's message.
    pub message: &'static str,
    /// The event's reason.
    pub event: &'static str,
}

/// How the node stands: what it tells of itself, and what it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What it is short of.
    pub conditions: BTreeSet<Condition>,
    /// It is about to end.
    pub shutting_down: bool,
}
