//! The binary: arguments, role, wiring, and an exit code. All real work is in the crates.

mod roles;

use std::process::ExitCode;

use clap::Parser;
use cli::arguments::{Arguments, Command};
use runtime::privileges::Privileges;

/// What clients are told: the level of the Kubernetes API that is served, and ours.
const VERSION: &str = concat!("v1.37.0+bireme.", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    // Roles of the runtime fork and enter namespaces, so they come before any thread.
    if let Some(code) = runtime::roles::run_if_role() {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let outcome = run();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // A closed standard error leaves the exit code to speak.
            std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("error: {error:#}\n")).unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    // One TLS provider, named before anything can ask for one.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider was installed twice"))?;
    match std::env::args().nth(1).as_deref() {
        Some(roles::orders::SERVER) => return logged(roles::serve::run).map(done),
        Some(roles::orders::NODE) => return logged(roles::node::run).map(done),
        Some(roles::orders::JANITOR) => return roles::janitor::run().map(done),
        _ => {}
    }
    let privileges = Privileges::detect();
    let outcome = match Arguments::parse().command {
        Command::Doctor(doctor) => return roles::doctor::run(&doctor, privileges),
        Command::Wasm(wasm) => return roles::wasm::run(&wasm, privileges),
        Command::Up(up) => tasks()?.block_on(roles::up::run(roles::settings::settle(&up, privileges)?)),
        Command::Down(down) => {
            let data = down.data_dir.map_or_else(|| roles::settings::default_data_dir(privileges), Ok)?;
            roles::down::run(&data, privileges)
        }
        Command::Demo(demo) => tasks()?.block_on(roles::demo::run(&demo, privileges)),
        Command::Get(get) => client(&get.target, privileges, async |client| cli::get::run(client, &get).await),
        Command::Apply(apply) => {
            client(&apply.target, privileges, async |client| cli::apply::run(client, &apply).await)
        }
        Command::Delete(delete) => {
            client(&delete.target, privileges, async |client| cli::delete::run(client, &delete).await)
        }
        Command::Logs(logs) => client(&logs.target, privileges, async |client| cli::logs::run(client, &logs).await),
    };
    outcome.map(done)
}

/// What has no exit code of its own went well.
fn done(_: ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// Runs a command that is a client of the API.
fn client(
    target: &cli::arguments::Target,
    privileges: Privileges,
    command: impl AsyncFnOnce(&cli::Client) -> Result<(), cli::CommandError>,
) -> anyhow::Result<()> {
    let local = roles::settings::default_data_dir(privileges).ok().map(|dir| dir.join("kubeconfig"));
    let outcome = tasks()?.block_on(async {
        let client = cli::Client::connect(target, local.as_deref()).await?;
        command(&client).await
    });
    match outcome {
        // A reader that has gone away is no failure of ours.
        Err(cli::CommandError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Tasks of a parent: it only waits, so one thread is enough.
fn tasks() -> anyhow::Result<tokio::runtime::Runtime> {
    use anyhow::Context;
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start tasks")
}

/// Runs a child role with its log on standard error.
fn logged(role: fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BIREME_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,openraft=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    role()
}
