//! What remains when everything else of an ephemeral cluster has been killed: one process that cleans up.

use std::io::{self, Read};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};

/// Blocks until the other end of `pipe` is closed, which the kernel does even for a parent killed by `SIGKILL`, and then
/// does `work`. The process moves to a session of its own and blocks the signals that a terminal or a supervisor sends to
/// the parent's group, so that it outlives the parent by as long as the work takes.
///
/// # Errors
/// When the session or the signal mask cannot be set, when the pipe cannot be read, and those of `work`.
pub fn janitor(pipe: OwnedFd, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match nix::unistd::setsid() {
        // The leader of a process group already stands apart from its parent's.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut outlived = SigSet::empty();
    outlived.extend([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    outlived.thread_block()?;
    wait_for_end(std::fs::File::from(pipe))?;
    work()
}

/// Reads and forgets until the end. What the parent writes has no meaning.
fn wait_for_end(mut pipe: impl Read) -> io::Result<()> {
    let mut sink = [0_u8; 64];
    loop {
        match pipe.read(&mut sink) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn waits_for_the_end_and_then_works() {
        let (read, write) = std::io::pipe().unwrap();
        let done = std::thread::spawn(move || {
            let mut read = read;
            wait_for_end(&mut read).map(|()| "cleaned")
        });
        let mut write = write;
        write.write_all(b"noise").unwrap();
        assert!(!done.is_finished(), "the parent still lives");
        drop(write);
        assert_eq!(done.join().unwrap().unwrap(), "cleaned");
    }
}
