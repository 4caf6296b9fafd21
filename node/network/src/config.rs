//! Where a node's network lives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::NetworkError;

/// Longest name of a node instance: an interface name has 15 characters, and eight of them tell pods apart.
const NAME_MAX: usize = 7;

/// Configuration of [`crate::Network`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Directory for pinned network namespaces (`netns/<pod uid>`) and the allocation file.
    pub run: PathBuf,
    /// Addresses of this node's pods, one range per family. The first address of a range is the node's own.
    pub pod_cidrs: Vec<(IpAddr, u8)>,
    /// Cluster addresses of Services, one range per family.
    pub service_cidrs: Vec<(IpAddr, u8)>,
    /// Short name of this node instance, at most seven lower-case letters and digits: prefix of its interfaces and name of
    /// its nftables tables.
    pub name: String,
}

impl NetworkConfig {
    pub(crate) fn validate(&self) -> Result<(), NetworkError> {
        let plain = self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !plain || !self.name.starts_with(|c: char| c.is_ascii_lowercase()) || self.name.len() > NAME_MAX {
            return Err(NetworkError::Invalid(format!(
                "network name {:?} must be a letter and up to {} letters or digits, lower-case",
                self.name,
                NAME_MAX - 1
            )));
        }
        for (address, length) in self.pod_cidrs.iter().chain(&self.service_cidrs) {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            if *length > bits - 2 {
                return Err(NetworkError::Invalid(format!("range {address}/{length} has no room for addresses")));
            }
        }
        if self.pod_cidrs.is_empty() {
            return Err(NetworkError::Invalid("at least one range of pod addresses is needed".to_owned()));
        }
        Ok(())
    }

    /// Directory of the pinned namespaces.
    pub(crate) fn pins(&self) -> PathBuf {
        self.run.join("netns")
    }

    /// Which pod has which addresses.
    pub(crate) fn allocation_file(&self) -> PathBuf {
        self.run.join("allocations.json")
    }

    /// The configured ranges of Services and these, each once.
    pub(crate) fn ranges_with(&self, added: &[(IpAddr, u8)]) -> Vec<(IpAddr, u8)> {
        let mut ranges = self.service_cidrs.clone();
        for range in added {
            if !ranges.contains(range) {
                ranges.push(*range);
            }
        }
        ranges
    }

    /// The node's own address in each range of pods: what Services and the node itself use towards pods.
    pub(crate) fn node_addresses(&self) -> Vec<IpAddr> {
        self.pod_cidrs.iter().map(|&(base, length)| nth(base, length, 1)).collect()
    }

    /// The node's own address of a family.
    pub(crate) fn node_address(&self, v4: bool) -> Option<IpAddr> {
        self.node_addresses().into_iter().find(|address| address.is_ipv4() == v4)
    }
}

/// The `n`th address of a range.
pub(crate) fn nth(base: IpAddr, length: u8, n: u128) -> IpAddr {
    match base {
        IpAddr::V4(base) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            let low = u32::try_from(n & u128::from(!mask)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() & mask | low))
        }
        IpAddr::V6(base) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() & mask | n & !mask))
        }
    }
}
