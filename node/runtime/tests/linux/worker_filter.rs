//! What a Wasm worker may not do, whoever runs in it.

use libc::{c_int, c_long};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::ForkResult;
use runtime::linux::LaunchError;
use runtime::linux::seccomp::{Filter, worker_profile};

use super::sys;

/// Calls with arguments that do nothing even where they are allowed.
const REFUSED: [(&str, c_long); 24] = [
    ("execve", libc::SYS_execve),
    ("execveat", libc::SYS_execveat),
    ("ptrace", libc::SYS_ptrace),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("move_mount", libc::SYS_move_mount),
    ("open_tree", libc::SYS_open_tree),
    ("fsopen", libc::SYS_fsopen),
    ("pivot_root", libc::SYS_pivot_root),
    ("chroot", libc::SYS_chroot),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("bpf", libc::SYS_bpf),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("keyctl", libc::SYS_keyctl),
    ("setresuid", libc::SYS_setresuid),
    ("capset", libc::SYS_capset),
    ("kill", libc::SYS_kill),
    ("fchmodat", libc::SYS_fchmodat),
    ("fchownat", libc::SYS_fchownat),
    ("mknodat", libc::SYS_mknodat),
];

/// Answer of a process that could not load the filter: no error number.
const UNCONFINED: c_int = 255;

fn confine() -> Result<(), LaunchError> {
    nix::sys::prctl::set_no_new_privs().ok();
    Filter::compile(&worker_profile())?.load()
}

/// The answer to a call in a process of its own, because a filter cannot be taken off again: 0, or its error number.
fn answer(filtered: bool, number: c_long, arguments: [c_long; 3]) -> c_int {
    match sys::split().unwrap() {
        ForkResult::Child => {
            // A panic here would go on as a second copy of this program.
            if filtered && confine().is_err() {
                sys::exit_now(UNCONFINED)
            }
            sys::exit_now(sys::call(number, arguments))
        }
        ForkResult::Parent { child } => match waitpid(child, None).unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("call {number} ended its process: {other:?}"),
        },
    }
}

pub(crate) fn nothing_but_a_guest_runs_in_a_worker() {
    for (name, number) in REFUSED {
        assert_eq!(answer(true, number, [0; 3]), libc::EPERM, "{name}");
        // The control: it is the filter that refuses.
        assert_ne!(answer(false, number, [0; 3]), libc::EPERM, "{name} fails without the filter too");
    }
    assert_eq!(answer(true, libc::SYS_clone3, [0; 3]), libc::ENOSYS, "the C library falls back");
    let fork = c_long::from(libc::SIGCHLD);
    assert_eq!(answer(true, libc::SYS_clone, [fork, 0, 0]), libc::EPERM, "a process of its own");
}

pub(crate) fn sockets_are_of_the_internet_only() {
    let socket =
        |filtered, family: c_int| answer(filtered, libc::SYS_socket, [family.into(), libc::SOCK_DGRAM.into(), 0]);
    for family in [libc::AF_INET, libc::AF_INET6] {
        assert_eq!(socket(true, family), 0);
    }
    for family in [libc::AF_UNIX, libc::AF_NETLINK] {
        assert_eq!((socket(true, family), socket(false, family)), (libc::EPERM, 0));
    }
    let raw = libc::SYS_prctl;
    assert_eq!(answer(true, raw, [libc::PR_SET_NAME.into(), c"thread".as_ptr() as c_long, 0]), 0);
    assert_eq!(answer(true, raw, [libc::PR_SET_DUMPABLE.into(), 1, 0]), libc::EPERM);
}
