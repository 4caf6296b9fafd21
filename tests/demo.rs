//! The demo as its reader sees it: real pods, a real answer, and nothing left, however it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{BIREME, leftovers, repository, sample, wait};

/// Longest time for a demo under a loaded machine, and for its janitor.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running demo with a temporary directory of its own.
struct Demo {
    process: Child,
    folder: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = sample::backend(folder.path());
        let clusters = folder.path().join("clusters");
        std::fs::create_dir(&clusters).unwrap();
        let output = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let mut command = Command::new(BIREME);
        command.arg("demo").arg("--sample").arg(repository("samples/hello")).arg("--backend").arg(backend);
        command.arg("--frontend").arg(repository("samples/hello/frontend/hello-frontend.wasm"));
        command.env("TMPDIR", &clusters).env(leftovers::MARK, &clusters);
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        Self { process: command.spawn().unwrap(), folder }
    }

    fn clusters(&self) -> PathBuf {
        self.folder.path().join("clusters")
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The instance's name, as soon as it has one.
    fn instance(&self) -> String {
        let place = self.clusters().join(format!("bireme-{}", self.process.id())).join("place.json");
        wait::poll(PATIENCE, || instance_in(&place)).unwrap_or_else(|| panic!("no instance: {}", self.text("stderr")))
    }

    fn leaves_nothing(&self, instance: &str) {
        let left = || {
            let files =
                std::fs::read_dir(self.clusters()).unwrap().map(|entry| entry.unwrap().path().display().to_string());
            leftovers::of(instance, &self.clusters()).into_iter().chain(files).collect::<Vec<_>>()
        };
        wait::poll(PATIENCE, || left().is_empty().then_some(())).unwrap_or_else(|| panic!("left: {:#?}", left()));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Ended already, unless the test failed; then the janitor cleans up after the kill.
        self.process.kill().unwrap_or_default();
        self.process.wait().unwrap();
    }
}

fn instance_in(place: &Path) -> Option<String> {
    let place: serde_json::Value = serde_json::from_slice(&std::fs::read(place).ok()?).ok()?;
    Some(place.get("instance")?.as_str()?.to_owned())
}

#[test]
fn the_demo_shows_both_kinds_answering_together_and_leaves_nothing() {
    let mut demo = Demo::start();
    let instance = demo.instance();
    let status = demo.process.wait().unwrap();
    let (stdout, stderr) = (demo.text("stdout"), demo.text("stderr"));
    assert!(status.success(), "{stdout}\n{stderr}");
    assert_eq!(stdout.matches("2/2").count(), 2, "{stdout}");
    let answer = stdout.lines().find_map(|line| line.strip_prefix("hello from wasm; backend says: nonce="));
    let nonce = answer.and_then(|rest| rest.split(' ').next()).unwrap_or_else(|| panic!("no answer: {stdout}"));
    // Once in the log of the Linux neighbour, once in that of the component.
    assert!(stdout.matches(&format!("request nonce={nonce}")).count() >= 2, "{stdout}");
    for step in ["starting the API server", "starting the node", "applying", "asking the Service", "leaving nothing"] {
        assert!(stderr.lines().any(|line| line.contains(" ms  ") && line.contains(step)), "{step}: {stderr}");
    }
    demo.leaves_nothing(&instance);
}

#[test]
fn a_demo_that_is_killed_leaves_nothing() {
    let mut demo = Demo::start();
    let instance = demo.instance();
    wait::poll(PATIENCE, || demo.text("stdout").contains("service/hello created").then_some(()))
        .unwrap_or_else(|| panic!("nothing applied: {}", demo.text("stderr")));
    demo.process.kill().unwrap();
    demo.process.wait().unwrap();
    demo.leaves_nothing(&instance);
}
