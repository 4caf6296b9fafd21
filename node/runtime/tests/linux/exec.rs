//! Commands beside a running container.

use runtime::linux::{ExecSpec, Launched, Process, Stdio, exec};

use crate::pod::{Fixture, Outcome, finish, pipes};

pub(crate) fn sleeping(fixture: &Fixture) -> Launched {
    fixture.start(&["sleep", "1000"], pipes().1).unwrap()
}

fn spec(fixture: &Fixture, container: &Launched, process: Process) -> ExecSpec {
    ExecSpec { process, pid: container.pid, users: fixture.users.clone(), group: fixture.group.clone() }
}

pub(crate) fn run(fixture: &Fixture, container: &Launched, command: &[&str]) -> Outcome {
    let (reader, stdio) = pipes();
    let process = fixture.process(command, stdio);
    let started = exec(&spec(fixture, container, process)).unwrap();
    finish(&started, reader)
}

pub(crate) fn joins_the_container() {
    let mut fixture = Fixture::new();
    let container = sleeping(&fixture);
    let script = "cat /proc/1/cmdline; test /proc/1/ns/mnt -ef /proc/self/ns/mnt && echo same files";
    assert_eq!(run(&fixture, &container, &["sh", "-c", script]).output, "sleep\u{0}1000\u{0}same files\n");
    let cgroups =
        "for n in mnt pid cgroup; do for p in 1 self; do readlink /proc/$p/ns/$n; done; done | sort | uniq | wc -l";
    let cgroups = cgroups.replace("uniq", "busybox uniq");
    assert_eq!(run(&fixture, &container, &["sh", "-c", &cgroups]).output, "3\n");
    fixture.security.user = Some(33);
    assert_eq!(
        run(&fixture, &container, &["sh", "-c", "id -u; mount -t tmpfs x /tmp 2>/dev/null || echo refused"]).output,
        "33\nrefused\n"
    );
}

pub(crate) fn pipes_and_exit_code() {
    let fixture = Fixture::new();
    let container = sleeping(&fixture);
    assert_eq!(
        run(&fixture, &container, &["sh", "-c", "echo $PWD; exit 7"]),
        Outcome { code: 7, output: "/\n".to_owned() }
    );
    let process = fixture.process(&["nothing"], pipes().1);
    let error = exec(&spec(&fixture, &container, process)).unwrap_err();
    assert_eq!(error.to_string(), r#"exec: "nothing": executable file not found in $PATH"#);
    let inside = fixture.group.procs().unwrap();
    assert_eq!(inside, [container.pid], "only the container's own process remains");
}

pub(crate) fn terminal_of_its_own() {
    let fixture = Fixture::new();
    let container = sleeping(&fixture);
    let process = fixture.process(&["sh", "-c", "tty; echo $TERM"], Stdio::Terminal);
    let mut started = exec(&spec(&fixture, &container, process)).unwrap();
    let console = started.console.take().expect("the master comes back");
    assert_eq!(finish(&started, console).output, "/dev/pts/0\r\nxterm\r\n");
}
