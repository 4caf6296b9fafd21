//! What a store holds for its guest.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::budget::{Budget, Share};
use super::network::Network;
use super::outgoing::Outgoing;
use super::output::Output;
use super::{Preopen, WorkerExit, WorkerSpec};

/// State of a component's store.
pub(crate) struct CommandState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    outgoing: Outgoing,
    pub(super) share: Share,
}

/// State of a module's store.
pub(crate) struct ModuleState {
    pub(crate) wasi: WasiP1Ctx,
    pub(super) share: Share,
}

impl WasiView for CommandState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for CommandState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}

/// Makes stores: what a worker's instances have in common.
pub(super) struct Stores {
    args: Vec<String>,
    env: Vec<(String, String)>,
    preopens: Vec<Preopen>,
    network: Network,
    outgoing: Outgoing,
    budget: Arc<Budget>,
    output: Output,
}

impl Stores {
    pub(super) fn new(spec: &WorkerSpec, output: &Output) -> Result<Self, WorkerExit> {
        Ok(Self {
            args: spec.args.clone(),
            env: spec.env.clone(),
            preopens: spec.preopens.clone(),
            network: Network::of(spec).map_err(|error| WorkerExit::not_started("read the granted sockets", error))?,
            outgoing: Outgoing::new(&spec.outgoing_hosts, output)
                .map_err(|error| WorkerExit::not_started("read the granted outgoing hosts", error))?,
            budget: Budget::new(spec.memory_limit),
            output: output.clone(),
        })
    }

    /// A store for one instance of a component.
    pub(super) fn component(&self, engine: &Engine) -> wasmtime::Result<Store<CommandState>> {
        let state = CommandState {
            wasi: self.context()?.build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            outgoing: self.outgoing.clone(),
            share: Share::of(&self.budget),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.share);
        yield_each_tick(&mut store);
        Ok(store)
    }

    /// A store for an instance of a module.
    pub(super) fn module(&self, engine: &Engine) -> wasmtime::Result<Store<ModuleState>> {
        let state = ModuleState { wasi: self.context()?.build_p1(), share: Share::of(&self.budget) };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.share);
        yield_each_tick(&mut store);
        Ok(store)
    }

    /// Arguments, environment, directories, streams and network of the guest.
    fn context(&self) -> wasmtime::Result<WasiCtxBuilder> {
        let mut context = WasiCtxBuilder::new();
        context.args(&self.args).envs(&self.env).stdout(self.output.stdout()).stderr(self.output.stderr());
        // The process's own, which is empty where a container has none.
        context.inherit_stdin();
        for preopen in &self.preopens {
            let permissions = if preopen.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
            context
                .preopened_dir(&preopen.host, &preopen.guest, permissions)
                .map_err(|error| error.context(format!("cannot open the directory {}", preopen.host.display())))?;
        }
        self.network.grant(&mut context);
        Ok(context)
    }
}

/// Lets the runtime look at signals, deadlines and other requests at every tick while the guest computes.
fn yield_each_tick<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}
