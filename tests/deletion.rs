//! A pod that is deleted goes, whatever it was about to do, and how soon is the caller's word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::cluster::Cluster;
use support::images::Images;
use support::scene::{self, Shared, TIMEOUT, becomes, field};

/// What every pod of this file would wait for before it is killed.
const GRACE: &str = "terminationGracePeriodSeconds: 300";
/// Far less than that, and enough for a busy machine.
const SOON: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Stage {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    busybox: String,
    _images: Images,
}

fn stage() -> Arc<Stage> {
    static STAGE: Shared<Stage> = Shared::new();
    STAGE.get(|| {
        let images = Images::serve();
        Stage { cluster: Cluster::start(), busybox: images.busybox(), _images: images }
    })
}

impl Stage {
    fn container(&self, name: &str, script: &str, fields: &str) -> String {
        format!("{{name: {name}, image: '{}', args: [sh, -c, '{script}'], {fields}}}", self.busybox)
    }

    /// Makes a pod whose container begins after those of `init`.
    fn create(&self, name: &str, init: &[&str], main: &str, fields: &[&str]) {
        let pod = scene::pod(name, &[main], fields).replace("  terminationGracePeriodSeconds: 1\n", "");
        let pod = match init {
            [] => pod,
            all => {
                pod.replace("  containers:", &format!("  initContainers:\n  - {}\n  containers:", all.join("\n  - ")))
            }
        };
        scene::create(&self.cluster.kubectl(), &pod);
    }

    /// Deletes a pod, and asserts that it is gone soon with all that it was.
    #[track_caller]
    fn goes(&self, name: &str, options: &[&str]) {
        let begin = Instant::now();
        self.cluster.kubectl().ok(&[&["delete", "pod", name, TIMEOUT], options].concat());
        assert!(begin.elapsed() < SOON, "{name} took {:?}\n{}", begin.elapsed(), self.cluster.logs());
    }

    /// Waits until no process of the node has that word among its arguments.
    #[track_caller]
    fn runs_no_more(&self, word: &str) {
        let gone = support::wait::poll(scene::LIMIT, || (!runs(word)).then_some(()));
        assert!(gone.is_some(), "{word} still runs\n{}", self.cluster.logs());
    }
}

fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.into_iter().any(|process| {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|one| one == word.as_bytes())
    })
}

#[test]
fn a_pod_whose_image_never_comes_goes_at_once() {
    let stage = stage();
    // A registry that takes every connection and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = format!("{{name: main, image: '{}/no/answer:1'}}", silent.local_addr().unwrap());
    stage.create("pulling", &[], &image, &[GRACE]);
    let (_connection, _) = silent.accept().unwrap();
    let waits = ".status.containerStatuses[0].state.waiting.reason";
    becomes(&stage.cluster, &stage.cluster.kubectl(), "pod/pulling", waits, "ContainerCreating");
    stage.goes("pulling", &[]);
}

#[test]
fn a_pod_goes_while_it_prepares() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let obeys = |seconds: u32| format!("trap \"exit 0\" TERM; sleep {seconds} & wait");
    let init = stage.container("init", &obeys(70_001), "");
    let never = stage.container("main", "exec sleep 70002", "");
    stage.create("preparing", &[&init], &never, &[GRACE]);
    let begun = ".status.initContainerStatuses[0].state.running.startedAt";
    scene::until(&stage.cluster, &kubectl, "pod/preparing", begun, |time| !time.is_empty());
    stage.goes("preparing", &[]);
    stage.runs_no_more("70001");
    assert!(!runs("70002"), "what comes after it never began");
    // A hook that never ends holds up nothing, either.
    let hook = "lifecycle: {postStart: {exec: {command: [/bin/busybox, sleep, \"70003\"]}}}";
    let hooked = stage.container("main", &obeys(70_004), hook);
    stage.create("hooked", &[], &hooked, &[GRACE]);
    let hooking = support::wait::poll(scene::LIMIT, || runs("70003").then_some(()));
    assert!(hooking.is_some(), "{}", stage.cluster.logs());
    stage.goes("hooked", &[]);
    stage.runs_no_more("70003");
    stage.runs_no_more("70004");
}

#[test]
fn who_deletes_may_shorten_the_grace() {
    let stage = stage();
    let deaf = |seconds: u32| stage.container("main", &format!("trap \"\" TERM; exec sleep {seconds}"), "");
    let ready = |name: &str| {
        let pod = format!("pod/{name}");
        stage.cluster.kubectl().ok(&["wait", "--for=condition=Ready", &pod, TIMEOUT]);
    };
    stage.create("now", &[], &deaf(70_005), &[GRACE]);
    ready("now");
    stage.goes("now", &["--now"]);
    stage.runs_no_more("70005");
    stage.create("forced", &[], &deaf(70_006), &[GRACE]);
    ready("forced");
    stage.goes("forced", &["--grace-period=0", "--force"]);
    stage.runs_no_more("70006");
    // A second word that is shorter counts.
    stage.create("again", &[], &deaf(70_007), &[GRACE]);
    ready("again");
    let kubectl = stage.cluster.kubectl();
    kubectl.ok(&["delete", "pod", "again", "--wait=false"]);
    assert_eq!(field(&kubectl, "pod/again", ".metadata.deletionGracePeriodSeconds"), "300");
    stage.goes("again", &["--grace-period=1"]);
    stage.runs_no_more("70007");
}

#[test]
fn a_pod_of_work_succeeds_with_its_work_though_a_sidecar_would_go_on() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let side = stage.container("side", "trap \"exit 5\" TERM; sleep 70008 & wait", "restartPolicy: Always");
    let mount = "volumeMounts: [{name: notes, mountPath: /n}]";
    let work = stage.container("main", "test -e /n/tried || { touch /n/tried; exit 3; }", mount);
    let fields = ["restartPolicy: OnFailure", "volumes: [{name: notes, emptyDir: {}}]", GRACE];
    stage.create("work", &[&side], &work, &fields);
    becomes(&stage.cluster, &kubectl, "pod/work", ".status.phase", "Succeeded");
    let main = |path: &str| field(&kubectl, "pod/work", &format!(".status.containerStatuses[0].{path}"));
    assert_eq!((main("restartCount"), main("state.terminated.exitCode")), ("1".to_owned(), "0".to_owned()));
    assert_eq!(main("lastState.terminated.exitCode"), "3");
    let side = |path: &str| field(&kubectl, "pod/work", &format!(".status.initContainerStatuses[0].{path}"));
    assert_eq!((side("restartCount"), side("state.terminated.exitCode")), ("0".to_owned(), "5".to_owned()));
    stage.runs_no_more("70008");
    stage.goes("work", &[]);
}
