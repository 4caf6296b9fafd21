//! Plays a transcript with every version of a client, each in a namespace of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::expectation::matches;
use crate::scene::Scene;
use crate::support::{repository, tool};
use crate::transcript::{Step, Transcript, Version};

/// Longest run of one command, in seconds; `timeout` ends it with exit code 124.
const LIMIT: &str = "120";

/// What a client says by chance, whatever the server does: client-go reads on from a watch that it has just given up, and
/// only sometimes notices that it did so itself ("context canceled" is the client's own).
const BY_CHANCE: [&str; 1] = ["unable to decode an event from the watch stream: context canceled"];

/// A client of one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    name: &'static str,
    version: Version,
    /// Its program, and one that looks at what it did.
    tools: &'static [&'static str],
}

/// The kubectls that clusters are promised to.
pub(crate) const KUBECTLS: [Client; 5] = [
    Client { name: "kubectl", version: Version(1, 20), tools: &["kubectl-1.20/kubectl"] },
    Client { name: "kubectl", version: Version(1, 28), tools: &["kubectl-1.28/kubectl"] },
    Client { name: "kubectl", version: Version(1, 30), tools: &["kubectl-1.30/kubectl"] },
    Client { name: "kubectl", version: Version(1, 33), tools: &["kubectl-1.33/kubectl"] },
    Client { name: "kubectl", version: Version(1, 37), tools: &["kubectl-1.37/kubectl"] },
];
/// The helms.
pub(crate) const HELMS: [Client; 2] = [
    Client { name: "helm", version: Version(3, 8), tools: &["helm-3.8/helm", "kubectl-1.37/kubectl"] },
    Client { name: "helm", version: Version(4, 3), tools: &["helm-4.3/helm", "kubectl-1.37/kubectl"] },
];
/// The Python client.
pub(crate) const PYTHON: [Client; 1] = [Client { name: "python", version: Version(37, 0), tools: &[] }];
/// Where it was installed.
const PYTHON_PACKAGE: &str = "python-client/kubernetes/__init__.py";

/// What a command did that the transcript does not say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    line: usize,
    command: String,
    expected: String,
    seen: String,
}

/// Plays `tests/clients/NAME.md`. All versions play side by side; all differences are reported at once.
#[track_caller]
pub(crate) fn play(name: &str, clients: &[Client]) {
    let text = fs::read_to_string(repository(&format!("tests/clients/{name}.md"))).unwrap();
    let transcript = Transcript::parse(&text).unwrap_or_else(|why| panic!("{name}.md: {why}"));
    let scene = Scene::shared();
    let stages: Vec<_> = clients.iter().map(|client| Stage::new(&scene, name, *client)).collect();
    let mut differences: BTreeMap<Difference, Vec<Version>> = BTreeMap::new();
    std::thread::scope(|threads| {
        let plays: Vec<_> = stages.iter().map(|stage| threads.spawn(|| stage.play(&transcript))).collect();
        for (stage, play) in stages.iter().zip(plays) {
            for difference in play.join().unwrap() {
                differences.entry(difference).or_default().push(stage.client.version);
            }
        }
    });
    let mut report = String::new();
    for (Difference { line, command, expected, seen }, versions) in &differences {
        let versions: Vec<_> = versions.iter().map(|Version(major, minor)| format!("{major}.{minor}")).collect();
        let versions = versions.join(" ");
        writeln!(report, "tests/clients/{name}.md:{line} ({versions}) $ {command}").unwrap();
        writeln!(report, "--- expected\n{expected}--- seen\n{seen}").unwrap();
    }
    assert!(differences.is_empty(), "{} differences\n{report}", differences.len());
}

