//! What goes wrong says what, where and what to do, and harms nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::path::Path;
use std::sync::Arc;

use support::cluster::Cluster;
use support::images::{self, Images};
use support::kubectl::Kubectl;
use support::scene::{self, LIMIT, Shared, TIMEOUT, field};
use support::tarball::{Entry, image_of};
use support::wait;

const NEVER: &str = "restartPolicy: Never";
const WAITING: &str = ".status.containerStatuses[0].state.waiting";
const TERMINATED: &str = ".status.containerStatuses[0].state.terminated";

/// A cluster with a pod that is well.
#[derive(Debug)]
struct Scene {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    images: Images,
    busybox: String,
}

fn scene() -> Arc<Scene> {
    static SCENE: Shared<Scene> = Shared::new();
    SCENE.get(|| {
        let images = Images::serve();
        let busybox = images.busybox();
        let cluster = Cluster::start();
        let kubectl = cluster.kubectl();
        let script = "trap \"exit 0\" TERM; while true; do sleep 0.2; done";
        let container = format!("{{name: main, image: '{busybox}', args: [sh, -c, '{script}']}}");
        scene::create(&kubectl, &scene::pod("healthy", &[&container], &[]));
        kubectl.ok(&["wait", "--for=condition=Ready", "pod/healthy", TIMEOUT]);
        Scene { cluster, images, busybox }
    })
}

