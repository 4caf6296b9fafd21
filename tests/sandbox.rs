//! What pods may ask of their sandbox, and the words with which a node refuses: as users write and see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, linux_image};
use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::machine::{self, Process};
use support::scene::{self, LIMIT, Shared, TIMEOUT, field};
use support::wait;

const WAITING: &str = ".status.containerStatuses[0].state.waiting";
const TERMINATED: &str = ".status.containerStatuses[0].state.terminated";
const NEVER: &str = "restartPolicy: Never";

/// A node that lets pods make two settings that are not safe.
#[derive(Debug)]
struct Scene {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    images: Images,
}

fn scene() -> Arc<Scene> {
    static SCENE: Shared<Scene> = Shared::new();
    SCENE.get(|| {
        let images = Images::serve();
        let cluster = Cluster::configured(|_| "allowedUnsafeSysctls: ['kernel.msg*', net.core.somaxconn]\n".to_owned());
        Scene { cluster, images }
    })
}

impl Scene {
    fn kubectl(&self) -> Kubectl {
        self.cluster.kubectl()
    }

    /// Makes a pod whose only container runs a script of busybox.
    fn create(&self, name: &str, script: &str, container: &str, fields: &[&str]) {
        self.create_of(name, &self.images.busybox(), &format!("args: [sh, -c, '{script}'], {container}"), fields);
    }

    fn create_of(&self, name: &str, image: &str, container: &str, fields: &[&str]) {
        let container = format!("{{name: main, image: '{image}', {container}}}");
        scene::create(&self.kubectl(), &scene::pod(name, &[&container], fields));
    }

    /// Runs a script to its end and expects what it prints.
    #[track_caller]
    fn prints(&self, name: &str, script: &str, container: &str, fields: &[&str], expected: &str) {
        let fields: Vec<&str> = fields.iter().copied().chain([NEVER]).collect();
        self.create(name, script, container, &fields);
        let phase = |phase: &str| matches!(phase, "Succeeded" | "Failed");
        scene::until(&self.cluster, &self.kubectl(), &format!("pod/{name}"), ".status.phase", phase);
        assert_eq!(self.kubectl().ok(&["logs", name]), expected, "{name}");
        self.delete(name);
    }

    /// Waits for a reason and expects its message.
    #[track_caller]
    fn refuses(&self, name: &str, state: &str, reason: &str, message: &str) {
        let pod = format!("pod/{name}");
        scene::becomes(&self.cluster, &self.kubectl(), &pod, &format!("{state}.reason"), reason);
        assert_eq!(field(&self.kubectl(), &pod, &format!("{state}.message")), message);
        self.delete(name);
    }

    #[track_caller]
    fn delete(&self, name: &str) {
        self.kubectl().ok(&["delete", "pod", name, TIMEOUT]);
    }

    /// How a pod is written in the kubelet's messages.
    fn full_name(&self, name: &str) -> String {
        format!("{name}_default({})", field(&self.kubectl(), &format!("pod/{name}"), ".metadata.uid"))
    }

    /// Publishes busybox with one more file, run by a user; returns the reference.
    fn image(&self, name: &str, user: Option<&str>, path: &str, mode: u32, content: &[u8]) -> String {
        let busybox = fs::read("/bin/busybox").unwrap();
        let file = |path: &str, mode, content: &[u8]| ImageFile { path: path.into(), mode, content: content.to_vec() };
        let files = [file("bin/busybox", 0o755, &busybox), file("bin/sh", 0o755, &busybox), file(path, mode, content)];
        let process = ProcessConfig { user: user.map(str::to_owned), ..ProcessConfig::default() };
        self.images.publish(name, &linux_image(&self.images.blobs, &files, process).unwrap())
    }
}

#[test]
fn settings_of_the_kernel_that_the_node_allows_are_made() {
    let scene = scene();
    let sysctls = "securityContext: {sysctls: [{name: kernel.msgmax, value: \"5432\"}, {name: net.core.somaxconn, \
                   value: \"77\"}, {name: net.ipv4.tcp_syncookies, value: \"0\"}]}";
    let script = "cd /proc/sys; cat kernel/msgmax net/core/somaxconn net/ipv4/tcp_syncookies";
    scene.prints("tuned", script, "", &[sysctls], "5432\n77\n0\n");
}

#[test]
fn a_pod_with_ids_of_its_own_rules_its_network() {
    let scene = scene();
    let script = "ip addr add 10.9.8.7/32 dev lo && ip link set eth0 mtu 1300 && cat /sys/class/net/eth0/mtu; \
                  ping -c 1 -W 2 127.0.0.1 >/dev/null && echo answered; cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    let rights = "securityContext: {capabilities: {add: [NET_ADMIN]}}";
    scene.prints("mapped", script, rights, &["hostUsers: false"], "1300\nanswered\n0\n");
    // The control: the right is what does it.
    let script = "ip link set eth0 mtu 1300 2>/dev/null || echo refused";
    scene.prints("unmapped", script, "", &["hostUsers: false"], "refused\n");
}

