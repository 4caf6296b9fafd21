//! `wasm`: one artifact, without a cluster.

mod artifact;
mod inspect;
mod push;
mod run;

use std::process::ExitCode;

use cli::arguments::{Wasm, WasmCommand};
use runtime::privileges::Privileges;

/// Does what is asked. `run` ends with the exit code of the program.
pub(crate) fn run(wasm: &Wasm, privileges: Privileges) -> anyhow::Result<ExitCode> {
    match &wasm.command {
        WasmCommand::Inspect(options) => inspect::run(options),
        WasmCommand::Run(options) => run::run(options, privileges),
        WasmCommand::Push(options) => push::run(options),
    }
}
