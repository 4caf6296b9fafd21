//! The runtime on the real kernel: sandboxes, containers of both kinds, restarts, deaths and leaks, as an agent sees them.
//!
//! The runtime executes this very program in its hidden roles, so `main` looks for a role before anything else, which
//! libtest cannot. Arguments filter by name; `bench` measures instead. Needs root and `/bin/busybox` (package
//! `busybox-static`), and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]
#![allow(clippy::print_stdout, reason = "the report of the checks")]
#![allow(missing_docs, reason = "tests")]

mod bench;
mod deaths;
mod escapes;
mod leaks;
mod linux;
mod node;
mod wasm;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A named check; it gets a runtime of its own to block on.
type Check = (&'static str, fn(&tokio::runtime::Runtime));

/// Lists asynchronous checks under their own names.
macro_rules! checks {
    ($($module:ident: $($name:ident)*;)*) => {
        [$($((concat!(stringify!($module), "::", stringify!($name)),
              (|tokio: &tokio::runtime::Runtime| tokio.block_on($module::$name())) as fn(&tokio::runtime::Runtime)),)*)*]
    };
}

fn main() {
    if let Some(code) = runtime::roles::run_if_role() {
        std::process::exit(code);
    }
    assert!(nix::unistd::geteuid().is_root(), "these checks make namespaces, mounts and cgroups: run them as root");
    assert!(std::path::Path::new("/bin/busybox").exists(), "these checks run busybox: install busybox-static");
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let all: &[Check] = &checks! {
        linux: prints_and_exits environment_files_and_message stops_by_signal_then_kill runs_commands
            shares_processes keeps_memory_limit reports_a_failed_start;
        wasm: says_hello traps_with_a_backtrace names_a_missing_import serves_http is_stopped_although_it_spins
            runs_unprivileged;
        deaths: pods_survive_an_agent_restart exits_while_no_agent_looks a_dead_shim_loses_its_pod
            a_dead_zygote_is_replaced an_ephemeral_node_leaves_nothing cleanup_is_idempotent;
        escapes: our_program_cannot_be_written_by_privileged_containers;
        leaks: fifty_sandboxes_leave_nothing;
    };
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    if filters.iter().any(|filter| filter == "bench") {
        tokio.block_on(bench::start_run_and_exit());
        return;
    }
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in all.iter().filter(|(name, _)| chosen(name)) {
        let started = std::time::Instant::now();
        let succeeded = catch_unwind(AssertUnwindSafe(|| check(&tokio))).is_ok();
        *if succeeded { &mut passed } else { &mut failed } += 1;
        let outcome = if succeeded { "ok" } else { "FAILED" };
        println!("test {name} ... {outcome} ({:.2} s)", started.elapsed().as_secs_f64());
    }
    // The form of libtest, which `cargo xtask test` sums.
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    std::process::exit(failed.min(1));
}
