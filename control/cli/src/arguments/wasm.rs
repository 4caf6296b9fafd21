//! What can be typed after `wasm`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Report;

/// Options of `wasm`.
#[derive(Clone, Debug, Args)]
pub struct Wasm {
    /// What to do.
    #[command(subcommand)]
    pub command: WasmCommand,
}

/// What can be done with one artifact, without a cluster.
#[derive(Clone, Debug, Subcommand)]
pub enum WasmCommand {
    /// Tell how an artifact is run, what it imports and exports
    Inspect(Inspect),
    /// Run an artifact with the limits and the grants of a pod's container, and end with its exit code
    Run(Run),
    /// Push a file to a registry as a Wasm artifact, in the CNCF's layout
    Push(Push),
}

/// Options of `wasm inspect`.
#[derive(Clone, Debug, Args)]
pub struct Inspect {
    /// A file, or a reference in a registry
    pub artifact: String,
    /// Form of the output; text when none is given
    #[arg(short, long, value_enum)]
    pub output: Option<Report>,
}

/// Options of `wasm run`. What is not granted is denied.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// A file, or a reference in a registry
    pub artifact: String,
    /// Arguments of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
    /// Set a variable of its environment
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Show it a directory of this machine; `:ro` refuses writes
    #[arg(short, long = "volume", value_name = "DIR:PATH[:ro]", value_parser = volume)]
    pub volumes: Vec<Volume>,
    /// Let outgoing HTTP reach a host: `HOST` or `*.DOMAIN`, each with or without `:PORT`, or `*`
    #[arg(long = "allow-http", value_name = "HOST")]
    pub outgoing_hosts: Vec<String>,
    /// Let sockets reach `ADDRESS`, `RANGE/PREFIX` or `*`, each with or without `:PORT`; `name-lookup` lets it look up names
    #[arg(long = "allow-socket", value_name = "ADDRESS")]
    pub peers: Vec<String>,
    /// Let it open any socket and look up names
    #[arg(long)]
    pub sockets: bool,
    /// Most linear memory, as in `resources.limits.memory`, e.g. 64Mi [default: no limit]
    #[arg(short, long, value_name = "QUANTITY")]
    pub memory: Option<String>,
    /// Port on which an HTTP component is served
    #[arg(short, long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Longest time for one HTTP request, in milliseconds [default: 60000]
    #[arg(long, value_name = "MILLISECONDS", value_parser = milliseconds)]
    pub request_timeout: Option<Duration>,
    /// Directory in which pulled artifacts and compiled code are kept [default: `wasm` in the data directory of `up`]
    #[arg(long, value_name = "DIR", env = "BIREME_WASM_DIR")]
    pub dir: Option<PathBuf>,
}

/// Options of `wasm push`.
#[derive(Clone, Debug, Args)]
pub struct Push {
    /// The .wasm file
    pub file: PathBuf,
    /// Where to, e.g. `registry.example.com/team/app:v1`
    pub reference: String,
}

/// A directory that a program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// On this machine.
    pub host: PathBuf,
    /// Where the program finds it.
    pub guest: String,
    /// Whether writing is refused.
    pub read_only: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("want NAME=VALUE".to_owned()),
    }
}

fn volume(text: &str) -> Result<Volume, String> {
    let (text, read_only) = text.strip_suffix(":ro").map_or((text, false), |text| (text, true));
    match text.split_once(':') {
        Some((host, guest)) if !host.is_empty() && guest.starts_with('/') => {
            Ok(Volume { host: host.into(), guest: guest.to_owned(), read_only })
        }
        _ => Err("want DIR:PATH or DIR:PATH:ro, where PATH begins with a slash".to_owned()),
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_millis).map_err(|error| format!("no number of milliseconds: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_say_where_and_whether_they_are_written() {
        let shown = |text: &str| volume(text).map(|volume| (volume.host, volume.guest, volume.read_only));
        assert_eq!(shown("/a:/b"), Ok(("/a".into(), "/b".to_owned(), false)));
        assert_eq!(shown("a/b:/c:ro"), Ok(("a/b".into(), "/c".to_owned(), true)));
        for wrong in ["/a", "/a:b", ":/b", "ro", ""] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_have_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(variable("=b").is_err() && variable("A").is_err());
    }
}
