//! A whole cluster: the real binary, as a child of the test, in folders of its own. When it goes, it is checked that
//! nothing of it is left on the machine.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::kubectl::Kubectl;
use super::{BIREME, leftovers, wait};

/// Until it is ready, and until it has ended. Debug builds on busy machines are slow; a cluster that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// Lines of each log that a failure shows.
const TAIL: usize = 60;
/// A configuration file in the cluster's folder.
const SETTINGS: &str = "up.yaml";

/// Whether state survives the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Durable,
    Ephemeral,
}

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    kept: Kept,
    /// As whom it runs; root when absent.
    user: Option<u32>,
    folder: tempfile::TempDir,
    parent: Option<Child>,
    instance: String,
    quiet: bool,
}

impl Cluster {
    /// Starts a cluster whose state outlives its processes: see [`Cluster::restart`].
    pub(crate) fn start() -> Self {
        Self::of(Kept::Durable, None)
    }

    /// Starts a cluster of which nothing stays: `up --ephemeral`.
    pub(crate) fn ephemeral() -> Self {
        Self::of(Kept::Ephemeral, None)
    }

    /// Starts a cluster as that user, who is not root.
    pub(crate) fn start_as(user: u32) -> Self {
        Self::of(Kept::Durable, Some(user))
    }

    /// The same with a configuration file, whose settings may name paths in the cluster's folder.
    pub(crate) fn configured(settings: impl FnOnce(&Path) -> String) -> Self {
        Self::prepared(Kept::Durable, None, |folder| {
            let head = "apiVersion: bireme.dev/v1alpha1\nkind: UpConfiguration\n";
            fs::write(folder.join(SETTINGS), format!("{head}{}", settings(folder))).unwrap();
        })
    }

    fn of(kept: Kept, user: Option<u32>) -> Self {
        Self::prepared(kept, user, |_| {})
    }

