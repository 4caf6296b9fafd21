//! The last steps inside a container, in an order that the kernel dictates: each step gives up what the ones before needed.

use std::convert::Infallible;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::stat::{Mode, SFlag, fstat, umask};
use nix::unistd::{Gid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchdir, fchown, getcwd, setsid};

use super::capability::Capabilities;
use super::command::Command;
use super::error::errno_of;
use super::identity::{self, Identity};
use super::in_root::Root;
use super::seccomp::Filter;
use super::spawn::Channel;
use super::{LaunchError, Process, Stdio, UserNamespace, apparmor, sys, tty};

/// All that can be decided before there is a child: wrong configuration is found here, without one.
#[derive(Debug)]
pub(super) struct Prepared {
    command: Command,
    capabilities: Capabilities,
    filter: Filter,
    /// A process without the right to load filters gets it by giving up new privileges.
    no_new_privileges: bool,
}

impl Prepared {
    pub(super) fn new(process: &Process, users: Option<&UserNamespace>) -> Result<Self, LaunchError> {
        let security = &process.security;
        identity::verify_non_root(security, process.image_user.as_deref())?;
        // Who enters a user namespace has every capability there.
        let available = if users.is_some() { Capabilities::ALL } else { Capabilities::available()? };
        let capabilities = Capabilities::of(security, available)?;
        let filter = Filter::of(security, |name| capabilities.has(name))?;
        Ok(Self {
            command: Command::new(process)?,
            capabilities,
            no_new_privileges: security.no_new_privileges || !available.has("SYS_ADMIN"),
            filter,
        })
    }
}

/// Ids of a pod that has its own, and whether the process' mounts are still to become the pod's.
#[derive(Clone, Copy)]
pub(super) struct Users<'a> {
    pub(super) users: &'a UserNamespace,
    pub(super) own_mounts: bool,
}

/// Becomes the process. The file system is entered already; `terminal` is the process' terminal when it has one.
pub(super) fn become_process(
    process: &Process,
    mut prepared: Prepared,
    terminal: Option<tty::Terminal>,
    users: Option<Users<'_>>,
    channel: &Channel,
) -> Result<Infallible, LaunchError> {
    let mut root = Root::current().map_err(LaunchError::system("open the container's root"))?;
    let identity = identity::resolve(&root, &process.security, process.image_user.as_deref())?;
    prepared.command.set_home(&identity);
    channel.tell_user(identity.user())?;

    set_oom_score(process.oom_score_adj, channel);
    setsid().map_err(LaunchError::system("start a session"))?;
    connect(&process.stdio, terminal, &Owner::of(&identity, users)?, channel)?;
    sys::close_on_exec_from(3).map_err(LaunchError::system("close the node's descriptors"))?;
    sys::reset_signals().map_err(LaunchError::system("reset signals"))?;
    umask(Mode::from_bits_truncate(0o022));
    if let Some(Users { users, own_mounts }) = users {
        drop(root);
        users.join(own_mounts)?;
        root = Root::current().map_err(LaunchError::system("open the container's root"))?;
    }
    enter_directory(&root, &process.cwd)?;
    drop(root);

    // Loading a filter takes CAP_SYS_ADMIN, which the next step gives up, or no-new-privileges, which changes what setuid
    // programs mean in the container and is therefore not for all.
    if !prepared.no_new_privileges {
        prepared.filter.load()?;
    }
    prepared.capabilities.bound().map_err(LaunchError::system("bound capabilities"))?;
    sys::set_ids(identity.uid, identity.gid, &identity.groups)
        .map_err(LaunchError::system(format!("become user {} and group {}", identity.uid, identity.gid)))?;
    prepared.capabilities.assume(identity.uid).map_err(LaunchError::system("set capabilities"))?;
    let executable = prepared.command.find()?;
    if prepared.no_new_privileges {
        prctl::set_no_new_privs().map_err(LaunchError::system("give up new privileges"))?;
        prepared.filter.load()?;
    }
    if let Some(profile) = &process.security.apparmor {
        apparmor::at_exec(profile)?;
    }
    executable.execute()
}

/// The node's ids of who the process will be.
struct Owner {
    uid: Uid,
    gid: Gid,
}

