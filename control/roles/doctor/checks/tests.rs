//! Judgements of machines that were never seen.

use super::*;
use crate::roles::doctor::report;

/// A machine that has everything.
fn machine() -> Facts {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Facts {
        privileges: Privileges::Root,
        kernel: Some((6, 12)),
        user_namespaces: Some(60_000),
        overlay: true,
        controllers: [words(&["cpu", "memory", "pids"]), Vec::new()],
        nft: Ok(()),
        lacking_modules: Vec::new(),
        seccomp: true,
        app_armor: true,
        directory: "/var/lib".into(),
        sync: Ok(Duration::from_micros(200)),
        room: Some(1 << 40),
        since_1970: EARLIEST,
        listen: ([127, 0, 0, 1], 6443).into(),
        port: Ok(()),
        inotify_instances: Some(1024),
        open_files: Some(1 << 20),
        pids: Some(1 << 22),
        forwarding: Some(false),
        available_memory: Some(1 << 34),
        wasm: Ok(()),
    }
}

/// Names of what is limited, and of what is missing.
fn lacks(facts: &Facts) -> [Vec<&'static str>; 2] {
    let findings = all(facts);
    let named = |wanted: fn(&Outcome) -> bool| {
        findings.iter().filter(|finding| wanted(&finding.outcome)).map(|finding| finding.name).collect()
    };
    [named(|outcome| matches!(outcome, Outcome::Limited(_))), named(|outcome| matches!(outcome, Outcome::Missing(_)))]
}

#[track_caller]
fn check(change: impl FnOnce(&mut Facts), limited: &[&str], missing: &[&str]) {
    let mut facts = machine();
    change(&mut facts);
    assert_eq!(lacks(&facts), [limited.to_vec(), missing.to_vec()]);
}

#[test]
fn every_lack_is_told_by_what_it_costs() {
    check(|_| {}, &[], &[]);
    check(|facts| facts.kernel = Some((5, 4)), &[], &["kernel"]);
    check(|facts| facts.kernel = Some((5, 15)), &["kernel"], &[]);
    check(|facts| facts.controllers.swap(0, 1), &["cgroups"], &[]);
    check(|facts| facts.controllers = [Vec::new(), Vec::new()], &[], &["cgroups"]);
    check(|facts| facts.overlay = false, &[], &["overlayfs"]);
    check(|facts| facts.nft = Err("there is no program nft".to_owned()), &[], &["nftables"]);
    check(|facts| facts.lacking_modules = vec!["veth"], &[], &["pod network"]);
    check(|facts| facts.user_namespaces = Some(0), &["user namespaces"], &[]);
    check(|facts| facts.app_armor = false, &["AppArmor"], &[]);
    check(|facts| facts.wasm = Err("no address space".to_owned()), &[], &["WebAssembly"]);
    check(|facts| facts.sync = Ok(Duration::from_millis(30)), &["disk writes"], &[]);
    check(|facts| facts.sync = Err("Permission denied".to_owned()), &[], &["disk writes"]);
    check(|facts| facts.room = Some(1 << 30), &["disk room"], &[]);
    check(|facts| facts.room = Some(1 << 20), &[], &["disk room"]);
    check(|facts| facts.available_memory = Some(1 << 28), &["memory"], &[]);
    check(|facts| facts.since_1970 = Duration::ZERO, &[], &["time"]);
    check(|facts| facts.port = Err("Address already in use".to_owned()), &[], &["port"]);
    check(|facts| facts.pids = Some(1000), &["processes"], &[]);
}

#[test]
fn what_is_not_told_is_no_lack() {
    let silent = |facts: &mut Facts| {
        (facts.kernel, facts.user_namespaces, facts.room, facts.available_memory) = (None, None, None, None);
        (facts.inotify_instances, facts.open_files, facts.pids, facts.forwarding) = (None, None, None, None);
    };
    check(silent, &[], &[]);
}

#[test]
fn without_root_only_what_wasm_needs_counts() {
    let bare = |facts: &mut Facts| {
        facts.privileges = Privileges::None;
        facts.overlay = false;
        facts.controllers = [Vec::new(), Vec::new()];
        facts.nft = Err("there is no program nft".to_owned());
        facts.app_armor = false;
    };
    check(bare, &["privileges"], &[]);
}

#[test]
fn the_table_says_what_a_lack_costs_and_what_helps() {
    let facts = Facts { overlay: false, ..machine() };
    let findings: Vec<Finding> =
        all(&facts).into_iter().filter(|one| ["kernel", "overlayfs"].contains(&one.name)).collect();
    expect_test::expect![[r#"
        CHECK       STATE     FOUND
        kernel      ok        Linux 6.12
        overlayfs   missing   not in this kernel
                              costs: Linux containers do not start: their layers cannot be stacked
                              helps: modprobe overlay

        A cluster cannot run here until what is missing is there.
    "#]]
    .assert_eq(&report::table(&findings));
}
