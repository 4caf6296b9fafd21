//! The profile of containers that ask for none: everything that ordinary programs use, nothing that reaches past the
//! container. What a capability is for is allowed to those who hold it.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::{Action, Compare, Condition, Profile, Rule, table};

/// System calls that act on the whole node, are obsolete, or have been a way out of containers too often.
const NEVER: &[&str] = &[
    "_sysctl",
    "add_key",
    "afs_syscall",
    "epoll_ctl_old",
    "epoll_wait_old",
    "getpmsg",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "migrate_pages",
    "move_pages",
    "nfsservctl",
    "putpmsg",
    "request_key",
    "security",
    "swapoff",
    "swapon",
    "sysfs",
    "tuxcall",
    "uselib",
    "userfaultfd",
    "ustat",
    "vserver",
];

/// System calls that need a capability to be of use; without it not even their argument checking is reachable. One that is
/// listed twice is allowed by either.
const BY_CAPABILITY: &[(&str, &[&str])] = &[
    (
        "SYS_ADMIN",
        &[
            "bpf",
            "fanotify_init",
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "listmount",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "open_tree_attr",
            "perf_event_open",
            "pivot_root",
            "quotactl",
            "quotactl_fd",
            "setdomainname",
            "sethostname",
            "setns",
            "statmount",
            "syslog",
            "umount2",
            "unshare",
        ],
    ),
    ("BPF", &["bpf"]),
    ("DAC_READ_SEARCH", &["open_by_handle_at"]),
    ("PERFMON", &["perf_event_open"]),
    ("SYSLOG", &["syslog"]),
    ("SYS_BOOT", &["reboot"]),
    ("SYS_CHROOT", &["chroot"]),
    ("SYS_MODULE", &["delete_module", "finit_module", "init_module"]),
    ("SYS_NICE", &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    ("SYS_PACCT", &["acct"]),
    ("SYS_PTRACE", &["kcmp", "pidfd_getfd", "process_madvise"]),
    ("SYS_RAWIO", &["ioperm", "iopl"]),
    ("SYS_TIME", &["clock_settime", "settimeofday"]),
    ("SYS_TTY_CONFIG", &["vhangup"]),
];

/// `clone` flags that make a namespace: mount, cgroup, UTS, IPC, user, process, network.
const NAMESPACE_FLAGS: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Execution domains that change no more than what `uname` says: Linux, 32 bit, both with and without it; all ones asks.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The capabilities on which our profile depends.
pub(super) fn deciding_capabilities() -> impl Iterator<Item = &'static str> {
    BY_CAPABILITY.iter().map(|(capability, _)| *capability)
}

/// The profile for a container that holds the capabilities that `has` affirms.
///
/// Refused calls fail with EPERM. Calls that this release does not know fail with ENOSYS, so that a C library newer than
/// this program falls back to older ones; `clone3` does so too, because its flags are out of a filter's sight.
#[must_use]
pub fn default_profile(has: impl Fn(&str) -> bool) -> Profile {
    let mut allowed: BTreeMap<&str, bool> = NEVER.iter().map(|&name| (name, false)).collect();
    for (capability, names) in BY_CAPABILITY {
        for &name in *names {
            *allowed.entry(name).or_default() |= has(capability);
        }
    }
    let administrator = has("SYS_ADMIN");
    let refuse = Action::Refuse(Errno::EPERM);
    let mut rules = Vec::new();
    for &(name, syscall) in table::SYSCALLS.iter() {
        if name == "clone3" && !administrator {
            continue;
        }
        let action = if allowed.get(name).copied().unwrap_or(true) { Action::Allow } else { refuse };
        rules.push(Rule { syscall, conditions: Vec::new(), action });
    }
    let refuse_when = |syscall, conditions| Rule { syscall, conditions, action: refuse };
    if !administrator {
        rules.extend(NAMESPACE_FLAGS.map(|flag| {
            let flag = u64::from(flag.unsigned_abs());
            refuse_when(libc::SYS_clone, vec![Condition { argument: 0, compare: Compare::Masked(flag), value: flag }])
        }));
    }
    let strange = PERSONALITIES.map(|value| Condition { argument: 0, compare: Compare::NotEqual, value });
    rules.push(refuse_when(libc::SYS_personality, strange.to_vec()));
    // Reaches the hypervisor past the network namespace. The kernel looks at the low half of the argument only.
    let vsock = u64::from(libc::AF_VSOCK.unsigned_abs());
    let low_half = Compare::Masked(0xffff_ffff);
    rules.push(refuse_when(libc::SYS_socket, vec![Condition { argument: 0, compare: low_half, value: vsock }]));
    Profile { name: "RuntimeDefault".to_owned(), default: Action::Refuse(Errno::ENOSYS), rules }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(profile: &Profile, syscall: i64, expected: Option<Action>) {
        let found = profile.rules.iter().find(|rule| rule.syscall == syscall && rule.conditions.is_empty());
        assert_eq!(found.map(|rule| rule.action), expected, "system call {syscall}");
    }

    #[test]
    fn ordinary_calls_pass_and_the_nodes_are_refused() {
        let profile = default_profile(|_| false);
        let refused = Some(Action::Refuse(Errno::EPERM));
        check(&profile, libc::SYS_openat, Some(Action::Allow));
        check(&profile, libc::SYS_clone, Some(Action::Allow));
        check(&profile, libc::SYS_mount, refused);
        check(&profile, libc::SYS_unshare, refused);
        check(&profile, libc::SYS_keyctl, refused);
        check(&profile, libc::SYS_clone3, None);
    }

    #[test]
    fn capabilities_open_what_they_are_for() {
        check(&default_profile(|name| name == "SYS_TIME"), libc::SYS_clock_settime, Some(Action::Allow));
        check(&default_profile(|name| name == "BPF"), libc::SYS_bpf, Some(Action::Allow));
        let administrator = default_profile(|name| name == "SYS_ADMIN");
        check(&administrator, libc::SYS_mount, Some(Action::Allow));
        check(&administrator, libc::SYS_clone3, Some(Action::Allow));
        check(&administrator, libc::SYS_kexec_load, Some(Action::Refuse(Errno::EPERM)));
    }

    #[test]
    fn every_name_in_the_lists_is_a_system_call() {
        let listed = NEVER.iter().chain(BY_CAPABILITY.iter().flat_map(|(_, names)| names.iter()));
        let unknown: Vec<_> = listed.filter(|name| !table::SYSCALLS.iter().any(|(known, _)| known == *name)).collect();
        #[cfg(target_arch = "x86_64")]
        assert!(unknown.is_empty(), "misspelt: {unknown:?}");
        #[cfg(not(target_arch = "x86_64"))]
        assert!(unknown.len() < 20, "misspelt: {unknown:?}");
    }
}
