//! Who the process is and what it may do.

use std::fs;

use runtime::contract::{Seccomp, Security};

use crate::pod::Fixture;

pub(crate) fn users() {
    let check = |image_user: Option<&str>, security: Security, expected: &str| {
        let mut fixture = Fixture::new();
        fixture.image_user = image_user.map(str::to_owned);
        fixture.security = security;
        fixture.check("echo $(id -u):$(id -g):$(id -G):$HOME", expected);
    };
    let security =
        |user, group, groups: &[u32]| Security { user, group, groups: groups.to_vec(), ..Security::default() };
    check(None, Security::default(), "0:0:0:/root");
    check(Some("web"), Security::default(), "33:33:33 44:/var/www");
    check(Some("web"), security(Some(65534), None, &[7]), "65534:0:0 7:/");
    check(None, security(Some(65534), Some(65534), &[]), "65534:65534:65534:/");

    let mut fixture = Fixture::new();
    fixture.image_user = Some("ghost".to_owned());
    let error = fixture.run(&["true"]).unwrap_err();
    assert_eq!(error.to_string(), "unable to find user ghost: no matching entries in passwd file");
    fixture.image_user = Some("web".to_owned());
    fixture.check("echo opened by name > /dev/stdout", "opened by name");
}

pub(crate) fn non_root_is_refused() {
    let mut fixture = Fixture::new();
    fixture.security.run_as_non_root = true;
    assert_eq!(
        fixture.run(&["true"]).unwrap_err().to_string(),
        "container has runAsNonRoot and image will run as root"
    );
}

pub(crate) fn capabilities_and_new_privileges() {
    let check = |security: Security, expected: &str| {
        let mut fixture = Fixture::new();
        fixture.security = security;
        fixture.check(
            "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | while read a b; do echo -n \"$b \"; done",
            expected,
        );
    };
    let (default, none) = ("00000000a80425fb", "0000000000000000");
    check(Security::default(), &format!("{none} {default} {default} {default} {none} 0 2"));
    check(
        Security { user: Some(1000), no_new_privileges: true, ..Security::default() },
        &format!("{none} {none} {none} {default} {none} 1 2"),
    );
    let only = "0000000000000400";
    check(
        Security {
            drop_capabilities: vec!["ALL".to_owned()],
            add_capabilities: vec!["NET_BIND_SERVICE".to_owned()],
            seccomp: Seccomp::Unconfined,
            ..Security::default()
        },
        &format!("{none} {only} {only} {only} {none} 0 0"),
    );
}

pub(crate) fn system_calls() {
    let refused = |security: Security| {
        let mut fixture = Fixture::new();
        fixture.security = security;
        let script = "for c in 'mount -t tmpfs x /tmp' 'unshare -m true' 'unshare -U true'; do $c 2>/dev/null && echo $c worked; done";
        fixture.check(script, "");
    };
    refused(Security::default());
    refused(Security { no_new_privileges: true, ..Security::default() });
    // Without the filter the user namespace is there for all: it is the filter that refuses, not the capability.
    let mut fixture = Fixture::new();
    fixture.security.seccomp = Seccomp::Unconfined;
    fixture.check("unshare -U true && echo worked", "worked");
    fixture.security = Security { add_capabilities: vec!["SYS_ADMIN".to_owned()], ..Security::default() };
    fixture.check("mount -t tmpfs x /tmp && echo mounted", "mounted");
    fixture.security = Security { privileged: true, ..Security::default() };
    fixture.check("mount -t tmpfs x /tmp && echo mounted", "mounted");
}

pub(crate) fn profile_file() {
    let mut fixture = Fixture::new();
    let path = fixture.dir.path().join("profile.json");
    let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}"#;
    fs::write(&path, profile).unwrap();
    fixture.security.seccomp = Seccomp::Localhost(path.clone());
    fixture.check("/bin/busybox mkdir /x 2>&1", "mkdir: can't create directory '/x': No space left on device");
    // Two answers are two filters for the kernel; the strict one must not hinder the other from being loaded.
    let strict = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["seccomp"],"action":"SCMP_ACT_ERRNO"},
        {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_KILL_PROCESS"}]}"#;
    fs::write(&path, strict).unwrap();
    assert_eq!(fixture.run(&["/bin/busybox", "mkdir", "/x"]).unwrap().code, 128 + libc::SIGSYS);
    fs::remove_file(&path).unwrap();
    let error = fixture.run(&["true"]).unwrap_err().to_string();
    let shown = path.display();
    assert_eq!(error, format!("cannot load seccomp profile \"{shown}\": open {shown}: no such file or directory"));
    fs::write(&path, "{").unwrap();
    let error = fixture.run(&["true"]).unwrap_err().to_string();
    let words = "EOF while parsing an object at line 1 column 1";
    assert_eq!(error, format!("decoding seccomp profile failed \"{shown}\": {words}"));
}
