//! A container runs: streams, codes, environment, files, namespaces.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runtime::linux::{PidNamespace, Stdio, pause};

use crate::pod::{Fixture, Outcome, finish, reap};

pub(crate) fn exit_code_and_streams() {
    let outcome = Fixture::new().run(&["sh", "-c", "echo out; echo err >&2; exit 42"]).unwrap();
    assert_eq!(outcome, Outcome { code: 42, output: "out\nerr\n".to_owned() });
    assert_eq!(Fixture::new().run(&["sh", "-c", "kill -9 $$; exit 3"]).unwrap().code, 3, "init is deaf to its own SIGKILL");
}

pub(crate) fn environment_and_directory() {
    let mut fixture = Fixture::new();
    fixture.env = [("A", "1"), ("B", "two words"), ("A", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    fixture.check(
        "env | sort",
        "A=2\nB=two words\nHOME=/root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\nSHLVL=1",
    );
    fixture.cwd = "/made/here".into();
    fixture.check("pwd; umask", "/made/here\n0022");
}

pub(crate) fn missing_commands() {
    let check = |command: &[&str], expected: &str| {
        assert_eq!(Fixture::new().run(command).unwrap_err().to_string(), expected);
    };
    check(&["foo"], r#"exec: "foo": executable file not found in $PATH"#);
    check(&["/bin/foo", "x"], r#"exec: "/bin/foo": no such file or directory"#);
    check(&["/etc/plain"], r#"exec: "/etc/plain": permission denied"#);
    check(&["/etc"], r#"exec: "/etc": is a directory"#);
    check(&[], "no command specified");
    let fixture = Fixture::new();
    fs::set_permissions(fixture.image().join("etc/plain"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(fixture.run(&["/etc/plain"]).unwrap_err().to_string(), r#"exec: "/etc/plain": exec format error"#);
}

pub(crate) fn own_processes_and_host_name() {
    Fixture::new().check("echo $$; hostname; cat /proc/1/cmdline | head -c 2", "1\npod-a\nsh");
}

pub(crate) fn terminal() {
    let fixture = Fixture::new();
    let mut started = fixture.start(&["sh", "-c", "tty; stat -c %t:%T /dev/console; echo $TERM"], Stdio::Terminal).unwrap();
    let console = started.console.take().expect("the master comes back");
    let outcome = finish(&started, console);
    assert_eq!(outcome, Outcome { code: 0, output: "/dev/pts/0\r\n88:0\r\nxterm\r\n".to_owned() });
}

pub(crate) fn many_layers_and_copy_up() {
    let mut fixture = Fixture::new();
    let layers: Vec<PathBuf> = (0..100).map(|n| fixture.dir.path().join(format!("{n:0>64}"))).collect();
    for (n, layer) in layers.iter().enumerate() {
        fs::create_dir(layer).unwrap();
        fs::write(layer.join("which"), format!("layer {n}")).unwrap();
        fs::write(layer.join(format!("only-{n}")), "").unwrap();
    }
    fixture.lowers = layers.into_iter().chain([fixture.image()]).collect();
    fixture.check("cat /which; echo; ls / | grep -c only-; echo new > /which; cat /which", "layer 0\n100\nnew");
    assert_eq!(fs::read_to_string(fixture.dir.path().join("upper/which")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(fixture.lowers[0].join("which")).unwrap(), "layer 0");
}

pub(crate) fn shared_process_namespace() {
    let mut fixture = Fixture::new();
    let init = pause(&fixture.group).unwrap();
    fixture.pid_namespace = PidNamespace::Join(format!("/proc/{}/ns/pid", init.pid).into());
    fixture.check("test $$ -gt 1 && ls -a /proc/1/root 2>&1", "ls: /proc/1/root: Permission denied\n".trim_end());
    kill(Pid::from_raw(init.pid), Signal::SIGKILL).unwrap();
    assert_eq!(reap(init.pid), 137);
    // The caller's own later children are in its own process namespace again.
    fixture.pid_namespace = PidNamespace::Own;
    fixture.check("echo $$", "1");
}

pub(crate) fn nothing_is_left() {
    let look = || {
        let groups = fs::read_to_string("/proc/self/mountinfo").unwrap();
        (groups, fs::read_dir("/proc/self/fd").unwrap().count())
    };
    let before = look();
    let (group, dir) = {
        let fixture = Fixture::new();
        fixture.check("echo hello", "hello");
        fixture.run(&["nothing"]).unwrap_err();
        (fixture.group.clone(), fixture.dir.path().to_owned())
    };
    assert_eq!(look(), before, "mounts or descriptors remain");
    assert!(!group.exists() && !dir.exists());
}