    fn prepared(kept: Kept, user: Option<u32>, prepare: impl FnOnce(&Path)) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "clusters with a node need root: run the tests as root");
        let folder = tempfile::Builder::new().prefix("bireme-test-").tempdir().unwrap();
        let mut cluster = Self { kept, user, folder, parent: None, instance: String::new(), quiet: false };
        if user.is_some() {
            // By another process: a test that forks meanwhile would hold the copy open for writing, and it could not be run.
            assert!(Command::new("cp").arg(BIREME).arg(cluster.folder().join("bireme")).status().unwrap().success());
            chown(cluster.folder(), user, user).unwrap();
        }
        prepare(cluster.folder());
        cluster.launch();
        cluster
    }

    /// Starts the processes on the folder as it is, and waits until they are ready.
    fn launch(&mut self) {
        let log = File::create(self.log()).unwrap();
        let mut up = self.bireme();
        up.args(["up", "--listen", "127.0.0.1:0", "--node-name", "node", "--kubeconfig"]).arg(self.kubeconfig());
        match self.kept {
            Kept::Durable => up.arg("--data-dir").arg(self.data()),
            Kept::Ephemeral => up.arg("--ephemeral"),
        };
        let settings = self.folder().join(SETTINGS);
        if settings.exists() {
            up.arg("--config").arg(settings);
        }
        up.env("TMPDIR", self.folder.path()).env(leftovers::MARK, self.folder.path());
        self.parent = Some(up.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        self.wait_until("the cluster is ready", LIMIT, |cluster| {
            if let Some(status) = cluster.parent.as_mut().unwrap().try_wait().unwrap() {
                cluster.fail(&format!("bireme up ended with {status}"));
            }
            fs::read_to_string(cluster.log()).unwrap().contains("ready in").then_some(())
        });
        let place = fs::read(self.data().join("place.json")).unwrap();
        let place: serde_json::Value = serde_json::from_slice(&place).unwrap();
        place["instance"].as_str().unwrap().clone_into(&mut self.instance);
    }

    /// A command of the binary, run as the cluster's user, whose copy is in the folder: the way to the original may be closed.
    fn bireme(&self) -> Command {
        let Some(user) = self.user else { return Command::new(BIREME) };
        let mut command = Command::new(self.folder().join("bireme"));
        command.uid(user).gid(user).env("HOME", self.folder()).current_dir(self.folder());
        command
    }

    /// A kubectl in namespace `default`.
    pub(crate) fn kubectl(&self) -> Kubectl {
        Kubectl { kubeconfig: self.kubeconfig(), namespace: "default".into() }
    }

    /// Admin kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A folder for files of the test, gone with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the cluster's things are named by in the kernel.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// Process id of `bireme up`.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.parent.as_ref().expect("the cluster is stopped").id()).unwrap())
    }

    /// Ends the processes as Ctrl-C does; pods of a durable cluster go on. Returns what `up` said.
    pub(crate) fn stop(&mut self) -> String {
        self.end(Signal::SIGINT, true);
        fs::read_to_string(self.log()).unwrap()
    }

    /// Kills `bireme up` without a warning.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::SIGKILL, false);
    }

    /// Starts the processes again on the same data.
    pub(crate) fn restart(&mut self) {
        assert!(self.parent.is_none(), "stop or kill the cluster first");
        self.launch();
    }

    /// Waits until `bireme up` ends by itself; returns its exit code and what it said.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let status = self.wait_until("bireme up ends", LIMIT, |cluster| cluster.parent.as_mut()?.try_wait().unwrap());
        self.parent = None;
        (status.code(), fs::read_to_string(self.log()).unwrap())
    }

    fn end(&mut self, signal: Signal, orderly: bool) {
        kill(self.pid(), signal).unwrap();
        let status = wait::poll(LIMIT, || self.parent.as_mut().unwrap().try_wait().unwrap());
        let Some(status) = status else { self.fail(&format!("bireme up did not end within {LIMIT:?}")) };
        self.parent = None;
        if orderly && !status.success() {
            self.fail(&format!("bireme up ended with {status}"));
        }
    }

    /// Looks until there is something, and returns it; fails with the logs when the time is up.
    #[track_caller]
    pub(crate) fn wait_until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        match wait::poll(limit, || look(self)) {
            Some(found) => found,
            None => self.fail(&format!("not within {limit:?}: {what}")),
        }
    }

    /// Fails the test, showing the logs.
    #[track_caller]
    pub(crate) fn fail(&mut self, why: &str) -> ! {
        self.quiet = true;
        panic!("{why}\n{}", self.logs())
    }

    /// The ends of all logs, and what the API says of pods when it answers.
    pub(crate) fn logs(&self) -> String {
        let ask = |arguments: &[&str]| format!("--- {}\n", self.kubectl().run(arguments));
        let pods = self
            .parent
            .is_some()
            .then(|| ask(&["get", "pods,services", "--all-namespaces", "-o", "wide"]) + &ask(&["describe", "pods"]));
        let files = [self.log(), self.data().join("server.log"), self.data().join("node.log")];
        let tail = |file: &PathBuf| {
            let text = fs::read(file)
                .map_or_else(|error| format!("({error})"), |bytes| String::from_utf8_lossy(&bytes).into());
            let lines: Vec<&str> = text.lines().collect();
            format!("--- end of {}\n{}\n", file.display(), lines[lines.len().saturating_sub(TAIL)..].join("\n"))
        };
        files.iter().map(tail).chain(pods).collect()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("up.log")
    }

    /// Data directory.
    pub(crate) fn data(&self) -> PathBuf {
        match self.kept {
            Kept::Durable => self.folder.path().join("data"),
            Kept::Ephemeral => {
                let id = self.parent.as_ref().map_or(0, Child::id);
                self.folder.path().join(format!("bireme-{id}"))
            }
        }
    }

    /// Ends what runs; returns what went wrong.
    fn clean(&mut self) -> Result<(), String> {
        if let Some(mut parent) = self.parent.take() {
            kill(Pid::from_raw(i32::try_from(parent.id()).unwrap()), Signal::SIGINT)
                .map_err(|error| error.to_string())?;
            let status = wait::poll(LIMIT, || parent.try_wait().ok().flatten());
            if status.is_none() {
                parent.kill().and_then(|()| parent.wait()).map_err(|error| error.to_string())?;
                return Err(format!("bireme up did not end within {LIMIT:?}"));
            }
            if !status.is_some_and(|status| status.success()) {
                return Err(format!("bireme up ended with {status:?}"));
            }
        }
        if self.kept == Kept::Durable {
            let down = self.bireme().args(["down", "--data-dir"]).arg(self.data()).output();
            let down = down.map_err(|error| error.to_string())?;
            if !down.status.success() {
                return Err(format!("bireme down: {}", String::from_utf8_lossy(&down.stderr)));
            }
        }
        // The janitor of an ephemeral cluster works on after its parent.
        wait::poll(LIMIT, || leftovers::of(&self.instance, self.folder.path()).is_empty().then_some(()))
            .ok_or_else(|| format!("left on the machine: {:#?}", leftovers::of(&self.instance, self.folder.path())))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        if failing && !self.quiet {
            eprintln!("{}", self.logs());
        }
        match self.clean() {
            Err(error) if failing => eprintln!("and then: {error}"),
            Err(error) => panic!("{error}\n{}", self.logs()),
            Ok(()) => {}
        }
    }
}
