//! `up`: the parent of a whole cluster on one machine.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use std::fs::File;
use std::time::Duration;

use anyhow::Context;
use cli::progress::Progress;
use nix::fcntl::Flock;
use nix::sys::signal::Signal;
use runtime::privileges::Privileges;
use tokio::signal::unix::{SignalKind, signal};

use super::child::{Child, User};
use super::orders::{JANITOR, JanitorOrders, NODE, NodeOrders, SERVER, ServerOrders, ServerReport};
use super::place::Place;
use super::settings::Settings;

/// User and group of the server: outside what distributions and systemd give to people and services.
const SERVER_USER: u32 = 60_999;

/// Tells that the machine is about to end: the signal that an init gets when its power fails (signal(7)). Unlike a lock of
/// systemd-logind it needs no bus, which a container host or a machine without systemd has not; a unit that is ordered before
/// `shutdown.target` sends it in `ExecStop=` (README.md).
const POWER: SignalKind = SignalKind::from_raw(Signal::SIGPWR as i32);
/// What a node may take to end, beyond the time that its pods have.
const NODE_SLACK: Duration = Duration::from_secs(20);

/// What a user without root is told.
const WITHOUT_ROOT: [&str; 2] = [
    "without root: Wasm containers run, on this machine's own network; Linux containers, addresses of pods and Services,",
    "  and limits by cgroup do not work. For those, run bireme as root.",
];

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Where its admin kubeconfig is.
    pub(crate) kubeconfig: PathBuf,
    /// Where it lives.
    pub(crate) place: Place,
    server: Child,
    node: Option<Child>,
    janitor: Option<Child>,
    _lock: Flock<File>,
}

impl Cluster {
    /// Starts the children and writes the kubeconfig.
    pub(crate) async fn start(settings: &Settings, progress: &Progress) -> anyhow::Result<Self> {
        let place = Place::open(&settings.data_dir, settings.privileges)?;
        let lock = place.lock()?;
        place.wait_for_earlier()?;
        let mut janitor = match settings.ephemeral {
            true => Some(Self::janitor(&place).await?),
            false => None,
        };
        let step = progress.step("starting the API server");
        let (server, report) = match Self::server(settings, &place).await {
            Ok(started) => started,
            Err(error) => {
                step.failed();
                if let Some(janitor) = janitor {
                    janitor.end().await?;
                }
                return Err(error);
            }
        };
        watch(&mut janitor, &server).await?;
        place.note_children(&server.id().into_iter().collect::<Vec<_>>())?;
        let ServerReport { address, admin_kubeconfig, node: identity } = report;
        let kubeconfig = settings.kubeconfig.clone().unwrap_or_else(|| place.data.join("kubeconfig"));
        write_private(&kubeconfig, &admin_kubeconfig)?;
        step.done(&format!("https://{address}"));
        let mut cluster = Self { kubeconfig, place, server, node: None, janitor, _lock: lock };
        let step = progress.step("starting the node");
        let orders = NodeOrders {
            name: settings.node_name.clone(),
            addresses: vec![super::node::primary_address()],
            identity,
            place: cluster.place.clone(),
            ephemeral: settings.ephemeral,
            // The node works in a directory of its own.
            static_pod_path: settings.static_pod_path.as_deref().map(std::path::absolute).transpose()?,
            static_pod_url: settings.static_pod_url.clone(),
            protection: settings.protection.clone(),
            unsafe_sysctls: settings.unsafe_sysctls.clone(),
        };
        match cluster.start_node(&orders).await {
            Ok(()) => step.done(&settings.node_name),
            Err(error) => {
                step.failed();
                cluster.stop().await?;
                return Err(error);
            }
        };
        if settings.privileges == Privileges::None {
            WITHOUT_ROOT.iter().for_each(|line| progress.say(line));
        }
        Ok(cluster)
    }

    async fn janitor(place: &Place) -> anyhow::Result<Child> {
        let orders = JanitorOrders { place: place.clone(), data: place.data.clone() };
        // Its log must not be in the directory that it removes.
        let log = Path::new("/dev/null");
        let (janitor, ()) = Child::start(JANITOR, &orders, User::Same, Path::new("/"), log).await?;
        Ok(janitor)
    }

    async fn server(settings: &Settings, place: &Place) -> anyhow::Result<(Child, ServerReport)> {
        let dir = place.server_dir();
        private_dir(&dir)?;
        let user = match place.privileges {
            Privileges::Root => {
                // What an earlier server wrote is its already; only the directory can be new.
                chown(&dir, Some(SERVER_USER), Some(SERVER_USER))
                    .with_context(|| format!("cannot hand over {}", dir.display()))?;
                User::Id(SERVER_USER)
            }
            Privileges::None => User::Same,
        };
        let orders = ServerOrders {
            listen: settings.listen,
            advertise: advertised(settings.listen),
            service_cidrs: place.service_cidrs(),
            node_name: settings.node_name.clone(),
            watch_history_events: settings.watch_history_events,
        };
        Child::start(SERVER, &orders, user, &dir, &place.data.join("server.log")).await
    }