/// Where one client plays.
struct Stage {
    client: Client,
    folder: tempfile::TempDir,
    /// What commands find in their environment; output that says the same is expected by the variable's name.
    variables: Vec<(&'static str, String)>,
    home: PathBuf,
    transcripts: PathBuf,
}

impl Stage {
    fn new(scene: &Scene, name: &str, client: Client) -> Self {
        let Version(major, minor) = client.version;
        let namespace = format!("{}-{major}-{minor}", name.replace('_', "-"));
        scene.cluster.kubectl().create_namespace(&namespace);
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = fs::read_to_string(scene.cluster.kubeconfig()).unwrap();
        let mut kubeconfig: serde_json::Value = serde_yaml_ng::from_str(&kubeconfig).unwrap();
        kubeconfig["contexts"][0]["context"]["namespace"] = namespace.clone().into();
        let file = folder.path().join(".kubeconfig");
        fs::write(&file, kubeconfig.to_string()).unwrap();
        // helm warns of a file that others may read.
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let home = scene.cluster.folder().join(format!("{}-{major}.{minor}", client.name));
        fs::create_dir_all(&home).unwrap();
        let variables = vec![("NAMESPACE", namespace), ("IMAGE", scene.image.clone()), ("WEB", scene.web.clone())];
        Self { client, folder, variables, home, transcripts: repository("tests/clients") }
    }

    fn play(&self, transcript: &Transcript) -> Vec<Difference> {
        for file in &transcript.files {
            let path = self.folder.path().join(&file.name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, self.filled(&file.text)).unwrap();
        }
        let steps = transcript.steps.iter().filter(|step| step.is_for(self.client.version));
        steps.filter_map(|step| self.perform(step).err()).collect()
    }

    /// The text with its variables.
    fn filled(&self, text: &str) -> String {
        self.variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    fn perform(&self, step: &Step) -> Result<(), Difference> {
        let folder = |tool: PathBuf| tool.parent().unwrap().to_owned();
        let tools = self.client.tools.iter().map(|program| folder(tool(program)));
        let path: Vec<_> = tools.chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())).collect();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LIMIT, "sh", "-c", &step.command]).current_dir(self.folder.path());
        command.env("PATH", std::env::join_paths(path).unwrap()).env("HOME", &self.home).env("LC_ALL", "C");
        command.env("KUBECONFIG", self.folder.path().join(".kubeconfig")).env("KUBECTL_KUBERC", "false");
        find_python_client(&mut command);
        command.env("TRANSCRIPTS", &self.transcripts).envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let fill = |lines: Vec<&str>| -> Vec<String> { lines.into_iter().map(|line| self.filled(line)).collect() };
        let (out, err) = (fill(step.stdout(self.client.version)), fill(step.stderr(self.client.version)));
        let meant = |line: &&str| !BY_CHANCE.iter().any(|chance| line.contains(chance));
        let same = |expected: &[String], seen: &str| {
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            matches(&expected, &seen.lines().filter(meant).collect::<Vec<_>>())
        };
        let code = output.status.code().unwrap_or(-1);
        if code == step.code && same(&out, &stdout) && same(&err, &stderr) {
            return Ok(());
        }
        let seen_lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        Err(Difference {
            line: step.line,
            command: step.command.clone(),
            expected: self.generic(&written(&out, &err, step.code)),
            seen: self.generic(&written(&seen_lines(&stdout), &seen_lines(&stderr), code)),
        })
    }

    /// The text with the names of variables in place of their values, so that versions that differ alike are reported once.
    fn generic(&self, text: &str) -> String {
        self.variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("${name}")))
    }
}

/// Lets a command's Python find the client.
pub(crate) fn find_python_client(command: &mut Command) {
    let package = tool(PYTHON_PACKAGE);
    let packages = package.ancestors().nth(2).unwrap();
    command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
}

/// As it stands in a transcript.
fn written(stdout: &[String], stderr: &[String], code: i32) -> String {
    let out = stdout.iter().map(|line| format!("{line}\n"));
    let err = stderr.iter().map(|line| format!("! {line}\n"));
    let code = (code != 0).then(|| format!("? {code}\n"));
    out.chain(err).chain(code).collect()
}
