//! Starting and stopping a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::range::Range;
use api::status::Status;
use api::verbs::Verbs;
use seam::Seam;
use serde_json::{Value, json};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::Builtin;
use crate::admit::Admission;
use crate::app::App;
use crate::bootstrap;
use crate::components::Component;
use crate::flows::Flows;
use crate::limits::Limits;
use crate::listen::{self, Listener};
use crate::meter::Meter;
use crate::nodes::NodeCaller;
use crate::pki::{NodeBundle, Pair, Pki, PkiError, kubeconfig};
use crate::usage::Usage;
use crate::verbs::{Core, InProcess};
use crate::watch::Hub;

/// A store that has just opened may still be electing; bootstrap is tried again this often, about a second apart.
const BOOTSTRAP_TRIES: usize = 30;
/// Between two tries of bootstrap.
const BOOTSTRAP_PAUSE: Duration = Duration::from_secs(1);

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Directory of keys and certificates; made when missing.
    pub pki_dir: PathBuf,
    /// Addresses under which others reach the server; when empty, those it listens on.
    pub advertise: Vec<IpAddr>,
    /// Ranges of Service addresses as network and prefix length, the primary family first.
    pub service_cidrs: Vec<(IpAddr, u8)>,
    /// Name of the cluster in kubeconfigs.
    pub cluster_name: String,
    /// Our own version, e.g. `0.1.0`.
    pub version: String,
    /// Who else is asked before a write.
    pub admission: Vec<Arc<dyn Admission>>,
    /// What else the control plane is made of.
    pub components: Vec<Component>,
    /// How much is taken on at once, and for how long.
    pub limits: Limits,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Keys or certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// Somebody else has the port.
    #[error("cannot listen on {address}: port {port} is in use; stop the process that has it (`ss -ltnp 'sport = :{port}'` names it) or choose another port", port = address.port())]
    PortInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What every cluster has cannot be made.
    #[error("cannot make the objects that every cluster has")]
    Bootstrap(#[source] Status),
}

/// Starts servers.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// Opens keys, binds ports, makes what every cluster has, and serves.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running after an error.
    pub async fn start(config: ServerConfig, store: Store, seam: Seam) -> Result<Running, StartError> {
        let now = seam.now();
        let pki = Pki::open(&config.pki_dir, now)?;
        let serving = pki.serving(&own_addresses(&config), now)?;
        let tls = listen::tls(&serving, pki.clients.certificate(), &config.pki_dir)?;
        let node_tls = listen::node_tls(&pki.node_caller(now)?, pki.nodes.certificate(), &config.pki_dir)?;
        let admin = pki.admin(now)?;
        let (sockets, addresses) = bind(&config.listen).await?;
        let reachable = bootstrap::reachable(&config.advertise, &addresses);
        let ServerConfig { service_cidrs, admission, components, .. } = config;
        let service_cidrs = ranges(&service_cidrs);
        let core = Arc::new(Core { store, seam: seam.clone(), service_cidrs, admission, components });
        let stop = CancellationToken::new();
        let version = version(&config.version);
        let meter = Meter::new(seam.metrics(), &version);
        let app = Arc::new(App {
            core: Arc::clone(&core),
            authorizer: Arc::new(Builtin),
            usage: Usage::default(),
            caller: NodeCaller { tls: Arc::new(node_tls), seam: seam.clone() },
            version,
            server_address: reachable.first().or(addresses.first()).map(ToString::to_string).unwrap_or_default(),
            bootstrapped: AtomicBool::new(false),
            reads: meter.gate("readOnly", config.limits.reads, config.limits.wait),
            writes: meter.gate("mutating", config.limits.writes, config.limits.wait),
            meter,
            limits: config.limits,
            flows: Flows::default(),
            stopping: stop.clone(),
            watches: Hub::new(&core.store, seam.metrics()),
        });
        let watches = Arc::clone(&app.watches).run(core.store.clone(), seam.clone(), stop.clone());
        seam.spawn("watches", watches);
        let listener = Listener::new(Arc::clone(&app), tls, stop.clone());
        for socket in sockets {
            seam.spawn("listener", listener.clone().accept(socket));
        }
        let verbs = Arc::new(InProcess(Arc::clone(&core)));
        let cluster_name = config.cluster_name;
        let node_url = if config.advertise.is_empty() { url(&addresses) } else { url(&reachable) };
        let running = Running {
            addresses,
            verbs,
            admin,
            pki,
            cluster_name,
            node_url,
            seam: seam.clone(),
            listener,
            stop: stop.clone(),
        };
        if let Err(status) = first_objects(&core, &reachable).await {
            running.shutdown().await;
            return Err(StartError::Bootstrap(status));
        }
        seam.spawn("default service range", bootstrap::service_range::keep(core, stop));
        app.bootstrapped.store(true, Ordering::Release);
        Ok(running)
    }
}

