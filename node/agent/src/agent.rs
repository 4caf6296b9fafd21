//! The agent as a whole: what it starts, in order, and how it stops.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use runtime::contract::{Runtime, RuntimeError};
use seam::{Seam, Task};
use tokio::sync::{Semaphore, watch};

use crate::allocation::Allocations;
use crate::capacity;
use crate::cluster::{ApiServer, Cluster};
use crate::config::{AgentConfig, Capacity};
use crate::context::{Context, PULLS_MAX, Tokens};
use crate::contract::PodNetworking;
use crate::endpoint::{Endpoint, EndpointError, Served};
use crate::events::Events;
use crate::node::{Identity, Keeper};
use crate::pods::Pods;
use crate::pressure::Guard;
use crate::protection::Group;
use crate::service_watch::ServiceWatch;
use crate::spec::NodeFacts;
use crate::usage::{self, Usages};
use crate::{shutdown, static_pods, storage};

/// Starts agents.
#[derive(Debug)]
pub struct Agent;

/// A running agent.
#[derive(Debug)]
pub struct RunningAgent {
    endpoint: SocketAddr,
    ready: watch::Receiver<bool>,
    context: Arc<Context>,
    pods: Arc<Pods>,
    groups: Vec<Group>,
    tasks: Vec<Task>,
}

/// Why an agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kubeconfig cannot be used.
    #[error("read the agent's kubeconfig: {0}")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The directory cannot be used.
    #[error("make the agent's directory {dir}: {cause}")]
    Directory {
        /// Directory.
        dir: PathBuf,
        /// Cause.
        #[source]
        cause: io::Error,
    },
    /// The kernel does not say what the machine has.
    #[error("detect the node's capacity: {0}")]
    Capacity(#[source] io::Error),
    /// The endpoint cannot be served.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The runtime cannot be read.
    #[error("list what runs on the node: {0}")]
    Runtime(#[from] RuntimeError),
}

impl Agent {
    /// Takes up what runs on the node, registers the Node, and keeps both as the API says.
    ///
    /// # Errors
    /// When a setting cannot be used or the runtime cannot be read. An API server that is away is no error: the agent waits for
    /// it, and what runs keeps running.
    pub async fn start(
        config: AgentConfig,
        runtime: Arc<dyn Runtime>,
        network: Arc<dyn PodNetworking>,
        seam: Seam,
    ) -> Result<RunningAgent, StartError> {
        let client = client(&config.kubeconfig).await?;
        let made = |cause| StartError::Directory { dir: config.dir.clone(), cause };
        std::fs::create_dir_all(config.dir.join("pods")).map_err(made)?;
        let capacity = match config.capacity {
            Some(capacity) => capacity,
            None => capacity::detect(&config.dir, config.protection.pods).map_err(StartError::Capacity)?,
        };
        let endpoint = Endpoint::bind(&config).await?;
        let address = endpoint.address;

        let cluster: Arc<dyn Cluster> = Arc::new(ApiServer(client.clone()));
        let services = ServiceWatch::new();
        let (events, events_task) = Events::start(&seam, Arc::clone(&cluster), config.node_name.clone());
        let mut tasks = services.start(&seam, &client, Arc::clone(&network), config.node_name.clone());
        tasks.push(events_task);

        let facts = facts(&config, &capacity);
        let context = Arc::new(Context {
            allocations: Allocations::new(config.dir.join("pods"), &facts.allocatable),
            facts,
            dir: config.dir.clone(),
            privileges: config.privileges,
            seam: seam.clone(),
            runtime: Arc::clone(&runtime),
            network,
            cluster,
            pulls: Semaphore::new(PULLS_MAX),
            services,
            events,
            tokens: Tokens::default(),
            mirrors: Arc::default(),
            standing: watch::Sender::default(),
        });
        runtime.bound_pods(capacity::bound(&capacity, &config.protection)).await?;
        let heard = runtime.events();
        let mirrors = Arc::clone(&context.mirrors);
        let pods = Arc::new(Pods::new(Arc::clone(&context)).await?);
        tasks.push(seam.spawn("ephemeral storage", storage::watch(Arc::clone(&context), Arc::clone(&pods))));
        let guard =
            Guard::new(Arc::clone(&context), Arc::clone(&pods), config.protection.clone(), config.image_dir.clone());
        tasks.push(seam.spawn("pressure", guard.watch()));
        let usages = Arc::new(Usages::default());
        tasks.push(
            seam.spawn("use of resources", usage::watch(Arc::clone(&context), Arc::clone(&pods), Arc::clone(&usages))),
        );
        let statics = static_pods::Keeper::new(config.static_pods.clone(), Arc::clone(&pods), &config.node_name).await;
        tasks.extend(statics.start(&seam, Arc::new(ApiServer(client.clone()))));
        tasks.push(endpoint.serve(&seam, Served { pods: Arc::clone(&pods), usages, capacity, seam: seam.clone() }));
        tasks.push(seam.spawn("runtime events", Arc::clone(&pods).listen(heard)));
        tasks.push(seam.spawn("watch pods", Arc::clone(&pods).follow(Api::<Pod>::all(client.clone()))));

        let info = capacity::info(&config.version, runtime.version());
        let groups = config.protection.shutdown.clone();
        let identity = Identity { config, capacity, info, port: address.port() };
        let (sender, ready) = watch::channel(false);
        let (own, shared) = (seam.clone(), Arc::clone(&context));
        let keeper = Keeper { identity, client, runtime, seam: own, ready: sender, mirrors, context: shared };
        tasks.push(seam.spawn("node", keeper.run()));
        Ok(RunningAgent { endpoint: address, ready, context, pods, groups, tasks })
    }
}

/// What pods may be told of the node.
fn facts(config: &AgentConfig, capacity: &Capacity) -> NodeFacts {
    NodeFacts {
        name: config.node_name.clone(),
        addresses: config.addresses.clone(),
        allocatable: capacity::allocatable(capacity, &config.protection),
        pod_pids: config.protection.pod_pids,
        cluster_dns: config.cluster_dns.clone(),
        resolv_conf: std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        app_armor: capacity::app_armor(),
        unsafe_sysctls: config.unsafe_sysctls.clone(),
    }
}

async fn client(kubeconfig: &str) -> Result<Client, StartError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StartError::Kubeconfig(error);
    let parsed = Kubeconfig::from_yaml(kubeconfig).map_err(|error| failed(error.into()))?;
    let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(|error| failed(error.into()))?).map_err(|error| failed(error.into()))
}

impl RunningAgent {
    /// Where the node endpoint listens.
    #[must_use]
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Waits until the Node is registered and reported ready.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        // The sender lives as long as its task; when that was stopped there is nothing to wait for.
        drop(ready.wait_for(|ready| *ready).await);
    }

    /// Ends all pods because the machine is about to end: by priority, each group with the time that the settings give it. The
    /// node says that it is not ready, and takes no more. Returns when that is over; [`RunningAgent::shutdown`] is still due.
    pub async fn end_pods(&self) {
        shutdown::run(&self.context, &self.pods, &self.groups).await;
    }

    /// Stops the agent. Pods keep running when `leave_pods`; otherwise they are stopped and removed first.
    pub async fn shutdown(self, leave_pods: bool) {
        self.tasks.iter().for_each(Task::abort);
        if leave_pods { self.pods.stop() } else { self.pods.remove_all().await }
    }
}
