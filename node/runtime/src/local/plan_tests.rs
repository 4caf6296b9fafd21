//! What a container is launched with, from its image and its settings.

use std::collections::BTreeMap;

use registry_client::manifest::ProcessConfig;

use super::*;
use crate::contract::{Image, Limits, Qos, SandboxId, Security, WasmConfig};

fn sandbox() -> SandboxConfig {
    SandboxConfig {
        id: SandboxId("uid".into()),
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        hostname: "web-0".to_owned(),
        netns: None,
        addresses: Vec::new(),
        limits: Limits::default(),
        log_dir: "/logs".into(),
        resolv_conf: String::new(),
        hosts: String::new(),
        sysctls: BTreeMap::new(),
        share_processes: false,
        host_pid: false,
        host_ipc: false,
        user_namespace: false,
        qos: Qos::Guaranteed,
    }
}

fn container(command: &[&str], args: &[&str]) -> ContainerConfig {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    ContainerConfig {
        sandbox: SandboxId("uid".into()),
        name: "app".to_owned(),
        attempt: 2,
        image: "registry/app@sha256:1".to_owned(),
        kind: None,
        command: words(command),
        args: words(args),
        working_dir: None,
        env: vec![("B".to_owned(), "pod".to_owned())],
        mounts: Vec::new(),
        limits: Limits::default(),
        security: Security::default(),
        oom_score_adj: 0,
        stdin: false,
        tty: false,
        termination_message_path: "/dev/termination-log".to_owned(),
        stop_signal: None,
        processes_of: None,
        wasm: WasmConfig::default(),
    }
}

fn image(kind: SandboxKind, imports: &[&str], process: ProcessConfig) -> StoredImage {
    let content = match kind {
        SandboxKind::Linux => Content::Linux { layers: Vec::new() },
        SandboxKind::Wasm => Content::Wasm {
            digest: registry_client::Digest::of(b""),
            form: wasm::Form::Component,
            entry: wasm::Entry::Http,
        },
    };
    let imports = imports.iter().map(|import| (*import).to_owned()).collect();
    let (id, reference) = ("id".to_owned(), "app".to_owned());
    StoredImage {
        image: Image { id, reference, kind, size: 0, user: None, imports, exports: Vec::new() },
        process,
        content,
    }
}

fn linux_image() -> StoredImage {
    let words = |word: &str| Some(vec![word.to_owned()]);
    let process = ProcessConfig {
        entrypoint: words("/entry"),
        cmd: words("default"),
        env: Some(vec!["A=image".to_owned(), "B=image".to_owned()]),
        stop_signal: Some("SIGRTMIN+3".to_owned()),
        ..ProcessConfig::default()
    };
    image(SandboxKind::Linux, &[], process)
}

fn check(config: &ContainerConfig, image: &StoredImage) -> std::result::Result<StartPlan, String> {
    let from = Materials {
        id: &ContainerId("c1".into()),
        config,
        sandbox: &sandbox(),
        image,
        pod: &PodDir("/run/pods/uid".into()),
        cgroup: "root/pods/uid/c1".to_owned(),
        layers: vec!["/layers/low".into()],
        writable: "/writable/c1".into(),
        worker_uid: 7,
    };
    plan(from).map_err(|error| error.to_string())
}

#[test]
fn command_and_args_replace_as_kubernetes_says() {
    let argv = |command: &[&str], args: &[&str]| check(&container(command, args), &linux_image()).unwrap().argv;
    assert_eq!(argv(&[], &[]), ["/entry", "default"]);
    assert_eq!(argv(&[], &["x"]), ["/entry", "x"]);
    assert_eq!(argv(&["sh"], &[]), ["sh"]);
    assert_eq!(argv(&["sh"], &["x"]), ["sh", "x"]);
    let nothing = image(SandboxKind::Linux, &[], ProcessConfig::default());
    assert!(check(&container(&[], &[]), &nothing).unwrap_err().starts_with("no command:"));
}

#[test]
fn the_pod_overrides_the_image_and_the_image_the_defaults() {
    let plan = check(&container(&[], &[]), &linux_image()).unwrap();
    let env: Vec<String> = plan.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, [&format!("PATH={DEFAULT_PATH}"), "HOSTNAME=web-0", "A=image", "B=pod"]);
    assert_eq!(plan.stop_signal, 37);
    for (name, number) in [("SIGUSR1", Ok(10)), ("SIGRTMAX-1", Ok(63)), ("SIGNONE", Err(()))] {
        let config = ContainerConfig { stop_signal: Some(name.to_owned()), ..container(&[], &[]) };
        let found = check(&config, &linux_image()).map(|plan| plan.stop_signal);
        assert_eq!(found.map_err(|message| assert!(message.contains("stop signal \"SIGNONE\""))), number, "{name}");
    }
    assert_eq!(plan.log, Path::new("/logs/app/2.log"));
}

#[test]
fn the_pods_files_give_way_to_the_pods_own_mounts() {
    let mut config = container(&[], &[]);
    config.mounts = vec![Mount::new("/mine", "/etc/hosts", true)];
    let PlannedSandbox::Linux(linux) = check(&config, &linux_image()).unwrap().sandbox else { panic!("a Linux plan") };
    let targets: Vec<String> = linux.mounts.iter().map(|mount| mount.container.display().to_string()).collect();
    assert_eq!(targets, ["/etc/hostname", "/etc/resolv.conf", "/dev/termination-log", "/etc/hosts"]);
}

#[test]
fn a_wasm_container_is_refused_by_name() {
    let http = image(SandboxKind::Wasm, &["wasi:http/types@0.2.0"], ProcessConfig::default());
    let mut config = container(&[], &["--verbose"]);
    assert!(check(&config, &http).unwrap_err().ends_with("name a containerPort"));
    config.wasm.port = Some(8080);
    assert_eq!(check(&config, &http).unwrap().argv, ["app", "--verbose"]);

    let keyvalue = image(SandboxKind::Wasm, &["wasi:keyvalue/store@0.2.0-draft"], ProcessConfig::default());
    let refused = check(&config, &keyvalue).unwrap_err();
    assert!(refused.contains("wasi:keyvalue/store@0.2.0-draft"), "{refused}");

    config.kind = Some(SandboxKind::Linux);
    assert!(check(&config, &http).unwrap_err().contains("is a Wasm artifact"));
}

#[test]
fn signals_have_many_spellings() {
    let known = [("SIGQUIT", 3), ("quit", 3), ("9", 9), ("SIGRTMIN", 34), ("RTMIN+30", 64)];
    for (name, number) in known {
        assert_eq!(signal_number(name), Some(number), "{name}");
    }
    for name in ["", "SIGNONE", "0", "65", "SIGRTMIN+31", "SIGRTMIN-1"] {
        assert_eq!(signal_number(name), None, "{name:?}");
    }
}
