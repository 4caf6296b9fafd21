//! The hidden roles of the binary.
//!
//! `main` asks [`run_if_role`] before any thread or async runtime exists. Each role is one process of the tree: the zygote
//! is long-lived, `compile` and `unpack` are short-lived children that work on untrusted bytes under confinement. Shims and
//! workers are forks of the zygote and need no role.

/// `argv[1]` of the zygote.
pub const ZYGOTE: &str = "zygote";

/// Runs the hidden role that `argv[1]` names and returns its exit code; `None` when this is an ordinary start.
///
/// Must be called first in `main`, while the process has one thread.
pub fn run_if_role() -> Option<i32> {
    let mut arguments = std::env::args_os().skip(1);
    let role = arguments.next()?;
    if role == ZYGOTE {
        return Some(crate::zygote::main());
    }
    if role == wasm::COMPILE_ROLE {
        return Some(i32::from(wasm::child_main() != std::process::ExitCode::SUCCESS));
    }
    if role == registry_client::unpack::ROLE {
        let arguments: Vec<String> = arguments.filter_map(|argument| argument.into_string().ok()).collect();
        return Some(registry_client::unpack::child_main(&arguments));
    }
    None
}
