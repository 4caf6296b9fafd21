//! What the machine has and is, read once.

use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::NodeSystemInfo;

use crate::config::Capacity;

/// Pods of a node when nothing else is configured, as with the kubelet.
const PODS: u32 = 110;

/// Detects what the node can hold.
///
/// # Errors
/// When the kernel does not say.
pub(crate) fn detect(dir: &Path) -> std::io::Result<Capacity> {
    let cores = std::thread::available_parallelism()?.get();
    let disk = nix::sys::statvfs::statvfs(dir)?;
    let memory = memory(&fs::read_to_string("/proc/meminfo")?).unwrap_or_default();
    Ok(Capacity {
        cpu_milli: u64::try_from(cores).unwrap_or(u64::MAX).saturating_mul(1000),
        memory,
        ephemeral_storage: disk.blocks().saturating_mul(disk.fragment_size()),
        pods: PODS,
    })
}

/// `MemTotal`, in bytes.
fn memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Whether the kernel confines programs by `AppArmor` profiles.
pub(crate) fn app_armor() -> bool {
    fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'))
}

/// `status.nodeInfo`. What a machine does not say stays empty.
pub(crate) fn info(version: &str, runtime: String) -> NodeSystemInfo {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    NodeSystemInfo {
        architecture: architecture().to_owned(),
        boot_id: read("/proc/sys/kernel/random/boot_id"),
        container_runtime_version: runtime,
        kernel_version: read("/proc/sys/kernel/osrelease"),
        kube_proxy_version: String::new(),
        kubelet_version: version.to_owned(),
        machine_id: read("/etc/machine-id"),
        operating_system: "linux".to_owned(),
        os_image: os_image(&read("/etc/os-release")),
        system_uuid: read("/sys/class/dmi/id/product_uuid"),
        ..NodeSystemInfo::default()
    }
}

/// The name that Go and the `kubernetes.io/arch` label use.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `PRETTY_NAME` of `/etc/os-release`.
fn os_image(text: &str) -> String {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_system_says() {
        assert_eq!(memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16_777_216));
        assert_eq!(
            os_image("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
            "Debian GNU/Linux 13 (trixie)"
        );
    }
}
