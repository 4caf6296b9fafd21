//! The worker role, and the test's end of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, setresgid, setresuid};
use wasm::{Preloaded, WorkerExit, WorkerSpec};

/// First argument of this executable in the role.
pub(crate) const ROLE: &str = "worker";

/// Printed when the worker says that it is ready.
const READY: &str = "READY";

/// Printed before the worker's exit, as JSON.
const EXIT: &str = "EXIT ";

/// Longest wait for anything a worker does.
const PATIENCE: Duration = Duration::from_secs(30);

/// `worker <spec as JSON> <uid>`, with the compiled code as standard input.
pub(crate) fn role_main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let spec: WorkerSpec = serde_json::from_str(&arguments[0]).unwrap();
    let preloaded = Preloaded::new().unwrap();
    assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1, "preloading starts no thread");
    let code = std::io::stdin();
    let code = File::from(code.as_fd().try_clone_to_owned().unwrap());
    let user: u32 = arguments[1].parse().unwrap();
    if user != 0 {
        setresgid(Gid::from_raw(user), Gid::from_raw(user), Gid::from_raw(user)).unwrap();
        setresuid(Uid::from_raw(user), Uid::from_raw(user), Uid::from_raw(user)).unwrap();
    }
    let exit = wasm::worker::run(&preloaded, spec, code, || println!("{READY}"));
    println!("{EXIT}{}", serde_json::to_string(&exit).unwrap());
    std::io::stdout().flush().unwrap();
    ExitCode::from(u8::try_from(exit.code).unwrap())
}

/// A running worker; killed when the test is over, whatever happened.
pub(crate) struct Worker {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// What a worker has written so far.
struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn of(source: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(source).lines() {
                let mut text = into.lock().unwrap();
                text.push_str(&line.unwrap());
                text.push('\n');
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn collect(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// How a worker ended and what it wrote.
pub(crate) struct Ended {
    pub(crate) exit: WorkerExit,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Worker {
    /// How often its threads have begun to wait for something, all together.
    pub(crate) fn waits(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let waits = tasks.map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            line.trim().parse::<u64>().unwrap()
        });
        waits.sum()
    }

    /// Starts a worker as root, without waiting.
    pub(crate) fn start(spec: &WorkerSpec, code: File) -> Self {
        Self::start_as(0, spec, code)
    }

    pub(crate) fn start_as(user: u32, spec: &WorkerSpec, code: File) -> Self {
        let mut child = Command::new(crate::lab::exe())
            .args([ROLE, &serde_json::to_string(spec).unwrap(), &user.to_string()])
            .stdin(code)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Stream::of(child.stdout.take().unwrap());
        let stderr = Stream::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits until it says that it is ready.
    pub(crate) fn ready(self) -> Self {
        self.wait_for("readiness", |worker| worker.stdout.text().contains(READY));
        self
    }

    /// Waits for a line on its standard error.
    pub(crate) fn says(&self, needle: &str) {
        self.wait_for(needle, |worker| worker.stderr.text().contains(needle));
    }

    pub(crate) fn terminate(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "the worker does not end; it wrote: {}", self.stderr.text()),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (written, stderr) = (self.stdout.collect(), self.stderr.collect());
        let (stdout, exit) = written.rsplit_once(EXIT).unwrap_or_else(|| panic!("no exit in {written:?}; {stderr}"));
        let exit = serde_json::from_str(exit).unwrap();
        Ended { exit, status, stdout: stdout.replace(&format!("{READY}\n"), ""), stderr }
    }

    fn wait_for(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            let written = (self.stdout.text(), self.stderr.text());
            assert!(
                Instant::now() < deadline && !written.0.contains(EXIT),
                "waited for {what}, the worker wrote {written:?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has usually ended; a test that failed leaves nothing running either.
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
