//! Which pod has which addresses and interface. Pure but for [`Allocations::load`] and [`Allocations::save`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::config::{NetworkConfig, nth};
use super::error::NetworkError;

/// Version of the file that this release writes; it reads this one.
const VERSION: u32 = 1;
/// The file of a node with 10,000 pods has about 2 MB.
const FILE_MAX: u64 = 64 << 20;

/// What a pod was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allocation {
    /// Name of the node's end of the pair.
    pub(crate) interface: String,
    /// One address per family.
    pub(crate) addresses: Vec<IpAddr>,
}

/// All that is given, as in the allocation file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allocations {
    version: u32,
    /// Where the search for a free address goes on, per range: a freed address is the last to be given again, so that a late
    /// packet or a stale endpoint does not meet a stranger.
    next: BTreeMap<String, u128>,
    pods: BTreeMap<String, Allocation>,
}

impl Default for Allocations {
    fn default() -> Self {
        Self { version: VERSION, next: BTreeMap::new(), pods: BTreeMap::new() }
    }
}

impl Allocations {
    /// Reads the file; a missing one is empty.
    pub(crate) fn load(path: &Path) -> Result<Self, NetworkError> {
        let attempt = format!("read {}", path.display());
        let bytes = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Ok(found) if found.len() > FILE_MAX => {
                return Err(NetworkError::Invalid(format!("{} has more than {FILE_MAX} bytes", path.display())));
            }
            other => other.and_then(|_| fs::read(path)).map_err(NetworkError::io(attempt))?,
        };
        let read: Self = match serde_json::from_slice(&bytes) {
            Err(_) if is_of_an_earlier_boot(path) => Self::default(),
            read => read.map_err(|source| NetworkError::Damaged { path: path.to_owned(), source })?,
        };
        if read.version > VERSION {
            return Err(NetworkError::Version { path: path.to_owned(), found: read.version, known: VERSION });
        }
        Ok(read)
    }

    /// Replaces the file so that a crash of this process leaves the old or the new one. A power cut may damage it, and leaves no
    /// pod attached: to sync it would cost each pod a commit of the file system where `/run` is on a disk.
    pub(crate) fn save(&self, path: &Path) -> Result<(), NetworkError> {
        let written = || {
            let text = serde_json::to_vec(self)?;
            let fresh = path.with_extension("new");
            fs::write(&fresh, text)?;
            fs::rename(&fresh, path)
        };
        written().map_err(NetworkError::io::<io::Error>(format!("write {}", path.display())))
    }

    pub(crate) fn get(&self, pod: &str) -> Option<&Allocation> {
        self.pods.get(pod)
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = &String> {
        self.pods.keys()
    }

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.pods.values().map(|allocation| allocation.interface.as_str())
    }

    /// Gives a pod its addresses, or those that it has.
    pub(crate) fn allocate(&mut self, config: &NetworkConfig, pod: &str) -> Result<Allocation, NetworkError> {
        if let Some(known) = self.pods.get(pod) {
            return Ok(known.clone());
        }
        let used: BTreeSet<IpAddr> = self.pods.values().flat_map(|a| a.addresses.iter().copied()).collect();
        let mut next = self.next.clone();
        let mut addresses = Vec::new();
        for &(base, length) in &config.pod_cidrs {
            let range = format!("{base}/{length}");
            let cursor = next.entry(range.clone()).or_insert(FIRST);
            addresses.push(search(base, length, cursor, &used).ok_or(NetworkError::Exhausted(range))?);
        }
        let allocation = Allocation { interface: self.interface(&config.name, pod), addresses };
        self.next = next;
        self.pods.insert(pod.to_owned(), allocation.clone());
        Ok(allocation)
    }

    pub(crate) fn release(&mut self, pod: &str) -> Option<Allocation> {
        self.pods.remove(pod)
    }

    /// A name that follows from the pod's, and differs from those in use.
    fn interface(&self, prefix: &str, pod: &str) -> String {
        let used: BTreeSet<&str> = self.interfaces().collect();
        let mut hash = fnv(pod.as_bytes());
        loop {
            let name = format!("{prefix}{:08x}", hash & 0xffff_ffff);
            if !used.contains(name.as_str()) {
                return name;
            }
            hash = hash.wrapping_add(1);
        }
    }
}

