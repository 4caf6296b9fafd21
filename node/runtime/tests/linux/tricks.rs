//! What runc's advisories of the last years have in common: an image or a neighbour that makes the runtime mount, write or
//! open something else than it means, and looks at the runtime's processes.

use std::fs;
use std::os::unix::fs::symlink;

use runtime::contract::{Mount, Security};
use runtime::linux::{PidNamespace, Stdio};

use crate::pod::{Fixture, finish};

/// CVE-2025-31133: what covers a secret file is the node's `/dev/null`, whatever an image calls so.
pub(crate) fn covers_are_the_nodes_own() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.image().join("dev")).unwrap();
    symlink("/proc/sysrq-trigger", fixture.image().join("dev/null")).unwrap();
    symlink("/proc/sys/kernel/core_pattern", fixture.image().join("dev/console")).unwrap();
    fixture
        .check("stat -c %F,%t:%T /dev/null /proc/interrupts", "character special file,1:3\ncharacter special file,1:3");
    // CVE-2025-52565: likewise the console, which is bound from the container's own terminals.
    let mut started = fixture.start(&["stat", "-c", "%F,%t:%T", "/dev/console"], Stdio::Terminal).unwrap();
    let console = started.console.take().expect("the master comes back");
    assert_eq!(finish(&started, console).output, "character special file,88:0\r\n");
}

/// CVE-2023-27561, CVE-2023-28642: a link in the image where the kernel's file systems go.
pub(crate) fn kernel_file_systems_follow_no_link() {
    for name in ["proc", "sys", "dev"] {
        let fixture = Fixture::new();
        symlink("/tmp", fixture.image().join(name)).unwrap();
        let error = fixture.run(&["true"]).unwrap_err().to_string();
        assert!(error.ends_with(&format!("on /{name}: too many symbolic links encountered")), "{error}");
    }
}

/// CVE-2025-52881, CVE-2019-16884: a volume over `/proc` would swallow what the runtime writes there to confine.
pub(crate) fn nothing_is_mounted_over_proc() {
    let mount_at = |place: &str| {
        let mut fixture = Fixture::new();
        let host = fixture.volume("data", "/data", false);
        fixture.mounts.push(Mount::new(host, place, false));
        fixture.run(&["true"]).map(|outcome| outcome.code).map_err(|error| error.to_string())
    };
    for place in ["/proc", "/proc/self/attr", "/proc/sys", "/data/../proc/fs"] {
        let error = mount_at(place).unwrap_err();
        assert!(error.ends_with("operation not permitted"), "{place}: {error}");
    }
    // The control: it is the place that is refused.
    assert_eq!(mount_at("/processes"), Ok(0));
}

/// A container that sees the node's processes may not look into ours; one that holds everything may.
pub(crate) fn our_processes_are_closed_to_neighbours() {
    let mut fixture = Fixture::new();
    fixture.pid_namespace = PidNamespace::Host;
    let pid = std::process::id();
    let script = format!(
        "ls /proc/{pid}/root/etc /proc/{pid}/cwd/ >/dev/null 2>&1 && echo listed; cat /proc/{pid}/maps >/dev/null 2>&1 && \
         echo read; readlink /proc/{pid}/exe; readlink /proc/{pid}/fd/0; test -d /proc/{pid} && echo seen"
    );
    fixture.check(&script, "seen");
    fixture.security = Security { privileged: true, ..Security::default() };
    fixture.check(&format!("readlink /proc/{pid}/exe >/dev/null && echo open"), "open");
}

/// CVE-2022-0492 and its like: no way to a control group's files but one's own, and those only to be read.
pub(crate) fn control_groups_are_out_of_reach() {
    let mut fixture = Fixture::new();
    let script = "mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; for o in memory rdma none,name=x; do \
                  mount -t cgroup -o $o x /tmp 2>/dev/null && echo mounted; done; \
                  for f in memory.max cgroup.procs; do echo 1 2>/dev/null > /sys/fs/cgroup/$f && echo written; done; \
                  cat /proc/self/cgroup | grep -vc ':/$'";
    // Every group is shown as the root of what there is: its place on the node is not told. (name=systemd and the like are
    // the node's own, and where the container stands in them is where we do.)
    let outcome = fixture.run(&["sh", "-c", script]).unwrap();
    assert!(!["made", "mounted", "written"].iter().any(|word| outcome.output.contains(word)), "{outcome:?}");
    if fixture.group.is_unified() {
        fixture.check("wc -l < /proc/self/cgroup; cat /proc/self/cgroup", "1\n0::/");
        fixture.security = Security { privileged: true, ..Security::default() };
        // The control: with all rights its own group is its to divide, and nothing above is there.
        fixture.check(
            "mkdir /sys/fs/cgroup/x && ls -d /sys/fs/cgroup/x; test -e /sys/fs/cgroup/memory.max && echo own",
            "/sys/fs/cgroup/x\nown",
        );
    }
}

/// `procMount: Unmasked` shows what is otherwise covered.
pub(crate) fn unmasked_proc_shows_everything() {
    let mut fixture = Fixture::new();
    fixture.security.unmasked_proc = true;
    fixture.check("test $(wc -c < /proc/interrupts) -gt 0 && echo shown", "shown");
}

/// AppArmor is refused where the kernel has none, with the reason; there is none on the machines that run this.
pub(crate) fn an_app_armor_profile_needs_app_armor() {
    let mut fixture = Fixture::new();
    fixture.security.apparmor = Some("bireme-default".to_owned());
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'));
    let error = fixture.run(&["true"]).unwrap_err().to_string();
    let expected = match enabled {
        false => "AppArmor profile bireme-default: AppArmor is not enabled on the node",
        true => "AppArmor profile bireme-default: the node has not loaded it, or refuses it: ",
    };
    assert!(error.starts_with(expected), "{error}");
}
