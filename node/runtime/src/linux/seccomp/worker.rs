//! The profile of Wasm workers: what the engine, its threads, files and sockets use, and nothing else.
//!
//! A guest reaches the kernel only through the engine. This is the wall behind that one: whoever breaks out of the engine
//! finds no way to another program, process, namespace or mount.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::{Action, Compare, Condition, Profile, Rule, table};

/// Memory, threads, signals and time of one process.
const PROCESS: &[&str] = &[
    "arch_prctl",
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "futex_requeue",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "madvise",
    "membarrier",
    "memfd_create",
    "mincore",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "nanosleep",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "tgkill",
    "time",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "uname",
];

/// Files below preopened directories, and descriptors of all kinds. Nothing that changes an owner or a mode: WASI has neither.
const FILES: &[&str] = &[
    "access",
    "close",
    "close_range",
    "copy_file_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fcntl",
    "fdatasync",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "linkat",
    "lseek",
    "lstat",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe2",
    "poll",
    "ppoll",
    "pread64",
    "preadv",
    "preadv2",
    "pselect6",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "renameat",
    "renameat2",
    "sendfile",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlinkat",
    "sync_file_range",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
];

/// Sockets; making one has conditions.
const SOCKETS: &[&str] = &[
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
];

/// Compares the low half of an argument, which is all that the kernel reads of an `int`.
const INT: Compare = Compare::Masked(0xffff_ffff);

/// Calls that are allowed with these values of one argument only.
fn conditional() -> Vec<(&'static str, u8, Compare, Vec<u64>)> {
    let int = |value: i32| u64::from(value.cast_unsigned());
    // A thread of this process, never a process of its own.
    let thread = int(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND);
    // The names of threads and memory, for debuggers.
    let names = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA].map(int);
    // Whether it is a terminal, how much can be read, and not to wait.
    let requests = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX];
    vec![
        ("clone", 0, Compare::Masked(thread), vec![thread]),
        ("prctl", 0, INT, names.to_vec()),
        ("ioctl", 1, INT, requests.to_vec()),
        // Of this process only.
        ("prlimit64", 0, INT, vec![0]),
        ("socket", 0, INT, [libc::AF_INET, libc::AF_INET6].map(int).to_vec()),
        // The engine's tasks wake each other through one.
        ("socketpair", 0, INT, vec![int(libc::AF_UNIX)]),
    ]
}

/// The profile. What it does not allow fails with EPERM, but `clone3`, whose flags are out of a filter's sight: it fails as
/// on a kernel without it, and C libraries then make their threads with `clone`.
#[must_use]
pub fn worker_profile() -> Profile {
    let numbers: BTreeMap<&str, i64> = table::SYSCALLS.iter().copied().collect();
    // An architecture lacks what newer calls have replaced.
    let free = [PROCESS, FILES, SOCKETS].concat().into_iter().filter_map(|name| numbers.get(name));
    let mut rules: Vec<Rule> =
        free.map(|&syscall| Rule { syscall, conditions: Vec::new(), action: Action::Allow }).collect();
    for (name, argument, compare, values) in conditional() {
        let Some(&syscall) = numbers.get(name) else { continue };
        rules.extend(values.into_iter().map(|value| Rule {
            syscall,
            conditions: vec![Condition { argument, compare, value }],
            action: Action::Allow,
        }));
    }
    rules.push(Rule { syscall: libc::SYS_clone3, conditions: Vec::new(), action: Action::Refuse(Errno::ENOSYS) });
    Profile { name: "wasm worker".to_owned(), default: Action::Refuse(Errno::EPERM), rules }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_name_in_the_lists_is_a_system_call() {
        let listed =
            [PROCESS, FILES, SOCKETS].concat().into_iter().chain(conditional().into_iter().map(|(name, ..)| name));
        let unknown: Vec<_> = listed.filter(|name| !table::SYSCALLS.iter().any(|(known, _)| known == name)).collect();
        assert!(unknown.is_empty(), "misspelt: {unknown:?}");
    }
}
