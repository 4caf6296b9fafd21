//! Calls of these tests that have no safe form in a library.
#![allow(unsafe_code, reason = "fork, raw system calls, the environment and the end of a machine")]

use std::ffi::{c_int, c_long};

use nix::errno::Errno;
use nix::unistd::{ForkResult, fork};

/// A second copy of this program, which has one thread.
pub(crate) fn split() -> nix::Result<ForkResult> {
    // SAFETY: this program has one thread, so no lock can be held by one that the child lacks.
    unsafe { fork() }
}

/// Ends this process without the exit handlers, which are the parent's to run.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// A system call by number, with integers or null; 0, or its error number.
pub(crate) fn call(number: c_long, arguments: [c_long; 3]) -> c_int {
    // SAFETY: the arguments are integers or null; no call writes through them.
    let result = unsafe { libc::syscall(number, arguments[0], arguments[1], arguments[2], 0, 0, 0) };
    if result < 0 { Errno::last_raw() } else { 0 }
}

/// Sets a variable of this program, which has one thread.
pub(crate) fn set_variable(name: &str, value: &str) {
    // SAFETY: nobody reads the environment at the same time.
    unsafe { std::env::set_var(name, value) }
}

/// Starts the machine again, which ends an emulated one.
pub(crate) fn restart_machine() -> ! {
    // SAFETY: it takes an integer.
    let refused = unsafe { libc::reboot(libc::RB_AUTOBOOT) };
    panic!("the machine does not end: {refused}")
}
