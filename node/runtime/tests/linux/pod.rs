//! What every check needs: a pod's namespaces, an image, a container, and the removal of all.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2, sethostname};
use runtime::cgroup::{Group, Hierarchy};
use runtime::contract::{Limits, Mount, Security};
use runtime::linux::{LaunchError, LaunchSpec, Launched, PidNamespace, Process, Rootfs, Stdio, UserNamespace, launch};
use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";

/// Becomes what a shim is: a process in the network, IPC and UTS namespaces of a pod.
pub(crate) fn enter() {
    assert!(nix::unistd::geteuid().is_root(), "these checks make namespaces and control groups: run them as root");
    assert!(Path::new(BUSYBOX).exists(), "{BUSYBOX} is missing: apt-get install busybox-static");
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS).unwrap();
    sethostname("pod-a").unwrap();
}

/// A container's directories and group; dropping it removes them and what still runs inside.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) group: Group,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) security: Security,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    pub(crate) image_user: Option<String>,
    pub(crate) lowers: Vec<PathBuf>,
    pub(crate) pid_namespace: PidNamespace,
    pub(crate) users: Option<Arc<UserNamespace>>,
    top: Group,
}

/// What a finished process left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) output: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_limits(&Limits::default())
    }

    pub(crate) fn with_limits(limits: &Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let name = format!("bireme-test-{}", dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'));
        let hierarchy = Hierarchy::detect().unwrap();
        let top = hierarchy.group(&name).unwrap();
        let group = hierarchy.group(&format!("{name}/pod/container")).unwrap();
        group.create(limits).unwrap();
        let image = dir.path().join("image");
        make_image(&image);
        for name in ["upper", "work", "merged"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            lowers: vec![image],
            dir,
            group,
            top,
            mounts: Vec::new(),
            security: Security::default(),
            env: Vec::new(),
            cwd: "/".into(),
            image_user: None,
            pid_namespace: PidNamespace::Own,
            users: None,
        }
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    pub(crate) fn process(&self, command: &[&str], stdio: Stdio) -> Process {
        Process {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            env: self.env.clone(),
            cwd: self.cwd.clone(),
            image_user: self.image_user.clone(),
            security: self.security.clone(),
            stdio,
            oom_score_adj: None,
        }
    }

    pub(crate) fn start(&self, command: &[&str], stdio: Stdio) -> Result<Launched, LaunchError> {
        let at = |name: &str| self.dir.path().join(name);
        launch(&LaunchSpec {
            process: self.process(command, stdio),
            rootfs: Rootfs { lowers: self.lowers.clone(), upper: at("upper"), work: at("work"), merged: at("merged") },
            mounts: self.mounts.clone(),
            pid_namespace: self.pid_namespace.clone(),
            users: self.users.clone(),
            group: self.group.clone(),
        })
    }

    /// Runs a command to its end; both output streams in one.
    pub(crate) fn run(&self, command: &[&str]) -> Result<Outcome, LaunchError> {
        let (reader, stdio) = pipes();
        let started = self.start(command, stdio)?;
        Ok(finish(&started, reader))
    }

    /// Runs a shell script and expects what it prints.
    pub(crate) fn check(&self, script: &str, expected: &str) {
        let outcome = self.run(&["sh", "-c", script]).unwrap_or_else(|error| panic!("{script}: {error}"));
        assert_eq!(outcome.output.trim_end(), expected, "{script} (exit code {})", outcome.code);
    }

    /// A directory of the node, mounted into the container.
    pub(crate) fn volume(&mut self, name: &str, container: &str, read_only: bool) -> PathBuf {
        let host = self.dir.path().join(name);
        fs::create_dir_all(&host).unwrap();
        self.mounts.push(Mount::new(&host, container, read_only));
        host
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // A failed check may have left processes; a second panic here would hide the first.
        let killed = self.top.kill_all();
        while waitpid(Pid::from_raw(-1), None).is_ok() {}
        let removed = self.top.remove();
        if !std::thread::panicking() {
            killed.unwrap();
            removed.unwrap();
        }
    }
}

/// A pipe for both output streams.
pub(crate) fn pipes() -> (OwnedFd, Stdio) {
    let (reader, writer) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let stderr = writer.try_clone().unwrap();
    (reader, Stdio::Pipes { stdin: None, stdout: writer, stderr })
}

/// Reads to the end and reaps.
pub(crate) fn finish(started: &Launched, reader: OwnedFd) -> Outcome {
    let mut output = Vec::new();
    // A terminal ends with EIO when its last user has closed it.
    File::from(reader)
        .read_to_end(&mut output)
        .or_else(|e| if e.raw_os_error() == Some(5) { Ok(0) } else { Err(e) })
        .unwrap();
    Outcome { code: reap(started.pid), output: String::from_utf8_lossy(&output).into_owned() }
}

/// Waits for a process; its exit code as shells give it.
pub(crate) fn reap(pid: i32) -> i32 {
    match waitpid(Pid::from_raw(pid), None).unwrap() {
        WaitStatus::Exited(_, code) => code,
        WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
        other => panic!("unexpected {other:?}"),
    }
}

fn make_image(image: &Path) {
    for dir in ["bin", "etc", "tmp"] {
        fs::create_dir_all(image.join(dir)).unwrap();
    }
    fs::copy(BUSYBOX, image.join("bin/busybox")).unwrap();
    let applets = "sh cat id env pwd echo ls mount umount unshare sleep mknod dd head hostname ps stat readlink touch tty stty \
                   chmod kill true grep wc test sort tail";
    for name in applets.split_whitespace() {
        symlink("busybox", image.join("bin").join(name)).unwrap();
    }
    fs::write(image.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n").unwrap();
    fs::write(image.join("etc/group"), "root:x:0:\nweb:x:33:\nlogs:x:44:web\n").unwrap();
    fs::write(image.join("etc/plain"), "not a program\n").unwrap();
}
