//! Pods come and go while agent and shims are killed without a warning: every end is told as it was, and nothing stays.
//!
//! The gate runs a short one; `BIREME_SOAK_PODS` and `BIREME_SOAK_SEED` make it another. Beside it, a crowd starts at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]
#![allow(clippy::print_stdout, reason = "the table is what a person runs it for")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::machine::{self, Process};
use support::scene;
use support::{leftovers, wait};

/// How many pods the gate starts and stops, and the seed of its dice.
const PODS: u64 = 40;
const SEED: u64 = 1;
/// Pods that are there at once: enough to be in each other's way, few enough for many blows.
const BATCH: u64 = 10;
/// Until a batch is where it should be, its restarts and back-offs included.
const LIMIT: Duration = Duration::from_secs(180);
/// Linux pods, and as many Wasm pods, that are asked for at once: more than a node takes by default.
const CROWD: usize = 250;
/// Until a crowd runs, or is gone, on a machine with two cores.
const CROWD_LIMIT: Duration = Duration::from_secs(300);
/// Until what a batch held is given back.
const GIVEN_BACK: Duration = Duration::from_secs(60);

/// Numbers that look random and follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What a pod is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// It ends by itself with that code.
    Ends(i32),
    /// It goes on, in Linux.
    Linux,
    /// It goes on, in Wasm.
    Wasm,
}

#[derive(Clone, Debug)]
struct Wanted {
    name: String,
    task: Task,
    /// Its shim was killed.
    struck: bool,
}

impl Wanted {
    fn roll(dice: &mut Dice, name: String) -> Self {
        const CODES: [i32; 4] = [0, 1, 42, 255];
        let task = match dice.roll(4) {
            0 | 1 => Task::Ends(CODES[usize::try_from(dice.roll(4)).unwrap()]),
            2 => Task::Linux,
            _ => Task::Wasm,
        };
        Self { name, task, struck: false }
    }

    fn manifest(&self, images: &(String, String)) -> String {
        let (busybox, http) = images;
        let linux = |script: &str| format!("{{name: c, image: '{busybox}', args: [sh, -c, '{script}']}}");
        match self.task {
            // Long enough that some end while nobody looks.
            Task::Ends(code) => {
                scene::pod(&self.name, &[&linux(&format!("sleep 0.7; exit {code}"))], &["restartPolicy: Never"])
            }
            Task::Linux => scene::pod(&self.name, &[&linux("trap \"exit 0\" TERM; while :; do sleep 0.1; done")], &[]),
            Task::Wasm => scene::pod(
                &self.name,
                &[&format!("{{name: c, image: '{http}', ports: [{{containerPort: 8080}}]}}")],
                &[],
            ),
        }
    }

    /// Whether the pod is where it should be; an end that is told wrongly fails at once.
    fn arrived(&self, pod: &Value) -> bool {
        let status = &pod["status"];
        let Task::Ends(code) = self.task else {
            return status["phase"] == "Running" && status["containerStatuses"][0]["ready"] == true;
        };
        let ended = &status["containerStatuses"][0]["state"]["terminated"];
        if ended.is_null() || status["phase"] == "Running" || status["phase"] == "Pending" {
            return false;
        }
        let told = (ended["exitCode"].as_i64().unwrap(), ended["reason"].as_str().unwrap_or_default());
        let right = (i64::from(code), if code == 0 { "Completed" } else { "Error" });
        // Its shim went before its start, or nobody saw how it ended.
        let lost = [(128, "StartError"), (137, "ContainerStatusUnknown")];
        assert!(told == right || self.struck && lost.contains(&told), "{} ended with {code}: {pod:#}", self.name);
        true
    }
}

