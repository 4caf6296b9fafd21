//! Guests that run to their end.

use std::fs::File;

use tokio::signal::unix::{SignalKind, signal};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::CommandPre;

use super::output::Output;
use super::state::Stores;
use super::{WorkerExit, WorkerSpec};
use crate::engine::Preloaded;
use crate::sys;

/// Runs a component's `wasi:cli/run`.
pub(super) async fn component(
    preloaded: &Preloaded,
    spec: &WorkerSpec,
    code: File,
    output: &Output,
    on_ready: impl FnOnce(),
) -> WorkerExit {
    let started = async {
        let stores = Stores::new(spec, output)?;
        let component = sys::load_component(&preloaded.single, code).map_err(start("load the compiled component"))?;
        let command = preloaded.commands.instantiate_pre(&component).and_then(CommandPre::new);
        let command = command.map_err(start("link the component"))?;
        let mut store = stores.component(&preloaded.single).map_err(start("prepare the guest"))?;
        let instance = command.instantiate_async(&mut store).await.map_err(start("instantiate the component"))?;
        Ok((store, instance))
    };
    let (mut store, instance) = match started.await {
        Ok(started) => started,
        Err(exit) => return exit,
    };
    until_terminated(on_ready, async move {
        match instance.wasi_cli_run().call_run(&mut store).await {
            Ok(Ok(())) => WorkerExit::exited(0),
            Ok(Err(())) => WorkerExit::exited(1),
            Err(error) => ended_by(&error),
        }
    })
    .await
}

/// Runs a module's `_start`.
pub(super) async fn module(
    preloaded: &Preloaded,
    spec: &WorkerSpec,
    code: File,
    output: &Output,
    on_ready: impl FnOnce(),
) -> WorkerExit {
    let started = async {
        let stores = Stores::new(spec, output)?;
        let module = sys::load_module(&preloaded.single, code).map_err(start("load the compiled module"))?;
        let mut store = stores.module(&preloaded.single).map_err(start("prepare the guest"))?;
        let linked = preloaded.modules.instantiate_pre(&module).map_err(start("link the module"))?;
        let instance = linked.instantiate_async(&mut store).await.map_err(start("instantiate the module"))?;
        let entry = instance.get_typed_func::<(), ()>(&mut store, "_start").map_err(start("find _start"))?;
        Ok((store, entry))
    };
    let (mut store, entry) = match started.await {
        Ok(started) => started,
        Err(exit) => return exit,
    };
    until_terminated(on_ready, async move {
        match entry.call_async(&mut store, ()).await {
            Ok(()) => WorkerExit::exited(0),
            Err(error) => ended_by(&error),
        }
    })
    .await
}

/// A guest sees no signals: SIGTERM ends it at once, wherever it is.
async fn until_terminated(on_ready: impl FnOnce(), guest: impl Future<Output = WorkerExit>) -> WorkerExit {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return WorkerExit::not_started("listen for SIGTERM", error),
    };
    on_ready();
    tokio::select! {
        exit = guest => exit,
        _ = terminate.recv() => WorkerExit::terminated(),
    }
}

/// What an error out of a guest's entry means: WASI's exit travels as one.
fn ended_by(error: &wasmtime::Error) -> WorkerExit {
    match error.downcast_ref::<I32Exit>() {
        Some(I32Exit(code)) => WorkerExit::exited(*code),
        None => WorkerExit::trapped(error),
    }
}

fn start(what: &'static str) -> impl FnOnce(wasmtime::Error) -> WorkerExit {
    move |error| WorkerExit::not_started(what, format!("{error:#}"))
}
