//! The real kubectl.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::tool;

/// Longest run of one command, in seconds; `timeout` ends it with exit code 124.
const LIMIT: &str = "90";

/// The newest. `tests/clients` plays the others too.
const PROGRAM: &str = "kubectl-1.37/kubectl";

/// A kubectl that speaks to one cluster, in one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) namespace: String,
}

/// What a command answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Kubectl {
    /// Runs a command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok()
    }

    /// Runs a command with text on its standard input, as `-f -` reads it.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Answer {
        let mut child = self.spawn_with(arguments, Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        // A command may refuse its arguments without reading.
        stdin.write_all(input.as_bytes()).unwrap_or_default();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer {
            command: format!("kubectl {}", arguments.join(" ")),
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Creates what a manifest says.
    #[track_caller]
    pub(crate) fn create(&self, manifest: &str) {
        self.run_with(&["create", "-f", "-"], manifest).ok();
    }

    /// Creates a namespace.
    #[track_caller]
    pub(crate) fn create_namespace(&self, name: &str) {
        self.run(&["create", "namespace", name]).ok();
    }

    /// Starts a command that goes on, such as a watch; its output is piped.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(arguments, Stdio::null())
    }

    fn spawn_with(&self, arguments: &[&str], stdin: Stdio) -> Child {
        let home = self.kubeconfig.parent().unwrap();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LIMIT]).arg(tool(PROGRAM)).arg("--namespace").arg(&self.namespace);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).env("HOME", home).env("KUBECTL_KUBERC", "false");
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Answer {
    /// What it printed; it must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.code == Some(0), "it failed: {self}");
        self.stdout
    }

    /// What it said when it failed, which it must have with that exit code.
    #[track_caller]
    pub(crate) fn refused(self, code: i32) -> String {
        assert!(self.code == Some(code), "wanted exit code {code}: {self}");
        self.stderr
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "{command}\nexit code {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