impl Owner {
    fn of(identity: &Identity, users: Option<Users<'_>>) -> Result<Self, LaunchError> {
        let on_node = |id: u32| match users {
            Some(Users { users, .. }) => users.range().on_node(id).ok_or(LaunchError::NoId(id)),
            None => Ok(id),
        };
        Ok(Self { uid: Uid::from_raw(on_node(identity.uid)?), gid: Gid::from_raw(on_node(identity.gid)?) })
    }
}

fn set_oom_score(score: Option<i32>, channel: &Channel) {
    let Some(score) = score else { return };
    if let Err(error) = fs::write("/proc/self/oom_score_adj", score.to_string()) {
        channel.warn(format!("oom_score_adj stays as it is, {score} was refused: {error}"));
    }
}

/// Makes the standard streams, and gives them to the user so that `/dev/stdout` can be opened by name.
fn connect(
    stdio: &Stdio,
    terminal: Option<tty::Terminal>,
    owner: &Owner,
    channel: &Channel,
) -> Result<(), LaunchError> {
    let failed = LaunchError::system;
    match (stdio, terminal) {
        (Stdio::Pipes { stdin, stdout, stderr }, _) => {
            match stdin {
                Some(stdin) => dup2_stdin(stdin),
                None => open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).and_then(dup2_stdin),
            }
            .and_then(|()| dup2_stdout(stdout))
            .and_then(|()| dup2_stderr(stderr))
            .map_err(failed("connect the standard streams"))?;
            let pipes = [stdin.as_ref(), Some(stdout), Some(stderr)];
            pipes
                .into_iter()
                .flatten()
                .try_for_each(|fd| give_pipe(fd, owner))
                .map_err(failed("hand over the standard streams"))
        }
        (Stdio::Terminal, Some(tty::Terminal { master, slave })) => {
            sys::set_controlling_terminal(slave.as_fd())
                .and_then(|()| fchown(&slave, Some(owner.uid), None))
                .and_then(|()| dup2_stdin(&slave))
                .and_then(|()| dup2_stdout(&slave))
                .and_then(|()| dup2_stderr(&slave))
                .map_err(failed("connect the terminal"))?;
            channel.send_console(&master)
        }
        (Stdio::Terminal, None) => Err(failed("find the terminal")(Errno::ENOTTY)),
    }
}

/// Only pipes and sockets: they belong to this container alone, while a file of the node keeps its owner.
fn give_pipe(fd: impl AsFd, owner: &Owner) -> Result<(), Errno> {
    let kind = SFlag::from_bits_truncate(fstat(&fd)?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFIFO {
        return Ok(());
    }
    match fchown(&fd, Some(owner.uid), Some(owner.gid)) {
        Ok(()) | Err(Errno::EPERM | Errno::EROFS | Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Enters the working directory without following links out of the container, and looks where it is then.
fn enter_directory(root: &Root, path: &Path) -> Result<(), LaunchError> {
    let path = if path.as_os_str().is_empty() { PathBuf::from("/") } else { Path::new("/").join(path) };
    let entered = || {
        let directory = match root.open(&path, OFlag::O_PATH | OFlag::O_DIRECTORY) {
            Err(Errno::ENOENT) => root.make_dir(&path)?,
            other => other?,
        };
        fchdir(&directory)?;
        // For a directory outside of the root the kernel answers "(unreachable)…" (CVE-2024-21626).
        if getcwd()?.is_absolute() { Ok(()) } else { Err(Errno::EXDEV) }
    };
    entered().map_err(|source| LaunchError::WorkingDirectory { path: path.clone(), source })
}

/// Gives up all rights of a process that only has to exist.
pub(super) fn become_nobody() -> Result<(), LaunchError> {
    /// The overflow ids, which own nothing.
    const NOBODY: u32 = 65534;
    sys::set_ids(NOBODY, NOBODY, &[]).map_err(LaunchError::system("become nobody"))?;
    sys::set_capabilities(0).map_err(LaunchError::system("give up capabilities"))
}

/// The error number of an I/O error that a step met.
pub(super) fn io_failed(attempt: &str) -> impl FnOnce(std::io::Error) -> LaunchError + '_ {
    move |error| LaunchError::system(attempt)(errno_of(&error))
}