    async fn start_node(&mut self, orders: &NodeOrders) -> anyhow::Result<()> {
        let dir = self.place.node_dir();
        private_dir(&dir)?;
        let (node, ()) = Child::start(NODE, orders, User::Same, &dir, &self.place.data.join("node.log")).await?;
        watch(&mut self.janitor, &node).await?;
        let children: Vec<u32> = self.server.id().into_iter().chain(node.id()).collect();
        self.place.note_children(&children)?;
        self.node = Some(node);
        Ok(())
    }

    /// Waits until a child ends, which none should.
    pub(crate) async fn broken(&mut self) -> anyhow::Error {
        match &mut self.node {
            Some(node) => tokio::select! { error = self.server.ended() => error, error = node.ended() => error },
            None => self.server.ended().await,
        }
    }

    /// Has the node end all pods and itself; the server lives on, to be told.
    async fn end_pods(&mut self, longest: Duration) -> anyhow::Result<()> {
        let Some(mut node) = self.node.take() else { return Ok(()) };
        node.signal(Signal::SIGPWR)?;
        match node.ends_within(longest + NODE_SLACK).await {
            Err(error) => node.end().await.and(Err(error)),
            ended => ended,
        }
    }

    /// Ends the children: node, server, janitor. All are ended even when one fails; the first failure is returned.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for child in [self.node, Some(self.server), self.janitor].into_iter().flatten() {
            outcome = outcome.and(child.end().await);
        }
        outcome
    }
}

/// Lets the janitor know whom to wait for.
async fn watch(janitor: &mut Option<Child>, child: &Child) -> anyhow::Result<()> {
    if let (Some(janitor), Some(id)) = (janitor, child.id()) {
        janitor.tell(&id.to_string()).await.context("cannot tell the janitor")?;
    }
    Ok(())
}

/// The addresses to tell others: those on which a server that listens there can be reached from elsewhere.
fn advertised(listen: std::net::SocketAddr) -> Vec<std::net::IpAddr> {
    match listen.ip() {
        address if address.is_unspecified() => vec![super::node::primary_address()],
        address if address.is_loopback() => Vec::new(),
        address => vec![address],
    }
}

fn private_dir(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot protect {}", dir.display()))
}

/// Writes a file that holds a private key: readable by its owner alone, from the first byte.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let write = || {
        std::fs::remove_file(&partial).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        let mut file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(&partial)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write the kubeconfig {}", path.display()))
}

/// Why a cluster ends.
enum End {
    /// A child is gone.
    Broken(anyhow::Error),
    /// Somebody asked; pods may go on.
    Asked,
    /// The machine is about to end, and pods with it.
    Power,
}

/// Runs a cluster until a signal asks it to end.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let progress = Progress::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut power = signal(POWER).context("cannot watch for SIGPWR")?;
    let mut cluster = tokio::select! {
        cluster = Cluster::start(&settings, &progress) => cluster?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    progress.say(&format!("ready in {} ms; try:", progress.elapsed().as_millis()));
    progress.say(&format!("  export KUBECONFIG={}", cluster.kubeconfig.display()));
    progress.say("  kubectl get nodes");
    let end = tokio::select! {
        error = cluster.broken() => End::Broken(error),
        _ = interrupt.recv() => End::Asked,
        _ = terminate.recv() => End::Asked,
        _ = power.recv() => End::Power,
    };
    if matches!(end, End::Power) {
        let step = progress.step("the machine shuts down: ending all pods");
        match cluster.end_pods(settings.protection.shutdown_longest()).await {
            Ok(()) => {
                step.done("");
            }
            Err(error) => {
                step.failed();
                progress.say(&format!("{error:#}"));
            }
        }
    }
    let step = progress.step("stopping");
    let has_node = cluster.node.is_some();
    let data = cluster.place.data.clone();
    let stopped = cluster.stop().await;
    step.done("");
    if let End::Broken(error) = end {
        return Err(error.context(format!("see the logs in {}", data.display())));
    }
    if has_node && !settings.ephemeral {
        let dir = data.display();
        progress.say(&format!(
            "pods keep running; `bireme up --data-dir {dir}` takes them up again, \
                               `bireme down --data-dir {dir}` ends them"
        ));
    }
    stopped
}
