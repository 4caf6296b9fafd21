//! The engine configuration that compiler and workers share, and what the zygote preloads.

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy, WasmBacktraceDetails,
    component,
};

use crate::worker::{CommandState, ModuleState};

/// How many requests of one HTTP component run at the same time. Each holds one slot of the pool; more wait their turn.
pub const MAX_CONCURRENT_REQUESTS: u32 = 64;

/// Core instances, memories and tables that a component of ordinary build uses: the guest and the adapters around it.
const PARTS_PER_INSTANCE: u32 = 4;

/// Elements of one table (function pointers of a guest). Rust and C guests have hundreds; language runtimes tens of
/// thousands.
pub const MAX_TABLE_ELEMENTS: usize = 65_536;

/// Bytes of a linear memory that stay mapped when a pooled slot is cleaned: zeroing a few pages is cheaper than asking the
/// kernel to drop and fault them again.
const KEEP_RESIDENT: usize = 64 * 1024;

/// What an engine is for. All classes agree on everything that compiled code depends on, so that one compiled file serves
/// commands and servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Compiles.
    Compile,
    /// Runs one instance for the life of its process.
    Single,
    /// Runs one fresh instance per request, from a pool.
    PerRequest,
}

/// The configuration of an engine.
///
/// Epochs are always on, so that a spinning guest cannot hold its worker; fuel never, because it costs every guest a
/// quarter of its speed. Code generation is Cranelift's. Memory reservations stay at their defaults in every class: they
/// are part of the compatibility of compiled code.
#[must_use]
pub fn config(class: Class) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(false)
        // The only collector built in never frees; a guest that needs one is told so when it is compiled.
        .gc_support(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    if class == Class::PerRequest {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    }
    config
}

/// The pool of an HTTP worker. Address space is reserved, memory is not.
fn pool() -> PoolingAllocationConfig {
    let parts = MAX_CONCURRENT_REQUESTS * PARTS_PER_INSTANCE;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_CONCURRENT_REQUESTS)
        .total_core_instances(parts * 2)
        .total_memories(parts)
        .total_tables(parts)
        .total_stacks(MAX_CONCURRENT_REQUESTS)
        .total_gc_heaps(0)
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .max_unused_warm_slots(MAX_CONCURRENT_REQUESTS);
    pool
}

/// Engines and linkers, made once in the zygote and inherited by every worker. Making it starts no thread.
pub struct Preloaded {
    pub(crate) single: Engine,
    pub(crate) commands: component::Linker<CommandState>,
    pub(crate) modules: wasmtime::Linker<ModuleState>,
    pub(crate) per_request: Engine,
    pub(crate) servers: component::Linker<CommandState>,
}

impl std::fmt::Debug for Preloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preloaded").finish_non_exhaustive()
    }
}

/// Engines cannot be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare the WebAssembly engine: {0}")]
pub struct EngineError(#[source] pub(crate) wasmtime::Error);

impl Preloaded {
    /// Makes engines and linkers.
    ///
    /// # Errors
    /// The machine cannot run our code (an unknown processor, no address space). Where only the pool does not fit, HTTP
    /// components are instantiated without one.
    pub fn new() -> Result<Self, EngineError> {
        let single = Engine::new(&config(Class::Single)).map_err(EngineError)?;
        let per_request = Engine::new(&config(Class::PerRequest)).unwrap_or_else(|error| {
            tracing::warn!(%error, "no address space for the pool of HTTP instances, they are made without one");
            single.clone()
        });
        Ok(Self {
            commands: component_linker(&single).map_err(EngineError)?,
            modules: module_linker(&single).map_err(EngineError)?,
            servers: component_linker(&per_request).map_err(EngineError)?,
            single,
            per_request,
        })
    }
}

/// A linker with everything that [`crate::unsatisfied`] calls known.
fn component_linker(engine: &Engine) -> wasmtime::Result<component::Linker<CommandState>> {
    let mut linker = component::Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// A linker with WASI preview 1.
fn module_linker(engine: &Engine) -> wasmtime::Result<wasmtime::Linker<ModuleState>> {
    let mut linker = wasmtime::Linker::new(engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut ModuleState| &mut state.wasi)?;
    Ok(linker)
}

/// How many instances with this many memories and tables the pool holds at once.
pub(crate) fn instances_in_pool(memories: u32, tables: u32) -> u32 {
    let parts = MAX_CONCURRENT_REQUESTS * PARTS_PER_INSTANCE;
    let most = memories.max(tables).max(1);
    (parts / most).min(MAX_CONCURRENT_REQUESTS)
}
