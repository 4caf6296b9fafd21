//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
