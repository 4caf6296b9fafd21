//! Tests of what runs in processes of its own: the compile child and the worker. This executable plays both roles.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests assert, and the worker role reports on its standard output"
)]

mod cache;
mod command;
mod compile;
mod http;
mod lab;
mod worker;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// Names tests after their functions.
macro_rules! trials {
    ($($module:ident :: $test:ident),* $(,)?) => {
        vec![$(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || { $module::$test(); Ok(()) })),*]
    };
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(wasm::COMPILE_ROLE) => return wasm::child_main(),
        Some(worker::ROLE) => return worker::role_main(),
        _ => {}
    }
    let trials = trials![
        compile::hostile_code_is_stopped_by_each_limit,
        compile::invalid_code_is_explained,
        compile::an_artifact_over_the_size_limit_is_not_read,
        compile::the_compiler_has_no_identity_network_or_files,
        cache::compiled_code_survives_a_restart,
        cache::changed_code_is_not_loaded_but_compiled_again,
        cache::code_of_another_artifact_or_node_is_not_loaded,
        cache::the_key_is_private,
        command::a_component_gets_what_it_was_given,
        command::directories_are_the_only_files,
        command::sockets_need_a_grant,
        command::a_module_prints_and_exits,
        command::a_trap_names_its_functions,
        command::memory_ends_at_the_limit,
        command::sigterm_ends_a_spinning_guest,
        command::a_worker_without_privileges_maps_its_code,
        command::a_missing_interface_is_named,
        http::each_request_has_a_fresh_instance,
        http::bodies_stream_both_ways,
        http::a_neighbour_is_called_only_when_granted,
        http::a_trap_costs_one_request,
        http::a_spinning_request_is_stopped_and_delays_nobody,
        http::a_worker_whose_guests_wait_sleeps_until_the_next_request,
        http::the_instances_share_one_memory_limit,
        http::http2_is_served_to_who_begins_with_it,
        http::sigterm_lets_requests_end,
        http::a_server_without_a_port_is_refused,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