/// What a cluster holds of the machine.
#[derive(Clone, Debug)]
struct Holdings(Vec<(&'static str, Vec<String>)>);

impl Holdings {
    fn of(cluster: &Cluster) -> Self {
        let instance = cluster.instance();
        let run = format!("/run/bireme/{instance}");
        let (folder, prefix) = (cluster.folder().to_str().unwrap().to_owned(), format!("b{instance}"));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts =
            mounts.lines().filter(|line| line.contains(&folder) || line.contains(&run)).map(str::to_owned).collect();
        let groups = machine::folders(&format!("bireme-{instance}"));
        // Shims forget the mark; they are in the cluster's group.
        let mut processes = leftovers::processes(&folder);
        processes.extend(machine::processes(&format!("bireme-{instance}")));
        processes.sort();
        processes.dedup();
        let spaces: std::collections::BTreeSet<String> =
            processes.iter().flat_map(|process| process.namespaces()).collect();
        let links = fs::read_dir("/sys/class/net").unwrap().flatten();
        let links = links
            .map(|link| link.file_name().to_string_lossy().into_owned())
            .filter(|link| link.starts_with(&prefix))
            .collect();
        Self(vec![
            ("mounts", mounts),
            ("cgroups", groups.iter().flat_map(|group| folders(group)).collect()),
            ("namespaces", spaces.into_iter().collect()),
            ("processes", processes.iter().map(|process| process.command()).collect()),
            ("interfaces", links),
            ("files of the node", files(&cluster.data().join("node"))),
            ("files in /run", files(Path::new(&run))),
        ])
    }

    fn print(&self, after: &Self) {
        println!("{:<20}{:>8}{:>8}", "", "before", "after");
        for ((what, before), (_, after)) in self.0.iter().zip(&after.0) {
            println!("{what:<20}{:>8}{:>8}", before.len(), after.len());
        }
        for ((what, before), (_, after)) in
            self.0.iter().zip(&after.0).filter(|(before, after)| before.1.len() != after.1.len())
        {
            let new: Vec<&String> = after.iter().filter(|one| !before.contains(one)).collect();
            println!("{what} differ, these are new: {new:#?}");
        }
    }

    /// Processes and namespaces are others after each blow; how many there are stays.
    fn counts(&self) -> Vec<usize> {
        self.0.iter().map(|(_, held)| held.len()).collect()
    }
}

/// Everything below a folder. What goes while it is looked at is not counted.
fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn is_folder(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn folders(folder: &Path) -> Vec<String> {
    let inner = entries(folder).filter(is_folder).map(|inner| inner.path());
    inner.flat_map(|inner| folders(&inner).into_iter().chain([inner.display().to_string()])).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let below = |entry: &fs::DirEntry| if is_folder(entry) { files(&entry.path()) } else { Vec::new() };
    entries(folder).flat_map(|entry| below(&entry).into_iter().chain([entry.path().display().to_string()])).collect()
}

/// All pods, by name.
fn pods(kubectl: &Kubectl) -> Vec<Value> {
    let all: Value = serde_json::from_str(&kubectl.ok(&["get", "pods", "-o", "json"])).unwrap();
    all["items"].as_array().unwrap().clone()
}

/// The shim of a pod: the parent of the first process in its group. None when nothing of it runs.
fn shim(cluster: &Cluster, pod: &Value) -> Option<Process> {
    let group = machine::pod_group(cluster.instance(), pod["metadata"]["uid"].as_str()?)?;
    let all = machine::processes(&group);
    let parent = all.iter().find_map(|process| process.parent().filter(|parent| !all.contains(parent)))?;
    parent.command().contains("bireme").then_some(parent)
}

fn strike(victim: Process) {
    // It may have ended by itself meanwhile.
    kill(Pid::from_raw(victim.0), Signal::SIGKILL).unwrap_or_default();
}

struct Soak {
    cluster: Cluster,
    dice: Dice,
    images: (String, String),
    shims: u64,
    agents: u64,
}

impl Soak {
    fn batch(&mut self, first: u64, count: u64) {
        let mut wanted: Vec<Wanted> =
            (first..first + count).map(|number| Wanted::roll(&mut self.dice, format!("p{number}"))).collect();
        let manifests: Vec<String> = wanted.iter().map(|pod| pod.manifest(&self.images)).collect();
        scene::create(&self.cluster.kubectl(), &manifests.join("---\n"));
        if self.dice.roll(4) != 0 {
            std::thread::sleep(Duration::from_millis(self.dice.roll(900)));
            self.strike_shims(&mut wanted);
        }
        if self.dice.roll(2) == 0 {
            std::thread::sleep(Duration::from_millis(self.dice.roll(900)));
            self.strike_agent();
        }
        let kubectl = self.cluster.kubectl();
        self.cluster.wait_until("every pod is where it should be", LIMIT, |_| {
            let known = pods(&kubectl);
            let of = |name: &str| known.iter().find(|pod| pod["metadata"]["name"] == *name);
            wanted.iter().all(|wanted| of(&wanted.name).is_some_and(|pod| wanted.arrived(pod))).then_some(())
        });
        kubectl.ok(&["delete", "pods", "--all", "--wait=false"]);
        if self.dice.roll(4) == 0 {
            self.strike_agent();
        }
        self.cluster.wait_until("every pod is gone", LIMIT, |_| pods(&kubectl).is_empty().then_some(()));
    }

    fn strike_shims(&mut self, wanted: &mut [Wanted]) {
        let known = pods(&self.cluster.kubectl());
        for _ in 0..=self.dice.roll(3) {
            let victim = usize::try_from(self.dice.roll(wanted.len() as u64)).unwrap();
            let wanted = &mut wanted[victim];
            let pod = known.iter().find(|pod| pod["metadata"]["name"] == *wanted.name);
            if let Some(shim) = pod.and_then(|pod| shim(&self.cluster, pod)) {
                wanted.struck = true;
                strike(shim);
                self.shims += 1;
            }
        }
    }

    fn strike_agent(&mut self) {
        strike(machine::child(&self.cluster, "node-role"));
        let (code, said) = self.cluster.ended();
        assert!(code.is_some_and(|code| code != 0), "{code:?}: {said}");
        // Pods end meanwhile, and nobody looks.
        std::thread::sleep(Duration::from_millis(self.dice.roll(500)));
        self.cluster.restart();
        self.agents += 1;
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

#[test]
fn pods_come_and_go_under_blows_and_leave_nothing() {
    let (count, seed) = (setting("BIREME_SOAK_PODS", PODS), setting("BIREME_SOAK_SEED", SEED));
    let images = Images::serve();
    let names = (images.busybox(), images.guest("http-cases"));
    let mut soak = Soak { cluster: Cluster::start(), dice: Dice(seed), images: names, shims: 0, agents: 0 };
    // What is kept for good is there after the first pods: images, compiled code, groups of classes.
    for task in [Task::Ends(0), Task::Linux, Task::Wasm] {
        let pod = Wanted { name: "warm".to_owned(), task, struck: false };
        let kubectl = soak.cluster.kubectl();
        scene::create(&kubectl, &pod.manifest(&soak.images));
        soak.cluster.wait_until("the first pods run", LIMIT, |_| {
            pods(&kubectl).iter().all(|known| pod.arrived(known)).then_some(())
        });
        kubectl.ok(&["delete", "pod", "warm", scene::TIMEOUT]);
    }
    soak.strike_agent();
    let before = settled(&soak.cluster, None);
    let begun = Instant::now();
    let mut done = 0;
    while done < count {
        let batch = BATCH.min(count - done);
        soak.batch(done, batch);
        done += batch;
    }
    let after = settled(&soak.cluster, Some(&before));
    let (shims, agents, seconds) = (soak.shims, soak.agents, begun.elapsed().as_secs());
    println!("{count} pods, seed {seed}: {shims} shims and {agents} agents killed, {seconds} s");
    before.print(&after);
    assert_eq!(before.counts(), after.counts(), "something is left on the machine");
}

#[test]
fn five_hundred_pods_at_once_run_and_leave_nothing() {
    let images = Images::serve();
    let mut cluster = Cluster::configured(|_| format!("node: {{maxPods: {}}}\n", 2 * CROWD + 10));
    let kubectl = cluster.kubectl();
    let containers = [
        ("linux", format!("{{name: c, image: '{}', args: [sh, -c, 'sleep 100000']}}", images.busybox())),
        ("wasm", format!("{{name: c, image: '{}', ports: [{{containerPort: 8080}}]}}", images.guest("http-cases"))),
    ];
    for (name, container) in &containers {
        scene::create(&kubectl, &deployment(name, container, 1));
    }
    let running = |each: usize| {
        let known = pods(&kubectl);
        let ready = known.iter().filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true).count();
        (known.len() == 2 * each && ready == known.len()).then_some(known)
    };
    // What is kept for good is there after the first pods.
    let _first = cluster.wait_until("the first pods run", LIMIT, |_| running(1));
    let before = settled(&cluster, None);

    let begun = Instant::now();
    let replicas = format!("--replicas={CROWD}");
    kubectl.ok(&["scale", "deployment/linux", "deployment/wasm", &replicas]);
    let all = cluster.wait_until("the crowd runs", CROWD_LIMIT, |_| running(CROWD));
    println!("{} pods were ready after {} s", all.len(), begun.elapsed().as_secs());
    for pod in &all {
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "{pod:#}");
    }
    let ready = ".items[0].status.conditions[?(@.type==\"Ready\")].status";
    assert_eq!(scene::field(&kubectl, "nodes", ready), "True");

    kubectl.ok(&["scale", "deployment/linux", "deployment/wasm", "--replicas=1"]);
    let _last = cluster.wait_until("the crowd is gone", CROWD_LIMIT, |_| running(1));
    let after = settled(&cluster, Some(&before));
    before.print(&after);
    assert_eq!(before.counts(), after.counts(), "something is left on the machine");
}

fn deployment(name: &str, container: &str, replicas: usize) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{replicas: {replicas}, \
         selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, \
         spec: {{terminationGracePeriodSeconds: 1, containers: [{container}]}}}}}}}}\n"
    )
}

/// What the cluster holds once that no longer changes, or is as it was.
fn settled(cluster: &Cluster, wanted: Option<&Holdings>) -> Holdings {
    let mut last = Holdings::of(cluster);
    let reached = wait::poll(GIVEN_BACK, || {
        std::thread::sleep(Duration::from_millis(500));
        let now = Holdings::of(cluster);
        let same = now.counts() == wanted.unwrap_or(&last).counts();
        last = now;
        same.then_some(())
    });
    if reached.is_none() {
        println!("not settled within {GIVEN_BACK:?}");
    }
    last
}
