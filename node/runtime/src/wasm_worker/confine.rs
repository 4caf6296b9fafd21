//! What a worker gives up before it runs a guest.

use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Pid, Uid};

use super::{Streams, Worker, filter};
use crate::privileges::Privileges;
use crate::shim::{ShimError, attempt};
use crate::sys;

/// Where volumes are in a worker's root. They are not nested as in the guest: a volume's content is its tenant's, and a link
/// in it must not decide where the next one is mounted.
const VOLUMES: &str = "volumes";

/// Files of the node that name lookup and TLS read, shown read-only when they exist.
const SHARED: [&str; 2] = ["/etc/ssl/certs", "/usr/share/ca-certificates"];

/// Where the volume with this number is, as the worker sees it.
pub(super) fn volume(number: usize) -> PathBuf {
    Path::new("/").join(VOLUMES).join(number.to_string())
}

/// Confines the calling process, which is a fresh fork of `shim`. The descriptors in `keep` stay open.
pub(super) fn confine(worker: &Worker<'_>, shim: Pid, streams: Streams, keep: &[RawFd]) -> Result<(), ShimError> {
    attempt("become a session of its own", nix::unistd::setsid())?;
    attempt("redirect standard input", nix::unistd::dup2_stdin(&streams.stdin))?;
    attempt("redirect standard output", nix::unistd::dup2_stdout(&streams.stdout))?;
    attempt("redirect standard error", nix::unistd::dup2_stderr(&streams.stderr))?;
    drop(streams);
    attempt("set the process name", nix::sys::prctl::set_name(c"bireme-wasm"))?;
    worker.group.enter()?;
    attempt("close the shim's descriptors", sys::close_all_but(keep))?;
    // Handlers stay: the engine, which was made in the zygote, turns SIGFPE, SIGILL and SIGSEGV of a guest into traps.
    attempt("unblock signals", SigSet::empty().thread_set_mask())?;
    match worker.privileges {
        Privileges::Root => {
            attempt("change the root", enter_root(worker))?;
            attempt("drop privileges", drop_privileges(worker.wasm.uid, &worker.wasm.groups))?;
        }
        // There is no cgroup by which a worker of a dead shim could be found.
        Privileges::None => attempt("tie the worker to its shim", die_with(shim))?,
    }
    attempt("refuse new privileges", nix::sys::prctl::set_no_new_privs())?;
    attempt("become non-dumpable", nix::sys::prctl::set_dumpable(false))?;
    // The last step: from here on nothing of the above is possible.
    Ok(filter::compiled()?.load()?)
}

fn die_with(shim: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died just before.
    if nix::unistd::getppid() == shim { Ok(()) } else { Err(io::Error::other("the shim is gone")) }
}

/// Makes a root that holds the worker's volumes and the pod's files and nothing else, and moves there.
fn enter_root(worker: &Worker<'_>) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    // Nothing that happens here may show on the node.
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let root = worker.pod.container(&worker.plan.container).join("root");
    std::fs::create_dir_all(&root)?;
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), &root, Some("tmpfs"), harmless, Some("mode=755,size=64k,nr_inodes=1k"))?;
    for (number, volume) in worker.wasm.mounts.iter().enumerate() {
        bind(&volume.host, &root.join(VOLUMES).join(number.to_string()), volume.read_only)?;
    }
    let files = [("etc/hosts", worker.pod.hosts()), ("etc/resolv.conf", worker.pod.resolv_conf())];
    for (target, source) in files {
        bind(&source, &root.join(target), true)?;
    }
    for shared in SHARED.map(Path::new).into_iter().filter(|path| path.exists()) {
        bind(shared, &root.join(shared.strip_prefix("/").unwrap_or(shared)), true)?;
    }
    let proc = root.join("proc");
    std::fs::create_dir(&proc)?;
    let own = Some("hidepid=invisible,subset=pid");
    mount(Some("proc"), &proc, Some("proc"), harmless | MsFlags::MS_NOEXEC, own)?;
    std::env::set_current_dir(&root)?;
    nix::unistd::pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir("/")?;
    mount(none, "/", none, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | harmless, none)?;
    Ok(())
}

fn bind(source: &Path, target: &Path, read_only: bool) -> io::Result<()> {
    let described = |error: io::Error| io::Error::new(error.kind(), format!("show {}: {error}", source.display()));
    let make = || -> io::Result<()> {
        if source.is_dir() {
            std::fs::create_dir_all(target)?;
        } else {
            target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            drop(std::fs::File::create(target)?);
        }
        let none: Option<&str> = None;
        mount(Some(source), target, none, MsFlags::MS_BIND, none)?;
        let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        flags.set(MsFlags::MS_RDONLY, read_only);
        mount(none, target, none, flags, none)?;
        Ok(())
    };
    make().map_err(described)
}

/// Ends with an unprivileged identity and no way back: ids, capabilities, bounding set.
fn drop_privileges(uid: u32, groups: &[u32]) -> io::Result<()> {
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    nix::unistd::setgroups(&groups)?;
    let gid = Gid::from_raw(uid);
    nix::unistd::setresgid(gid, gid, gid)?;
    sys::drop_bounding_set()?;
    let uid = Uid::from_raw(uid);
    // Leaving uid 0 for good clears the permitted, effective and ambient sets (capabilities(7)).
    nix::unistd::setresuid(uid, uid, uid)?;
    Ok(())
}
