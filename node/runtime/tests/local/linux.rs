//! Linux containers through the whole tree.

use std::path::PathBuf;

use runtime::contract::{ContainerConfig, ContainerState, Limits, Mount, Runtime, RuntimeError};

use crate::node::{Node, plain, script};

pub(crate) async fn prints_and_exits() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "echo out; echo err >&2; printf tail; exit 7")).await;
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.signal, exit.reason.as_str()), (7, None, "Error"));
    assert!(exit.started_at > 0 && exit.finished_at >= exit.started_at);
    let log = node.log(&id).await;
    for entry in ["stdout F out\n", "stderr F err\n", "stdout P tail\n"] {
        assert!(log.contains(entry), "{entry:?} in {log:?}");
    }
    assert!(matches!(node.container(&id).await.state, ContainerState::Exited(_)));
    let entrypoint = node.start_container(ContainerConfig { attempt: 1, ..plain("pod", &image) }).await;
    assert_eq!(node.exit(&entrypoint).await.reason, "Completed");
}

pub(crate) async fn environment_files_and_message() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let volume = tempfile::tempdir().unwrap();
    let words = "b=/bin/busybox; $b echo $FROM $ADDED $HOSTNAME; $b hostname; $b grep pod-host /etc/hosts; \
                 $b cat /etc/resolv.conf /etc/hostname; $b echo written > /data/file; $b printf bye > /dev/termination-log";
    let mut config = script("pod", &image, words);
    config.env = vec![("ADDED".to_owned(), "pod".to_owned())];
    config.mounts = vec![Mount::new(volume.path(), "/data", false)];
    let id = node.start_container(config).await;
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.message.as_str()), (0, "bye"));
    let log = node.log(&id).await.replace("stdout F ", "");
    assert_eq!(log, "image pod pod-host\npod-host\n192.0.2.2 pod-host\nnameserver 192.0.2.1\npod-host\n");
    assert_eq!(std::fs::read_to_string(volume.path().join("file")).unwrap(), "written\n");
}

pub(crate) async fn stops_by_signal_then_kill() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let polite = "trap 'exit 3' TERM; echo ready; while :; do /bin/busybox sleep 0.05; done";
    let id = node.start_container(script("pod", &image, polite)).await;
    node.logged(&id, "ready").await;
    node.runtime.stop_container(&id, 30_000).await.unwrap();
    assert_eq!(node.exit(&id).await.code, 3);
    node.runtime.stop_container(&id, 30_000).await.unwrap();

    let stubborn = "trap '' TERM; echo ready; while :; do /bin/busybox sleep 0.05; done";
    let id = node.start_container(ContainerConfig { attempt: 1, ..script("pod", &image, stubborn) }).await;
    node.logged(&id, "ready").await;
    node.runtime.stop_container(&id, 50).await.unwrap();
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.signal, exit.oom_killed), (137, Some(9), false));
    node.runtime.remove_container(&id).await.unwrap();
    node.runtime.remove_container(&id).await.unwrap();
}

pub(crate) async fn runs_commands() {
    let node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let run = |words: &'static str, timeout| {
        let command = ["/bin/busybox", "sh", "-c", words].map(str::to_owned);
        let (runtime, id) = (node.runtime.clone(), id.clone());
        async move { runtime.exec_sync(&id, &command, timeout).await }
    };
    let outcome = run("echo $FROM; echo err >&2; exit 5", 10_000).await.unwrap();
    assert_eq!((outcome.code, String::from_utf8(outcome.output).unwrap().as_str()), (5, "image\nerr\n"));
    let long = run("/bin/busybox head -c 100000 /dev/zero", 10_000).await.unwrap();
    assert_eq!((long.code, long.output.len()), (0, 16 * 1024));
    let late = run("/bin/busybox sleep 1000", 200).await.unwrap_err();
    assert!(
        matches!(&late, RuntimeError::System { cause, .. } if cause.kind() == std::io::ErrorKind::TimedOut),
        "{late}"
    );
    let used = node.runtime.usage(&node.sandbox_config("pod").id).await.unwrap();
    let [container] = used.containers.as_slice() else { panic!("one container runs: {used:?}") };
    assert_eq!((&container.id, container.usage.oom_kills), (&id, 0), "{used:?}");
    let usage = container.usage;
    assert!(
        usage.pids > 0
            && usage.cpu_nanos > 0
            && usage.page_faults > 0
            && usage.memory_usage >= usage.memory_working_set,
        "{used:?}"
    );
    assert!(used.total.cpu_nanos >= usage.cpu_nanos && used.total.pids >= 1, "{used:?}");
}

pub(crate) async fn shares_processes() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    let config = node.sandbox_config("pod");
    node.runtime.run_pod_sandbox(runtime::contract::SandboxConfig { share_processes: true, ..config }).await.unwrap();
    let first = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1234")).await;
    let other = ContainerConfig { name: "other".to_owned(), ..script("pod", &image, "/bin/busybox ps") };
    let second = node.start_container(other).await;
    assert_eq!(node.exit(&second).await.code, 0);
    assert!(node.log(&second).await.contains("sleep 1234"));
    node.runtime.stop_pod_sandbox(&node.sandbox_config("pod").id).await.unwrap();
    assert_eq!(node.exit(&first).await.signal, Some(9));
}

pub(crate) async fn keeps_memory_limit() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let mut config = script("pod", &image, "exec /bin/busybox dd if=/dev/zero of=/dev/null bs=200M count=1");
    config.limits = Limits { memory: Some(32 << 20), ..Limits::default() };
    let id = node.start_container(config).await;
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.oom_killed, exit.reason.as_str()), (137, true, "OOMKilled"));
}

pub(crate) async fn reports_a_failed_start() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let config = ContainerConfig { command: vec!["/nowhere".to_owned()], ..plain("pod", &image) };
    let id = node.runtime.create_container(config).await.unwrap();
    let error = node.runtime.start_container(&id).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::Start { reason: "StartError", message } if message.contains("/nowhere")),
        "{error}"
    );
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.reason.as_str(), exit.started_at), (128, "StartError", 0));
    let escape = ContainerConfig { name: "../escape".to_owned(), ..plain("pod", &image) };
    assert!(matches!(node.runtime.create_container(escape).await, Err(RuntimeError::Invalid(_))));
    let missing = node.try_pull("absent").await.unwrap_err();
    assert!(missing.contains("not found in the registry"), "{missing}");
    assert!(!PathBuf::from("/escape").exists());
}
