//! What should run on this node: pods of the API become sandboxes and containers of a [`runtime::contract::Runtime`].
//!
//! In reading order: what the agent is told (`config`, `contract`), what it believes about one pod (`observed`), the
//! decisions as pure functions (`backoff`, `plan`, `status`, `spec`, `services`), what carries them out (`worker`,
//! `pods`, `volumes`, `probes`), what it tells the API (`cluster`, `reporter`, `events`, `node`), what it
//! runs without being told (`static_pods`), how it protects its machine (`protection`, `pressure`, `shutdown`), and what it
//! serves (`endpoint`, `logs`).
//!
//! Forbidden here: any knowledge of how a container runs (namespaces, Wasm, cgroups) or how a packet travels; clocks and
//! tasks other than those of [`seam`]; decisions inside the code that carries them out.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::needless_pass_by_value,
        reason = "tests assert, and hand over literals"
    )
)]

mod config;
mod contract;

mod allocation;
mod amount;
mod backoff;
mod observed;
mod plan;
mod policy;
mod resize;
mod services;
mod spec;
mod status;
mod verdict;

mod carry;
mod context;
mod given;
mod hooks;
mod images;
mod pods;
mod probes;
mod seat;
mod storage;
mod trap;
mod usage;
mod volumes;
mod worker;

mod cluster;
mod events;
mod node;
mod reporter;
mod service_watch;
mod static_pods;

mod capacity;
mod endpoint;
mod logs;

mod admission;
mod sysctls;
mod agent;
mod ending;
mod pressure;
mod protection;
mod shutdown;

#[cfg(test)]
mod fake;

pub use agent::{Agent, RunningAgent, StartError};
pub use config::{AgentConfig, Capacity, ClusterDns};
pub use contract::{NetworkError, PodNetworking};
pub use endpoint::EndpointError;
pub use protection::{PriorityWish, Protection, SettingError, Wishes};
pub use static_pods::StaticPods;
pub use sysctls::{NotNamespaced, UnsafeSysctls};
