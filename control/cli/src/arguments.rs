//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod wasm;

pub use wasm::{Inspect, Push, Run, Volume, Wasm, WasmCommand};

/// Kubernetes workloads as Linux processes and WebAssembly, from one binary.
#[derive(Clone, Debug, Parser)]
#[command(name = "bireme", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Start a cluster on this machine and keep it running until Ctrl-C
    Up(Up),
    /// Stop the pods that `up` left running and remove what they hold on this machine; the data directory stays
    Down(Down),
    /// Show a Deployment of a Linux container and a Wasm component side by side, then leave nothing behind
    Demo(Demo),
    /// Tell what this machine lacks, what that costs, and how to get it
    Doctor(Doctor),
    /// Show objects, in kubectl's words
    Get(Get),
    /// Create or change objects as files say
    Apply(Apply),
    /// Delete objects
    Delete(Delete),
    /// Print the logs of a container
    Logs(Logs),
    /// Inspect, run and push one WebAssembly artifact, without a cluster
    Wasm(Wasm),
}

/// Which cluster, and where in it.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Kubeconfig of the cluster [default: KUBECONFIG, that of `up` on this machine, ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace [default: the kubeconfig's, else default]
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
}

/// How objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Table with more columns
    Wide,
    /// YAML
    Yaml,
    /// JSON
    Json,
    /// Kind and name
    Name,
}

/// Options of `get`.
#[derive(Clone, Debug, Args)]
pub struct Get {
    /// Resource, e.g. `pods`, `po`, `deployments.apps`, `pods,services`, or `pod/NAME`
    pub resource: String,
    /// Names; all when none is given
    pub names: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Label selector, e.g. `app=web,tier!=cache`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Form of the output
    #[arg(short, long, value_enum)]
    pub output: Option<Form>,
    /// Go on printing changes until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
    /// Cluster
    #[command(flatten)]
    pub target: Target,
}

/// Options of `apply`.
#[derive(Clone, Debug, Args)]
pub struct Apply {
    /// File, folder, or `-` for standard input; may be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub filename: Vec<PathBuf>,
    /// Cluster
    #[command(flatten)]
    pub target: Target,
}

/// Options of `delete`.
#[derive(Clone, Debug, Args)]
pub struct Delete {
    /// Resource, or `pod/NAME`; not with -f
    #[arg(required_unless_present = "filename")]
    pub resource: Option<String>,
    /// Names
    pub names: Vec<String>,
    /// Delete what these files name
    #[arg(short, long, value_name = "FILE", conflicts_with = "resource")]
    pub filename: Vec<PathBuf>,
    /// It is no error when an object is not there
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Seconds that a pod has for ending
    #[arg(long, value_name = "SECONDS")]
    pub grace_period: Option<u32>,
    /// Return at once instead of when the objects are gone
    #[arg(long)]
    pub no_wait: bool,
    /// Cluster
    #[command(flatten)]
    pub target: Target,
}

/// Options of `logs`.
#[derive(Clone, Debug, Args)]
pub struct Logs {
    /// Pod, as `NAME` or `pod/NAME`
    pub pod: String,
    /// Container; needed when the pod has several
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// Go on printing until the container ends
    #[arg(short, long)]
    pub follow: bool,
    /// Of the container's previous life
    #[arg(short, long)]
    pub previous: bool,
    /// Begin with the last so many lines
    #[arg(long, value_name = "LINES")]
    pub tail: Option<u64>,
    /// Begin so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub since: Option<u64>,
    /// Print the time of each line
    #[arg(long)]
    pub timestamps: bool,
    /// Cluster
    #[command(flatten)]
    pub target: Target,
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Directory for the state of the cluster [default: /var/lib/bireme, or ~/.local/share/bireme without root]
    #[arg(long, value_name = "DIR", env = "BIREME_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the API server; port 0 picks a free one [default: 127.0.0.1:6443]
    #[arg(long, value_name = "ADDR:PORT", env = "BIREME_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where to write the kubeconfig [default: kubeconfig in the data directory]
    #[arg(long, value_name = "FILE", env = "BIREME_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of this machine's Node [default: its host name]
    #[arg(long, value_name = "NAME", env = "BIREME_NODE_NAME")]
    pub node_name: Option<String>,
    /// Keep nothing: state in a temporary directory, and everything ends with this process, however it ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Read settings from this file (`apiVersion: bireme.dev/v1alpha1`, `kind: UpConfiguration`); flags win over it
    #[arg(long, value_name = "FILE", env = "BIREME_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Options of `down`.
#[derive(Clone, Debug, Args)]
pub struct Down {
    /// Data directory of the cluster [default: as for `up`]
    #[arg(long, value_name = "DIR", env = "BIREME_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Directory in which state would be kept [default: as for `up`]
    #[arg(long, value_name = "DIR", env = "BIREME_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address at which the API server would listen [default: as for `up`]
    #[arg(long, value_name = "ADDR:PORT", env = "BIREME_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Form of the output; a table when none is given
    #[arg(short, long, value_enum)]
    pub output: Option<Report>,
}

/// Forms of what `doctor` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Report {
    /// JSON
    Json,
}

/// Options of `demo`.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Folder with the manifests and programs of the sample, built as `cargo xtask demo` does
    #[arg(long, value_name = "DIR", default_value = "samples/hello")]
    pub sample: PathBuf,
    /// The sample's Linux program, built
    #[arg(long, value_name = "FILE")]
    pub backend: PathBuf,
    /// The sample's Wasm component
    #[arg(long, value_name = "FILE")]
    pub frontend: PathBuf,
}
