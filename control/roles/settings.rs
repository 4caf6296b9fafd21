//! Settings of `up`: flags win over environment (both by clap), which win over the file; all is typed before anything starts.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use agent::UnsafeSysctls;
use anyhow::Context;
use cli::arguments::Up;
use runtime::privileges::Privileges;
use serde::Deserialize;

/// What the file must say it is.
const API_VERSION: &str = "bireme.dev/v1alpha1";
const KIND: &str = "UpConfiguration";

/// The file. Unknown keys are refused, so that a typing error is not a setting.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    api_version: String,
    kind: String,
    data_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    kubeconfig: Option<PathBuf>,
    node_name: Option<String>,
    /// As a kubelet's configuration names them.
    static_pod_path: Option<PathBuf>,
    #[serde(rename = "staticPodURL")]
    static_pod_url: Option<String>,
    /// How the node protects itself, as a kubelet's configuration names it.
    #[serde(default)]
    node: agent::Wishes,
    watch_history_events: Option<NonZeroU64>,
    allowed_unsafe_sysctls: Option<UnsafeSysctls>,
}

/// Settings, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) privileges: Privileges,
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// Where to write the kubeconfig; in the data directory when absent.
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) node_name: String,
    pub(crate) ephemeral: bool,
    /// Folder of the pods that the node runs without being asked.
    pub(crate) static_pod_path: Option<PathBuf>,
    /// Address of more of them.
    pub(crate) static_pod_url: Option<String>,
    /// How the node protects itself.
    pub(crate) protection: agent::Protection,
    /// Most events from which a watch can go on, where the default is too many.
    pub(crate) watch_history_events: Option<NonZeroU64>,
    /// Settings of the kernel that pods may make beyond the safe ones.
    pub(crate) unsafe_sysctls: UnsafeSysctls,
}

/// Address of the API server when none is given.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 6443);

pub(crate) fn settle(flags: &Up, privileges: Privileges) -> anyhow::Result<Settings> {
    let file = flags.config.as_deref().map(read).transpose()?;
    let file = file.as_ref();
    anyhow::ensure!(
        !(flags.ephemeral && flags.data_dir.is_some()),
        "--ephemeral keeps nothing, so it takes no --data-dir: leave one of them out",
    );
    let data_dir = match flags.data_dir.clone().or_else(|| file?.data_dir.clone()) {
        _ if flags.ephemeral => std::env::temp_dir().join(format!("bireme-{}", std::process::id())),
        Some(dir) => dir,
        None => default_data_dir(privileges)?,
    };
    let listen = flags.listen.or_else(|| file?.listen);
    Ok(Settings {
        privileges,
        data_dir,
        listen: listen.unwrap_or(if flags.ephemeral { SocketAddr::new(LISTEN.ip(), 0) } else { LISTEN }),
        kubeconfig: flags.kubeconfig.clone().or_else(|| file?.kubeconfig.clone()),
        node_name: match flags.node_name.clone().or_else(|| file?.node_name.clone()) {
            Some(name) => name,
            None => host_name()?,
        },
        ephemeral: flags.ephemeral,
        static_pod_path: file.and_then(|file| file.static_pod_path.clone()),
        protection: file.map(|file| file.node.parse()).transpose().context("node")?.unwrap_or_default(),
        static_pod_url: file.and_then(|file| file.static_pod_url.clone()).filter(|address| !address.is_empty()),
        watch_history_events: file.and_then(|file| file.watch_history_events),
        unsafe_sysctls: file.and_then(|file| file.allowed_unsafe_sysctls.clone()).unwrap_or_default(),
    })
}

pub(crate) fn default_data_dir(privileges: Privileges) -> anyhow::Result<PathBuf> {
    if privileges == Privileges::Root {
        return Ok("/var/lib/bireme".into());
    }
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    Ok(home.context("neither XDG_DATA_HOME nor HOME is set: give --data-dir")?.join("bireme"))
}

fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: File =
        serde_yaml_ng::from_str(&text).with_context(|| format!("{} is no configuration", path.display()))?;
    anyhow::ensure!(
        file.api_version == API_VERSION && file.kind == KIND,
        "{} is {} {}: want apiVersion {API_VERSION} and kind {KIND}",
        path.display(),
        file.api_version,
        file.kind,
    );
    Ok(file)
}

/// The host name as a Node's name: lower case, as Kubernetes asks.
fn host_name() -> anyhow::Result<String> {
    let name = nix::unistd::gethostname().context("cannot read the host name: give --node-name")?;
    let name = name.to_string_lossy().to_lowercase();
    Ok(if name.is_empty() || name == "(none)" { "localhost".into() } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(config: Option<PathBuf>) -> Up {
        Up { data_dir: None, listen: None, kubeconfig: None, node_name: Some("n".into()), ephemeral: false, config }
    }

    #[test]
    fn flags_win_over_the_file_which_wins_over_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("up.yaml");
        std::fs::write(
            &file,
            "apiVersion: bireme.dev/v1alpha1\nkind: UpConfiguration\ndataDir: /a\nlisten: 127.0.0.1:1\n",
        )
        .unwrap();
        let mut flags = flags(Some(file));
        flags.data_dir = Some("/b".into());
        let settings = settle(&flags, Privileges::Root).unwrap();
        assert_eq!(settings.data_dir, Path::new("/b"));
        assert_eq!(settings.listen, "127.0.0.1:1".parse().unwrap());
    }

    #[test]
    fn what_the_node_cannot_keep_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("up.yaml");
        let text = "apiVersion: bireme.dev/v1alpha1\nkind: UpConfiguration\nnode: {maxPods: 0}\n";
        std::fs::write(&file, text).unwrap();
        let error = format!("{:#}", settle(&flags(Some(file)), Privileges::Root).unwrap_err());
        assert_eq!(error, "node: maxPods: a node without pods is of no use: give a number above 0");
    }

    #[test]
    fn a_setting_of_the_whole_node_is_refused_for_pods() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("up.yaml");
        let text = "apiVersion: bireme.dev/v1alpha1\nkind: UpConfiguration\nallowedUnsafeSysctls: [vm.swappiness]\n";
        std::fs::write(&file, text).unwrap();
        let error = format!("{:#}", settle(&flags(Some(file)), Privileges::Root).unwrap_err());
        assert!(error.contains("\"vm.swappiness\" is not known to be namespaced"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("up.yaml");
        std::fs::write(&file, "apiVersion: bireme.dev/v1alpha1\nkind: UpConfiguration\ndatadir: /a\n").unwrap();
        let error = format!("{:#}", settle(&flags(Some(file)), Privileges::Root).unwrap_err());
        assert!(error.contains("datadir"), "{error}");
    }
}