/// Addresses that the server's certificate must name, beside those of the machine itself.
fn own_addresses(config: &ServerConfig) -> Vec<IpAddr> {
    let listening = config.listen.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
    let service = bootstrap::service_address(&ranges(&config.service_cidrs));
    listening.chain(service).chain(config.advertise.iter().copied()).collect()
}

fn ranges(configured: &[(IpAddr, u8)]) -> Vec<Range> {
    configured.iter().map(|(address, length)| Range { address: *address, length: *length }).collect()
}

/// Takes every port, or none.
async fn bind(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), StartError> {
    let (mut sockets, mut addresses) = (Vec::new(), Vec::new());
    for address in wanted {
        let refused = |source| refused(*address, source);
        let socket = TcpListener::bind(*address).await.map_err(refused)?;
        addresses.push(socket.local_addr().map_err(refused)?);
        sockets.push(socket);
    }
    Ok((sockets, addresses))
}

async fn first_objects(core: &Core, reachable: &[SocketAddr]) -> Result<(), Status> {
    let mut tries = 1;
    loop {
        match bootstrap::run(core, reachable).await {
            Err(status) if tries < BOOTSTRAP_TRIES && status.code >= 500 => {
                tracing::info!(%status, "the control plane is not ready to write yet");
                core.seam.sleep(BOOTSTRAP_PAUSE).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

fn refused(address: SocketAddr, source: std::io::Error) -> StartError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse { address },
        _ => StartError::Listen { address, source },
    }
}

/// The answer to `/version`. The Kubernetes version is that whose API we describe, so that clients' skew checks are calm.
fn version(own: &str) -> Value {
    let kubernetes = api::schema::kubernetes_version();
    let mut parts = kubernetes.split('.');
    json!({
        "major": parts.next().unwrap_or("1"),
        "minor": parts.next().unwrap_or("0"),
        "gitVersion": format!("v{kubernetes}+bireme.{own}"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("linux/{}", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }),
    })
}

/// How the machine itself reaches the server.
fn url(addresses: &[SocketAddr]) -> String {
    let address = addresses.first().copied().unwrap_or(([127, 0, 0, 1], 443).into());
    let address = if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    };
    format!("https://{address}")
}

/// A server that is serving.
pub struct Running {
    /// Addresses with the ports that were taken.
    pub addresses: Vec<SocketAddr>,
    /// Reads and writes without a socket, for the other parts of the control plane.
    pub verbs: Arc<dyn Verbs>,
    admin: Pair,
    pki: Pki,
    cluster_name: String,
    /// Where nodes find the server, which may be on another machine.
    node_url: String,
    seam: Seam,
    listener: Listener,
    stop: CancellationToken,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Running {
    /// Kubeconfig of the administrator, with certificates and key inside.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> String {
        let authority = self.pki.server.certificate();
        kubeconfig(&self.cluster_name, &url(&self.addresses), authority, "kubernetes-admin", &self.admin)
    }

    /// Keys and certificates of the cluster.
    #[must_use]
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// What a node agent of that name needs. Every call issues new certificates.
    ///
    /// # Errors
    /// When a certificate cannot be issued, such as for a name that cannot stand in one.
    pub fn node_bundle(&self, node: &str) -> Result<NodeBundle, PkiError> {
        let now = self.seam.now();
        let user = format!("system:node:{node}");
        let client = self.pki.node_client(node, now)?;
        let authority = self.pki.server.certificate();
        Ok(NodeBundle {
            kubeconfig: kubeconfig(&self.cluster_name, &self.node_url, authority, &user, &client),
            serving: self.pki.node_serving(node, now)?,
            client_ca: self.pki.node_clients.certificate().to_owned(),
        })
    }

    /// Stops accepting, ends streams, lets requests finish, and returns; after a while whatever is left is dropped.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.listener.connections.close();
        let drain = self.listener.app.limits.drain;
        if self.seam.timeout(drain, self.listener.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.listener.connections.len(), "stopped with requests under way");
        }
    }
}