#[test]
fn a_seccomp_profile_of_the_node_is_used_or_named() {
    let scene = scene();
    let root = PathBuf::from("/var/lib/kubelet/seccomp");
    fs::create_dir_all(&root).unwrap();
    let folder = tempfile::Builder::new().prefix("bireme-test-").tempdir_in(&root).unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}"#;
    fs::write(folder.path().join("no-mkdir.json"), profile).unwrap();
    fs::write(folder.path().join("broken.json"), "{").unwrap();
    let with = |file: &str| {
        format!("securityContext: {{seccompProfile: {{type: Localhost, localhostProfile: {name}/{file}.json}}}}")
    };
    let words = "mkdir: can't create directory '/x': No space left on device\n";
    scene.prints("profiled", "mkdir /x 2>&1", &with("no-mkdir"), &[], words);
    scene.create("unprofiled", "true", &with("missing"), &[]);
    let path = folder.path().join("missing.json");
    let message = format!("cannot load seccomp profile {path:?}: open {}: no such file or directory", path.display());
    scene.refuses("unprofiled", WAITING, "CreateContainerError", &message);
    scene.create("misprofiled", "true", &with("broken"), &[]);
    let path = folder.path().join("broken.json");
    let message = format!("decoding seccomp profile failed {path:?}: EOF while parsing an object at line 1 column 1");
    scene.refuses("misprofiled", WAITING, "CreateContainerError", &message);
}