/// The base names the network and the first address is the node's.
const FIRST: u128 = 2;

/// Whether the file was written before this machine started. One whose age cannot be told was not.
fn is_of_an_earlier_boot(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|found| found.modified()).ok();
    let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
    let up = nix::sys::sysinfo::sysinfo().map(|machine| machine.uptime()).ok();
    age.zip(up).is_some_and(|(age, up)| age > up)
}

/// The next free address from the cursor on, once around the range.
fn search(base: IpAddr, length: u8, cursor: &mut u128, used: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let bits = if base.is_ipv4() { 32 } else { 128 };
    // The last address is IPv4's broadcast; larger ranges than 2^32 are not searched to their end.
    let last = (1_u128 << u32::from(bits - length).min(32)) - 2;
    let span = last.checked_sub(FIRST)? + 1;
    // More steps than there are used addresses cannot be needed.
    let steps = span.min(used.len() as u128 + 1);
    let start = if (FIRST..=last).contains(cursor) { *cursor } else { FIRST };
    let found = (0..steps)
        .map(|step| FIRST + (start - FIRST + step) % span)
        .find(|n| !used.contains(&nth(base, length, *n)))?;
    *cursor = found + 1;
    Some(nth(base, length, found))
}

/// FNV-1a: stable over releases, unlike the standard library's hashers.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cidr: &str) -> NetworkConfig {
        let (base, length) = cidr.split_once('/').unwrap();
        NetworkConfig {
            run: "/run/x".into(),
            pod_cidrs: vec![(base.parse().unwrap(), length.parse().unwrap())],
            service_cidrs: vec![],
            name: "br".to_owned(),
        }
    }

    #[test]
    fn a_damaged_file_is_refused_unless_a_power_cut_explains_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("allocations.json");
        fs::write(&path, "").unwrap();
        let refused = Allocations::load(&path).unwrap_err().to_string();
        assert!(refused.contains("allocations.json"), "{refused}");

        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(Allocations::load(&path).unwrap(), Allocations::default());
    }

    /// Performs `+pod` and `-pod` and compares the address of each `+`.
    fn check(cidr: &str, script: &str, expected: &[&str]) {
        let mut allocations = Allocations::default();
        let mut given = Vec::new();
        for step in script.split_whitespace() {
            let (sign, pod) = step.split_at(1);
            if sign == "+" {
                let result = allocations.allocate(&config(cidr), pod);
                given.push(result.map_or_else(|error| error.to_string(), |a| a.addresses[0].to_string()));
            } else {
                allocations.release(pod);
            }
        }
        assert_eq!(given, expected, "{script}");
    }

    #[test]
    fn a_freed_address_is_the_last_to_be_given_again() {
        check("10.1.0.0/29", "+a +b +a -a +c", &["10.1.0.2", "10.1.0.3", "10.1.0.2", "10.1.0.4"]);
        check(
            "10.1.0.0/29",
            "+a +b +c +d -a +e -b +f",
            &["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.1.0.2"],
        );
        check("fd00::/64", "+a -a +b", &["fd00::2", "fd00::3"]);
    }

    #[test]
    fn a_full_range_says_so() {
        check("10.1.0.0/30", "+a +b", &["10.1.0.2", "no free pod address in 10.1.0.0/30: too many pods on this node"]);
    }

    #[test]
    fn a_saved_file_reads_back_and_a_newer_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("allocations.json");
        let mut allocations = Allocations::load(&path).unwrap();
        let given = allocations.allocate(&config("10.1.0.0/24"), "pod").unwrap();
        assert!(given.interface.len() <= 15 && given.interface.starts_with("br"), "{given:?}");
        allocations.save(&path).unwrap();
        assert_eq!(Allocations::load(&path).unwrap(), allocations);
        fs::write(&path, r#"{"version":2,"next":{},"pods":{}}"#).unwrap();
        assert!(matches!(Allocations::load(&path), Err(NetworkError::Version { found: 2, .. })));
    }
}
