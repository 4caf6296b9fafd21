//! System call filters.
//!
//! A [`Profile`] is data: a default action and rules. Ours ([`default_profile`]) and those of files in the format of the OCI
//! runtime specification ([`parse`](oci::parse)) take the same way into BPF ([`Filter`]).

mod compile;
mod default;
mod oci;
mod table;
mod worker;

use nix::errno::Errno;

pub use compile::Filter;
pub use default::default_profile;
pub use oci::parse;
pub use worker::worker_profile;

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is executed.
    Allow,
    /// It fails with this error number.
    Refuse(Errno),
    /// Its thread gets SIGSYS.
    Trap,
    /// Its process is killed.
    KillProcess,
    /// Its thread is killed.
    KillThread,
    /// It is executed and logged.
    Log,
}

/// Comparison of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Equal in the bits of this mask.
    Masked(u64),
}

/// A condition on one argument of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Number of the argument, from 0 to 5.
    pub argument: u8,
    /// How it is compared.
    pub compare: Compare,
    /// With what.
    pub value: u64,
}

/// What happens to one system call when all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Number of the system call on this architecture.
    pub syscall: i64,
    /// All must hold; none always hold.
    pub conditions: Vec<Condition>,
    /// Then this happens.
    pub action: Action,
}

/// A filter as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in messages.
    pub name: String,
    /// What happens to system calls without a rule that holds.
    pub default: Action,
    /// The rules.
    pub rules: Vec<Rule>,
}