#[test]
fn mounts_are_closed_and_shared_as_asked() {
    let scene = scene();
    let volume = scene.cluster.folder().join("volume");
    fs::create_dir_all(&volume).unwrap();
    mount(Some("tmpfs"), &volume, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    mount(None::<&str>, &volume, None::<&str>, MsFlags::MS_SHARED, None::<&str>).unwrap();
    fs::create_dir(volume.join("inner")).unwrap();
    mount(Some("tmpfs"), &volume.join("inner"), Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    let volumes =
        format!("volumes: [{{name: v, hostPath: {{path: {}}}}}, {{name: e, emptyDir: {{}}}}]", volume.display());
    let mounts = "volumeMounts: [{name: v, mountPath: /flat, readOnly: true}, \
                  {name: v, mountPath: /deep, readOnly: true, recursiveReadOnly: Enabled}, \
                  {name: v, mountPath: /later, mountPropagation: HostToContainer}]";
    let script = "for f in /flat/x /flat/inner/x /deep/x /deep/inner/y; do touch $f 2>/dev/null && echo $f; done; \
                  until cat /later/again/file 2>/dev/null; do sleep 0.05; done; sleep 1000";
    scene.create("mounting", script, mounts, &[&volumes]);
    scene::becomes(&scene.cluster, &scene.kubectl(), "pod/mounting", ".status.phase", "Running");
    let again = volume.join("again");
    fs::create_dir(&again).unwrap();
    mount(Some("tmpfs"), &again, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    fs::write(again.join("file"), "mounted later\n").unwrap();
    let wanted = "/flat/inner/x\nmounted later\n";
    let seen = wait::poll(LIMIT, || Some(scene.kubectl().ok(&["logs", "mounting"])).filter(|log| log == wanted));
    let mounts =
        field(&scene.kubectl(), "pod/mounting", ".status.containerStatuses[0].volumeMounts[*].recursiveReadOnly");
    scene.delete("mounting");
    for path in [again, volume.join("inner"), volume] {
        umount2(&path, MntFlags::MNT_DETACH).unwrap();
    }
    assert_eq!(seen.as_deref(), Some(wanted));
    assert_eq!(mounts, "Disabled Enabled");
}

#[test]
fn containers_of_a_pod_share_processes_and_the_nodes_memory_when_asked() {
    let scene = scene();
    let busybox = scene.images.busybox();
    let first = format!("{{name: first, image: '{busybox}', args: [sh, -c, 'sleep 4321']}}");
    let second = format!(
        "{{name: second, image: '{busybox}', args: [sh, -c, 'until ps | grep -q \"sleep 432[1]\"; do sleep 0.1; done; \
         echo seen; sleep 1000']}}"
    );
    let fields = ["shareProcessNamespace: true", "hostIPC: true"];
    scene::create(&scene.kubectl(), &scene::pod("sharing", &[&first, &second], &fields));
    let log = wait::poll(LIMIT, || {
        let answer = scene.kubectl().run(&["logs", "sharing", "-c", "second"]);
        (answer.stdout == "seen\n").then_some(())
    });
    assert!(log.is_some(), "{}", scene.cluster.logs());
    let uid = field(&scene.kubectl(), "pod/sharing", ".metadata.uid");
    let group = machine::pod_group(scene.cluster.instance(), &uid).unwrap();
    let id = field(&scene.kubectl(), "pod/sharing", ".status.containerStatuses[0].containerID");
    let processes = machine::processes(&format!("{group}/{}", id.trim_start_matches("bireme://")));
    let own = Process(i32::try_from(std::process::id()).unwrap());
    assert_eq!(processes[0].namespace("ipc"), own.namespace("ipc"));
    scene.delete("sharing");
}

#[test]
fn who_may_not_be_root_is_told_why_it_would_be() {
    let scene = scene();
    let passwd = b"web:x:33:33::/:/bin/sh\n";
    let plain = scene.image("plain", None, "etc/passwd", 0o644, passwd);
    let named = scene.image("named", Some("web"), "etc/passwd", 0o644, passwd);
    let numbered = scene.image("numbered", Some("33:44"), "etc/passwd", 0o644, passwd);
    let ghost = scene.image("ghost", Some("ghost"), "etc/passwd", 0o644, passwd);
    let run = |script: &str| format!("command: [sh, -c, '{script}']");
    let non_root = "securityContext: {runAsNonRoot: true}";
    let check = |name: &str, image: &str, fields: &str, message: &dyn Fn(&str) -> String| {
        scene.create_of(name, image, &run("true"), &[fields]);
        let message = message(&scene.full_name(name));
        scene.refuses(name, WAITING, "CreateContainerConfigError", &message);
    };
    check("rooted", &plain, non_root, &|pod| {
        format!("container has runAsNonRoot and image will run as root (pod: \"{pod}\", container: main)")
    });
    check("asked", &numbered, "securityContext: {runAsNonRoot: true, runAsUser: 0}", &|pod| {
        format!("container's runAsUser breaks non-root policy (pod: \"{pod}\", container: main)")
    });
    check("called", &named, non_root, &|pod| {
        format!(
            "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root \
             (pod: \"{pod}\", container: main)"
        )
    });
    scene.create_of("counted", &numbered, &run("id -u; id -g"), &[non_root, NEVER]);
    scene::becomes(&scene.cluster, &scene.kubectl(), "pod/counted", ".status.phase", "Succeeded");
    assert_eq!(scene.kubectl().ok(&["logs", "counted"]), "33\n44\n");
    let user = ["get", "pod", "counted", "-o", "jsonpath={.status.containerStatuses[0].user.linux}"];
    assert_eq!(scene.kubectl().ok(&user), r#"{"gid":44,"supplementalGroups":[44],"uid":33}"#);
    scene.delete("counted");
    scene.create_of("haunted", &ghost, &run("true"), &[NEVER]);
    let message = "unable to find user ghost: no matching entries in passwd file";
    scene.refuses("haunted", TERMINATED, "StartError", message);
}

#[test]
fn a_program_that_cannot_run_is_named_with_the_kernels_reason() {
    let scene = scene();
    // A header of a machine that nobody has (e_machine 0xf3f3 of elf(5)).
    let mut foreign = fs::read("/bin/busybox").unwrap();
    foreign.truncate(4096);
    foreign[18..20].copy_from_slice(&[0xf3, 0xf3]);
    let check = |name: &str, mode, content: &[u8], command: &str, message: &str| {
        let image = scene.image(name, None, "bin/program", mode, content);
        scene.create_of(name, &image, &format!("command: ['{command}']"), &[NEVER]);
        scene.refuses(name, TERMINATED, "StartError", message);
    };
    check("foreign", 0o755, &foreign, "/bin/program", "exec: \"/bin/program\": exec format error");
    check("closed", 0o644, b"#!/bin/sh\n", "/bin/program", "exec: \"/bin/program\": permission denied");
    check("absent", 0o755, b"", "nothing", "exec: \"nothing\": executable file not found in $PATH");
    check("folder", 0o755, b"", "/bin", "exec: \"/bin\": is a directory");
    check("bare", 0o755, b"#!/no/such/shell\n", "/bin/program", "exec: \"/bin/program\": no such file or directory");
}

#[test]
fn last_words_are_found_wherever_the_pod_puts_them() {
    let scene = scene();
    let check = |name: &str, path: &str, script: &str, expected: &str| {
        let volumes = "volumes: [{name: v, emptyDir: {}}]";
        let container = format!("terminationMessagePath: '{path}', volumeMounts: [{{name: v, mountPath: /data}}]");
        scene.create(name, script, &container, &[NEVER, volumes]);
        scene::becomes(&scene.cluster, &scene.kubectl(), &format!("pod/{name}"), ".status.phase", "Succeeded");
        let words = field(&scene.kubectl(), &format!("pod/{name}"), &format!("{TERMINATED}.message"));
        assert_eq!(words, expected, "{path}");
        scene.delete(name);
    };
    check("inside", "/data/words", "echo -n bye > /data/words", "bye");
    check("relative", "made/for/words", "echo -n bye > /made/for/words", "bye");
    check("silent", "/dev/termination-log", "true", "");
    check("replaced", "/tmp/words", "rm /tmp/words 2>/dev/null || echo -n kept > /tmp/words", "kept");
}
