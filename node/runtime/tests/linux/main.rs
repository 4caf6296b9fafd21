//! Containers on the real kernel: each check starts processes in namespaces and control groups of its own and looks at
//! them as a user would.
//!
//! A launch needs a single-threaded caller, which libtest is not, so this file has a `main` of its own that runs the checks
//! one after another. Arguments filter by name. Needs root and `/bin/busybox` (package `busybox-static`), and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]
#![allow(clippy::print_stdout, reason = "the report of the checks")]
#![allow(missing_docs, reason = "tests")]

mod escapes;
mod exec;
mod groups;
mod identity;
mod pod;
mod running;
mod shares;
mod sys;
mod tricks;
mod users;
mod vm;
mod worker_filter;

use std::panic::catch_unwind;
use std::process::ExitCode;

/// A named check.
type Check = (&'static str, fn());

/// Lists checks under their own names.
macro_rules! checks {
    ($($module:ident: $($name:ident)*;)*) => {
        [$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn()),)*)*]
    };
}

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let all: &[Check] = &checks! {
        groups: limits_are_written_and_lifted kill_reaches_all_processes freeze_stops_and_thaw_continues removal_is_idempotent;
        running: exit_code_and_streams environment_and_directory missing_commands own_processes_and_host_name
            terminal many_layers_and_copy_up shared_process_namespace nothing_is_left;
        identity: users capabilities_and_new_privileges system_calls profile_file non_root_is_refused;
        escapes: read_only_and_hidden_files mounts_follow_no_link_out own_program_is_refused
            read_only_view_cannot_be_written no_descriptor_of_the_node_is_inherited devices_made_inside_open_nothing;
        groups: memory_limit_kills process_limit_refuses_forks;
        users: root_inside_is_nobody_on_the_node containers_work_as_usual capabilities_end_at_the_pod
            network_and_host_name_are_the_pods_own;
        shares: read_only_reaches_as_deep_as_asked later_mounts_are_shared_as_asked devices_are_for_privileged_containers;
        tricks: covers_are_the_nodes_own kernel_file_systems_follow_no_link nothing_is_mounted_over_proc
            our_processes_are_closed_to_neighbours control_groups_are_out_of_reach unmasked_proc_shows_everything
            an_app_armor_profile_needs_app_armor;
        worker_filter: nothing_but_a_guest_runs_in_a_worker sockets_are_of_the_internet_only;
        exec: joins_the_container terminal_of_its_own pipes_and_exit_code;
    };
    if vm::is_first_process() {
        vm::set_up();
        pod::enter();
        vm::end(run(all, &[]).1);
    }
    // Before the rest, which leaves this process in namespaces and non-dumpable.
    let on_v2: &[Check] = &checks! { vm: every_check_passes_on_cgroup_v2_alone; };
    let (passed_there, failed_there) = run(on_v2, &filters);
    pod::enter();
    let (passed, failed) = run(all, &filters);
    let (passed, failed) = (passed + passed_there, failed + failed_there);
    // The form of libtest, which `cargo xtask test` sums.
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the checks that the filters choose; how many passed and failed.
fn run(checks: &[Check], filters: &[String]) -> (u32, u32) {
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in checks.iter().filter(|(name, _)| chosen(name)) {
        let succeeded = catch_unwind(check).is_ok();
        *if succeeded { &mut passed } else { &mut failed } += 1;
        println!("{name} ... {}", if succeeded { "ok" } else { "FAILED" });
    }
    (passed, failed)
}
