//! Which capabilities a container holds (capabilities(7)).

use super::{LaunchError, sys};
use crate::contract::Security;

/// Names by number, as in `linux/capability.h`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What a container holds unless its pod says otherwise: the set that images have come to expect of Docker.
const DEFAULT: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// Whether a container holds a capability unless its pod says otherwise.
pub(super) fn is_usual(name: &str) -> bool {
    DEFAULT.contains(&name)
}

/// A set of capabilities, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities(u64);

impl Capabilities {
    /// All that there are.
    pub(super) const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// The set for a container on a node that itself may use `available`.
    pub(super) fn of(security: &Security, available: Self) -> Result<Self, LaunchError> {
        if security.privileged {
            return Ok(available);
        }
        let everything = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
        let dropped = named(&security.drop_capabilities)?;
        let added = named(&security.add_capabilities)?;
        if let Some(name) =
            security.add_capabilities.iter().find(|name| number(name).is_some_and(|n| !available.has_bit(n)))
        {
            return Err(LaunchError::Capability {
                name: name.clone(),
                problem: "the node itself does not have it, so it cannot be added".to_owned(),
            });
        }
        let base = match (everything(&security.add_capabilities), everything(&security.drop_capabilities)) {
            (true, _) => available.0,
            (false, true) => 0,
            (false, false) => bits(&DEFAULT),
        };
        // Adding one by name wins over dropping all, dropping one by name wins over adding all, as CRI defines it.
        let kept = if everything(&security.drop_capabilities) { base } else { base & !dropped };
        Ok(Self((kept | added) & available.0))
    }

    /// What this process may use itself.
    pub(super) fn available() -> Result<Self, LaunchError> {
        sys::permitted_capabilities().map(Self).map_err(LaunchError::system("read the node's own capabilities"))
    }

    /// Whether it holds a capability by name.
    pub(super) fn has(self, name: &str) -> bool {
        number(name).is_some_and(|n| self.has_bit(n))
    }

    fn has_bit(self, number: u8) -> bool {
        self.0 & (1 << number) != 0
    }

    /// Takes the others out of the bounding set for ever.
    pub(super) fn bound(self) -> Result<(), nix::errno::Errno> {
        for number in 0..64 {
            match sys::bounding_has(number) {
                Ok(true) if !self.has_bit(number) => sys::bounding_drop(number)?,
                Ok(_) => {}
                Err(_) => break, // The kernel knows no more of them.
            }
        }
        sys::ambient_clear()
    }

    /// Makes it the permitted and effective set. For a user other than root both are empty, as after a `setuid`: such a
    /// process gains capabilities only by files that carry them, up to the bounding set.
    pub(super) fn assume(self, uid: u32) -> Result<(), nix::errno::Errno> {
        sys::set_capabilities(if uid == 0 { self.0 } else { 0 })
    }
}

fn number(name: &str) -> Option<u8> {
    let upper = name.to_ascii_uppercase();
    let plain = upper.strip_prefix("CAP_").unwrap_or(&upper);
    NAMES.iter().position(|known| *known == plain).and_then(|n| u8::try_from(n).ok())
}

fn bits(names: &[&str]) -> u64 {
    names.iter().filter_map(|name| number(name)).fold(0, |set, n| set | 1 << n)
}

fn named(names: &[String]) -> Result<u64, LaunchError> {
    names.iter().filter(|name| !name.eq_ignore_ascii_case("ALL")).try_fold(0, |set, name| match number(name) {
        Some(n) => Ok(set | 1 << n),
        None => Err(LaunchError::Capability { name: name.clone(), problem: "no such capability".to_owned() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = (1 << 41) - 1;

    fn check(add: &[&str], drop: &[&str], available: u64, expected: Result<u64, &str>) {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let security = Security { add_capabilities: own(add), drop_capabilities: own(drop), ..Security::default() };
        let found = Capabilities::of(&security, Capabilities(available)).map(|set| set.0).map_err(|e| e.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "add {add:?} drop {drop:?}");
    }

    #[test]
    fn default_added_and_dropped() {
        // The number that every Docker user knows from /proc/self/status.
        check(&[], &[], ALL, Ok(0xa804_25fb));
        check(&[], &["ALL"], ALL, Ok(0));
        check(&["NET_BIND_SERVICE"], &["ALL"], ALL, Ok(1 << 10));
        check(&["cap_net_admin"], &["MKNOD"], ALL, Ok((0xa804_25fb | 1 << 12) & !(1 << 27)));
        check(&["ALL"], &[], ALL & !(1 << 24), Ok(ALL & !(1 << 24)));
        check(&["ALL"], &["CHOWN"], ALL, Ok(ALL & !1));
    }

    #[test]
    fn names_that_cannot_be_meant() {
        check(&["NET_ADMINS"], &[], ALL, Err("capability NET_ADMINS: no such capability"));
        check(
            &["SYS_RESOURCE"],
            &[],
            ALL & !(1 << 24),
            Err("capability SYS_RESOURCE: the node itself does not have it, so it cannot be added"),
        );
    }
}
