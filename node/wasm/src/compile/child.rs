//! The compile role: standard input to standard output, confined.

use std::io::{Read, Write};
use std::process::ExitCode;

use wasmtime::Engine;

use super::confine::{Limits, confine};
use crate::engine::{Class, config};
use crate::inspect::{Form, inspect};

/// Exit code for an artifact that the compiler refuses; the reason is on standard error.
pub(super) const INVALID: i32 = 3;

/// Exit code for a child that could not shut itself in.
const UNCONFINED: u8 = 4;

/// The role's main function. Arguments after the role's name are [`Limits`], as [`super::compile`] passes them.
#[must_use]
pub fn child_main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let confined = Limits::from_args(&arguments)
        .ok_or_else(|| "expected the limits as numbers".to_owned())
        .and_then(|limits| confine(&limits).map(|()| limits).map_err(|error| error.to_string()));
    let limits = match confined {
        Ok(limits) => limits,
        Err(reason) => return complain(UNCONFINED, &format!("cannot confine the compiler: {reason}")),
    };
    match translate(&limits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => complain(u8::try_from(INVALID).unwrap_or(1), &reason),
    }
}

/// Reads, compiles, writes.
fn translate(limits: &Limits) -> Result<(), String> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(limits.input).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let artifact = inspect(&bytes).map_err(|error| error.to_string())?;
    let engine = Engine::new(&config(Class::Compile)).map_err(|error| format!("{error:#}"))?;
    let code = match artifact.form {
        Form::Module => engine.precompile_module(&bytes),
        Form::Component => engine.precompile_component(&bytes),
    }
    .map_err(|error| format!("{error:#}"))?;
    let mut output = std::io::stdout().lock();
    output.write_all(&code).and_then(|()| output.flush()).map_err(|error| error.to_string())
}

/// Says why on standard error. Nobody is left to tell when that fails, the code still says it.
fn complain(code: u8, reason: &str) -> ExitCode {
    match std::io::stderr().write_all(reason.as_bytes()) {
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}
