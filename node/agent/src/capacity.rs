//! What the machine has and is, read once.

use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::{NodeSwapStatus, NodeSystemInfo};
use runtime::contract::Limits;

use crate::config::Capacity;
use crate::protection::{Protection, Reserved, Signal};

/// Detects what the node can hold.
///
/// # Errors
/// When the kernel does not say.
pub(crate) fn detect(dir: &Path, pods: u32) -> std::io::Result<Capacity> {
    let cores = std::thread::available_parallelism()?.get();
    let disk = nix::sys::statvfs::statvfs(dir)?;
    let memory = memory(&fs::read_to_string("/proc/meminfo")?).unwrap_or_default();
    Ok(Capacity {
        cpu_milli: u64::try_from(cores).unwrap_or(u64::MAX).saturating_mul(1000),
        memory,
        ephemeral_storage: disk.blocks().saturating_mul(disk.fragment_size()),
        pods,
        huge_2mi: huge(2048),
        huge_1gi: huge(1 << 20),
    })
}

/// Bytes in huge pages of that size, which the kernel sets aside (Documentation/admin-guide/mm/hugetlbpage).
fn huge(kib: u64) -> Option<u64> {
    let text = fs::read_to_string(format!("/sys/kernel/mm/hugepages/hugepages-{kib}kB/nr_hugepages")).ok()?;
    text.trim().parse::<u64>().ok()?.checked_mul(kib)?.checked_mul(1024)
}

/// What of a capacity pods may ask for: less what is kept for the machine, and less what a hard threshold keeps free.
pub(crate) fn allocatable(capacity: &Capacity, protection: &Protection) -> Capacity {
    let kept = |signal, capacity: u64| {
        let hard = protection.thresholds.iter().find(|threshold| threshold.signal == signal && threshold.is_hard());
        hard.map_or(0, |threshold| threshold.amount.of(capacity))
    };
    let less = |capacity: u64, reserved: u64, kept: u64| capacity.saturating_sub(reserved).saturating_sub(kept);
    let Reserved { cpu_milli, memory, ephemeral_storage, .. } = protection.reserved;
    // Huge pages are set aside already.
    let huge = capacity.huge_2mi.unwrap_or(0).saturating_add(capacity.huge_1gi.unwrap_or(0));
    let memory = memory.saturating_add(huge);
    Capacity {
        cpu_milli: less(capacity.cpu_milli, cpu_milli, 0),
        memory: less(capacity.memory, memory, kept(Signal::MemoryAvailable, capacity.memory)),
        ephemeral_storage: less(
            capacity.ephemeral_storage,
            ephemeral_storage,
            kept(Signal::NodefsAvailable, capacity.ephemeral_storage),
        ),
        ..*capacity
    }
}

/// What all pods together may use. What a threshold keeps free is not taken from it: eviction is there for that, and comes
/// before the kernel kills.
pub(crate) fn bound(capacity: &Capacity, protection: &Protection) -> Limits {
    let Reserved { cpu_milli, memory, pids, .. } = protection.reserved;
    let all_pids = fs::read_to_string("/proc/sys/kernel/pid_max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    Limits {
        cpu_request_milli: Some(capacity.cpu_milli.saturating_sub(cpu_milli)),
        memory: Some(capacity.memory.saturating_sub(memory)),
        pids: all_pids.filter(|_| pids > 0).map(|all| all.saturating_sub(pids)),
        ..Limits::default()
    }
}

/// `MemTotal`, in bytes.
fn memory(text: &str) -> Option<u64> {
    amount(text, "MemTotal:")
}

/// A line of `/proc/meminfo`, in bytes.
fn amount(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
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
        swap: swap(&read("/proc/meminfo")),
        ..NodeSystemInfo::default()
    }
}

/// What can be swapped out to; nothing is said of a machine that does not swap.
fn swap(text: &str) -> Option<NodeSwapStatus> {
    let bytes = amount(text, "SwapTotal:").and_then(|bytes| i64::try_from(bytes).ok()).filter(|bytes| *bytes > 0)?;
    Some(NodeSwapStatus { capacity: Some(bytes) })
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
    use crate::protection::Wishes;

    #[test]
    fn what_is_kept_cannot_be_asked_for() {
        let capacity = Capacity {
            cpu_milli: 2000,
            memory: 1 << 30,
            ephemeral_storage: 100 << 30,
            pods: 110,
            huge_2mi: Some(4 << 20),
            huge_1gi: None,
        };
        let wishes = serde_json::json!({
            "kubeReserved": {"cpu": "250m", "memory": "24Mi"},
            "systemReserved": {"memory": "100Mi", "ephemeral-storage": "1Gi", "pid": 100},
        });
        let protection = serde_json::from_value::<Wishes>(wishes).unwrap().parse().unwrap();
        let left = allocatable(&capacity, &protection);
        let expected =
            Capacity { cpu_milli: 1750, memory: (1024 - 124 - 100 - 4) << 20, ephemeral_storage: 89 << 30, ..capacity };
        assert_eq!(left, expected);
        let bound = bound(&capacity, &protection);
        assert_eq!((bound.cpu_request_milli, bound.memory), (Some(1750), Some(900 << 20)));
        assert!(bound.pids.is_some());
    }

    #[test]
    fn reads_what_the_system_says() {
        assert_eq!(memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16_777_216));
        assert_eq!(swap("SwapTotal:       4 kB\n").unwrap().capacity, Some(4096));
        assert_eq!(swap("SwapTotal:       0 kB\n"), None);
        assert_eq!(
            os_image("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
            "Debian GNU/Linux 13 (trixie)"
        );
    }
}