/// Makes trouble in a namespace of that name; afterwards, the pod that was well is, and new ones run.
#[track_caller]
fn check(namespace: &str, trouble: impl FnOnce(&Scene, &Kubectl)) {
    let scene = scene();
    let kubectl = Kubectl { namespace: namespace.into(), ..scene.cluster.kubectl() };
    scene::create(&kubectl, &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"));
    trouble(&scene, &kubectl);
    let healthy =
        ["{.status.phase}", "{.status.containerStatuses[0].ready}", "{.status.containerStatuses[0].restartCount}"];
    let path = format!("jsonpath={}", healthy.join(" "));
    assert_eq!(scene.cluster.kubectl().ok(&["get", "pod", "healthy", "-o", &path]), "Running true 0");
    scene::create(&kubectl, &scene.pod("later", "echo well", NEVER));
    scene::becomes(&scene.cluster, &kubectl, "pod/later", ".status.phase", "Succeeded");
    assert_eq!(kubectl.ok(&["logs", "later"]), "well\n");
}

impl Scene {
    /// A pod of one shell.
    fn pod(&self, name: &str, script: &str, field: &str) -> String {
        let container = format!("{{name: main, image: '{}', args: [sh, -c, '{script}']}}", self.busybox);
        scene::pod(name, &[&container], &[field])
    }

    /// Waits until a field of the pod `troubled` is so.
    #[track_caller]
    fn becomes(&self, kubectl: &Kubectl, path: &str, wanted: &str) {
        scene::becomes(&self.cluster, kubectl, "pod/troubled", path, wanted);
    }

    /// Makes the pod `troubled` of an image that cannot be pulled, and returns what the API says about it.
    #[track_caller]
    fn unpullable(&self, kubectl: &Kubectl, image: &str) -> String {
        scene::create(kubectl, &scene::pod("troubled", &[&format!("{{name: main, image: '{image}'}}")], &[]));
        self.becomes(kubectl, &format!("{WAITING}.reason"), "ImagePullBackOff");
        let message = field(kubectl, "pod/troubled", &format!("{WAITING}.message"));
        assert!(message.contains(&format!("Back-off pulling image \"{image}\"")), "{message}");
        let events = events(self, kubectl, "troubled", "Failed to pull image");
        assert!(events.contains("Error: ErrImagePull"), "{events}");
        let pull = events.lines().find(|line| line.contains("Failed to pull image")).unwrap();
        assert!(pull.contains(image), "{pull}");
        format!("{message}\n{pull}")
    }
}

/// What was told about a pod, once that is among it.
#[track_caller]
fn events(scene: &Scene, kubectl: &Kubectl, pod: &str, wanted: &str) -> String {
    let of_pod = format!("involvedObject.name={pod}");
    let path = "jsonpath={range .items[*]}{.type} {.reason} {.message}{\"\\n\"}{end}";
    let mut events = String::new();
    let told = wait::poll(LIMIT, || {
        events = kubectl.ok(&["get", "events", "--field-selector", &of_pod, "-o", path]);
        events.contains(wanted).then_some(())
    });
    assert!(told.is_some(), "no event says {wanted:?}:\n{events}\n{}", scene.cluster.logs());
    events
}

#[test]
fn an_unknown_tag_is_named_and_found_once_it_is_there() {
    check("unknown-tag", |scene, kubectl| {
        let wasm = images::guest(&scene.images.blobs, "hello-module");
        let known = scene.images.publish("not-yet", &wasm);
        let missing = known.replace(":1", ":2");
        let said = scene.unpullable(kubectl, &missing);
        assert!(said.contains("not found in the registry; check the name and the tag"), "{said}");
        scene.images.publish_as("not-yet", "2", &wasm);
        scene.becomes(kubectl, ".status.containerStatuses[0].lastState.terminated.exitCode", "3");
    });
}

#[test]
fn altered_content_is_not_run() {
    check("altered", |scene, kubectl| {
        let blobs = &scene.images.blobs;
        let image = image_of(blobs, &[&[Entry::file("bin/altered", b"as published")]]);
        let reference = scene.images.publish("altered", &image);
        let manifest: serde_json::Value = serde_json::from_slice(&blobs.read(&image).unwrap()).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
        let path = blobs.path(&layer.parse().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(12).position(|window| window == b"as published").unwrap();
        bytes[at..at + 12].copy_from_slice(b"as forged!!!");
        std::fs::write(&path, bytes).unwrap();
        let said = scene.unpullable(kubectl, &reference);
        assert!(said.contains(&format!("not {layer}: the content was altered")), "{said}");
    });
}

#[test]
fn an_altered_manifest_is_not_believed() {
    check("altered-manifest", |scene, kubectl| {
        let blobs = &scene.images.blobs;
        let image = image_of(blobs, &[&[Entry::file("bin/other", b"as published")]]);
        let reference = scene.images.publish("altered-manifest", &image);
        let by_digest = format!("{}@{image}", reference.strip_suffix(":1").unwrap());
        let text = String::from_utf8(blobs.read(&image).unwrap()).unwrap();
        std::fs::write(blobs.path(&image), text.replace("\"schemaVersion\":2", "\"schemaVersion\": 2")).unwrap();
        let said = scene.unpullable(kubectl, &by_digest);
        assert!(said.contains(image.as_str()) && said.contains("the content was altered"), "{said}");
    });
}

/// What such layers would write.
const EVIL: &str = "escaped-from-a-layer";

/// An image whose layer would write outside is refused with these words, and writes nothing there.
#[track_caller]
fn check_escape(namespace: &str, entries: impl FnOnce(&Path) -> Vec<Entry>, words: &str) {
    check(namespace, |scene, kubectl| {
        let outside = scene.cluster.folder().join(namespace);
        std::fs::create_dir(&outside).unwrap();
        let image = image_of(&scene.images.blobs, &[&entries(&outside)]);
        let said = scene.unpullable(kubectl, &scene.images.publish(namespace, &image));
        assert!(said.contains("layer") && said.contains(words), "{said}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "something was written outside");
        assert_eq!(find(&scene.cluster.data(), EVIL), Vec::<String>::new(), "something was kept");
    });
}

/// Files of that name below a folder.
fn find(folder: &Path, name: &str) -> Vec<String> {
    let output = std::process::Command::new("find").arg(folder).args(["-name", name]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_layer_that_climbs_out_is_refused() {
    let entries = |_: &Path| vec![Entry::file(&format!("../../../../{EVIL}"), b"evil")];
    check_escape("climbing", entries, "leads out of the layer");
}

#[test]
fn a_layer_that_writes_through_its_own_link_is_refused() {
    let entries = |outside: &Path| {
        vec![Entry::link("way", outside.to_str().unwrap()), Entry::file(&format!("way/{EVIL}"), b"evil")]
    };
    check_escape("linking", entries, "goes through the link way, which leads out of the layer");
}

/// As in a container, whose root is also its own parent.
#[test]
fn a_layer_that_climbs_by_a_relative_link_stays_in_its_image() {
    check("relative-linking", |scene, kubectl| {
        let shell = std::fs::read(images::BUSYBOX).unwrap();
        let entries =
            [Entry::link("up", "../../../.."), Entry::file("up/evil", b"caught"), Entry::file("up/sh", &shell)];
        let image = scene.images.publish("relative", &image_of(&scene.images.blobs, &[&entries]));
        let container = format!("{{name: main, image: '{image}', command: [/sh, -c, 'cat /evil']}}");
        scene::create(kubectl, &scene::pod("troubled", &[&container], &[NEVER]));
        scene.becomes(kubectl, ".status.phase", "Succeeded");
        assert_eq!(kubectl.ok(&["logs", "troubled"]), "caught");
        let found = find(&scene.cluster.data(), "evil");
        let outside = found.iter().filter(|path| !path.contains("/images/layers/"));
        assert_eq!(outside.collect::<Vec<_>>(), Vec::<&String>::new());
    });
}

#[test]
fn an_import_that_nobody_grants_is_named() {
    check("import", |scene, kubectl| {
        let image = scene.images.guest("needs-import");
        scene::create(kubectl, &scene::pod("troubled", &[&format!("{{name: main, image: '{image}'}}")], &[]));
        let message = scene::until(&scene.cluster, kubectl, "pod/troubled", &format!("{WAITING}.message"), |message| {
            message.contains("wasi:keyvalue/store@0.2.0-draft")
        });
        assert!(!message.contains("wasi:cli/environment"), "only what is missing is named: {message}");
        events(scene, kubectl, "troubled", "wasi:keyvalue/store@0.2.0-draft");
    });
}

#[test]
fn a_trap_tells_its_functions() {
    check("trap", |scene, kubectl| {
        let image = scene.images.guest("trap");
        scene::create(kubectl, &scene::pod("troubled", &[&format!("{{name: main, image: '{image}'}}")], &[NEVER]));
        scene.becomes(kubectl, ".status.phase", "Failed");
        assert_eq!(field(kubectl, "pod/troubled", &format!("{TERMINATED}.reason")), "WasmTrap");
        let told = [
            field(kubectl, "pod/troubled", &format!("{TERMINATED}.message")),
            events(scene, kubectl, "troubled", "Warning WasmTrap Container main trapped: wasm trap: "),
        ];
        for told in told {
            assert!(told.contains("integer divide by zero") && told.contains("faulty!divide_by_zero"), "{told}");
        }
    });
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    check("command", |scene, kubectl| {
        let container = format!("{{name: main, image: '{}', command: [/no/such/program]}}", scene.busybox);
        scene::create(kubectl, &scene::pod("troubled", &[&container], &[NEVER]));
        scene.becomes(kubectl, ".status.phase", "Failed");
        assert_eq!(field(kubectl, "pod/troubled", &format!("{TERMINATED}.reason")), "StartError");
        assert_eq!(field(kubectl, "pod/troubled", &format!("{TERMINATED}.exitCode")), "128");
        let message = field(kubectl, "pod/troubled", &format!("{TERMINATED}.message"));
        assert!(message.contains("/no/such/program"), "{message}");
        events(scene, kubectl, "troubled", "/no/such/program");
    });
}

#[test]
fn a_working_directory_that_is_a_file_is_named() {
    check("directory", |scene, kubectl| {
        let container = format!("{{name: main, image: '{}', args: [sh], workingDir: /bin/sh}}", scene.busybox);
        scene::create(kubectl, &scene::pod("troubled", &[&container], &[NEVER]));
        scene.becomes(kubectl, ".status.phase", "Failed");
        let message = field(kubectl, "pod/troubled", &format!("{TERMINATED}.message"));
        assert!(message.contains("/bin/sh"), "{message}");
    });
}

#[test]
fn a_crash_is_restarted_with_pauses_and_its_last_words_are_kept() {
    check("crash", |scene, kubectl| {
        let script = "echo last words of $HOSTNAME; exit 5";
        scene::create(kubectl, &scene.pod("troubled", script, "restartPolicy: Always"));
        scene.becomes(kubectl, &format!("{WAITING}.reason"), "CrashLoopBackOff");
        scene.becomes(kubectl, ".status.containerStatuses[0].restartCount", "1");
        scene.becomes(kubectl, &format!("{WAITING}.reason"), "CrashLoopBackOff");
        let last = ".status.containerStatuses[0].lastState.terminated";
        assert_eq!(field(kubectl, "pod/troubled", &format!("{last}.exitCode")), "5");
        assert_eq!(field(kubectl, "pod/troubled", &format!("{last}.reason")), "Error");
        let message = field(kubectl, "pod/troubled", &format!("{WAITING}.message"));
        assert!(message.contains("restarting failed container=main pod=troubled"), "{message}");
        assert_eq!(kubectl.ok(&["logs", "--previous", "troubled"]), "last words of troubled\n");
        let table = kubectl.ok(&["get", "pod", "troubled"]);
        let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words[..3], ["troubled", "0/1", "CrashLoopBackOff"], "{table}");
        events(scene, kubectl, "troubled", "Back-off restarting failed container main");
    });
}

#[test]
fn a_container_that_takes_too_much_memory_is_killed_alone() {
    check("memory", |scene, kubectl| {
        let limit = "resources: {limits: {memory: 16Mi}}";
        let eat = "[sh, -c, 'exec dd if=/dev/zero of=/dev/null bs=64M count=1']";
        let hungry = format!("{{name: hungry, image: '{}', args: {eat}, {limit}}}", scene.busybox);
        let modest = format!("{{name: modest, image: '{}', args: [sh, -c, 'sleep 1000']}}", scene.busybox);
        scene::create(kubectl, &scene::pod("troubled", &[&hungry, &modest], &[NEVER]));
        let of = |name: &str, field: &str| format!(".status.containerStatuses[?(@.name=='{name}')].state.{field}");
        scene.becomes(kubectl, &of("hungry", "terminated.reason"), "OOMKilled");
        scene.becomes(kubectl, &of("hungry", "terminated.exitCode"), "137");
        assert_ne!(field(kubectl, "pod/troubled", &of("modest", "running.startedAt")), "");
    });
}

/// A container that names a missing object waits with a reason that names it, and runs once it is there.
#[track_caller]
fn check_missing(namespace: &str, environment: &str, words: &str, missing: &str) {
    check(namespace, |scene, kubectl| {
        let container = format!(
            "{{name: main, image: '{}', args: [sh, -c, 'echo \"value $VALUE\"'], {environment}}}",
            scene.busybox
        );
        scene::create(kubectl, &scene::pod("troubled", &[&container], &[NEVER]));
        scene.becomes(kubectl, &format!("{WAITING}.reason"), "CreateContainerConfigError");
        assert_eq!(field(kubectl, "pod/troubled", &format!("{WAITING}.message")), words);
        events(scene, kubectl, "troubled", words);
        scene::create(kubectl, missing);
        scene.becomes(kubectl, ".status.phase", "Succeeded");
        assert_eq!(kubectl.ok(&["logs", "troubled"]), "value found\n");
    });
}

#[test]
fn a_missing_config_map_is_waited_for() {
    check_missing(
        "no-config-map",
        "env: [{name: VALUE, valueFrom: {configMapKeyRef: {name: absent, key: VALUE}}}]",
        "configmap \"absent\" not found",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: absent}, data: {VALUE: found}}",
    );
}

#[test]
fn a_missing_secret_is_waited_for() {
    check_missing(
        "no-secret",
        "envFrom: [{secretRef: {name: absent}}]",
        "secret \"absent\" not found",
        "{apiVersion: v1, kind: Secret, metadata: {name: absent}, stringData: {VALUE: found}}",
    );
}

#[test]
fn a_missing_volume_is_told_and_waited_for() {
    check("no-volume", |scene, kubectl| {
        let container = format!(
            "{{name: main, image: '{}', args: [sh, -c, 'cat /in/key'], volumeMounts: [{{name: in, mountPath: /in}}]}}",
            scene.busybox
        );
        let volumes = "volumes: [{name: in, configMap: {name: absent}}]";
        scene::create(kubectl, &scene::pod("troubled", &[&container], &[NEVER, volumes]));
        let told = events(scene, kubectl, "troubled", "FailedMount");
        assert!(told.contains("configmap \"absent\" not found") && told.contains("\"in\""), "{told}");
        scene.becomes(kubectl, &format!("{WAITING}.reason"), "ContainerCreating");
        scene::create(kubectl, "{apiVersion: v1, kind: ConfigMap, metadata: {name: absent}, data: {key: found}}");
        scene.becomes(kubectl, ".status.phase", "Succeeded");
        assert_eq!(kubectl.ok(&["logs", "troubled"]), "found");
    });
}

#[test]
fn both_kinds_see_their_volumes() {
    check("volumes", |scene, kubectl| {
        scene::create(kubectl, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: blue}}");
        scene::create(
            kubectl,
            "{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {token: opensesame}}",
        );
        let mounts = "volumeMounts: [{name: settings, mountPath: /settings}, {name: keys, mountPath: /keys, readOnly: \
                      true}, {name: scratch, mountPath: /scratch}]";
        let linux = format!(
            "{{name: linux, image: '{}', args: [sh, -c, 'cat /settings/color /keys/token; until cat /scratch/note \
             2>/dev/null; do sleep 0.1; done; touch /settings/x 2>/dev/null || echo read-only'], {mounts}}}",
            scene.busybox
        );
        let wasm = format!(
            "{{name: wasm, image: '{}', args: [cat=/settings/color, cat=/keys/token, write=/scratch/note, \
             write=/settings/x], {mounts}}}",
            scene.images.guest("hello-cli")
        );
        let volumes = "volumes: [{name: settings, configMap: {name: settings}}, {name: keys, secret: {secretName: keys}}, \
                       {name: scratch, emptyDir: {}}]";
        scene::create(kubectl, &scene::pod("reader", &[&linux, &wasm], &[NEVER, volumes]));
        scene::becomes(&scene.cluster, kubectl, "pod/reader", ".status.phase", "Succeeded");
        let linux = kubectl.ok(&["logs", "reader", "-c", "linux"]);
        assert!(linux.starts_with("blueopensesame") && linux.contains("written by the guest"), "{linux}");
        assert!(linux.ends_with("read-only\n"), "{linux}");
        let wasm = kubectl.ok(&["logs", "reader", "-c", "wasm"]);
        assert!(wasm.contains("file: blue\nfile: opensesame\nwrite: 20 bytes\n"), "{wasm}");
        assert!(wasm.contains("write: read-only") || wasm.contains("write: not-permitted"), "{wasm}");
    });
}

#[test]
fn all_errors_of_a_manifest_are_told_at_once() {
    check("manifest", |_, kubectl| {
        let wrong = "
apiVersion: v1
kind: Pod
metadata: {name: Wrong_Name}
spec:
  restartPolicy: Sometimes
  containers:
  - {name: same, image: 'busybox:1', imagePullPolicy: Perhaps}
  - {name: same, image: '', ports: [{containerPort: 99999}]}
  - {name: asks, image: 'busybox:1', resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}
  - {name: mounts, image: 'busybox:1', volumeMounts: [{name: nothing, mountPath: /x}]}
";
        let said = kubectl.run_with(&["create", "-f", "-"], wrong).refused(1);
        for field in [
            "metadata.name: Invalid value: \"Wrong_Name\"",
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Perhaps\"",
            "spec.containers[1].name: Duplicate value: \"same\"",
            "spec.containers[1].image: Required value",
            "spec.containers[1].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
            "spec.containers[2].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit",
            "spec.containers[3].volumeMounts[0].name: Not found: \"nothing\"",
        ] {
            assert!(said.contains(field), "{field} is not in:\n{said}");
        }
    });
}
