//! Where a cluster lives on this machine: its directories, its names in the kernel, its share of the address space.
//!
//! Several clusters may run side by side. Each has an instance id of its own, kept in its data directory, and a slot of
//! addresses that no other live data directory has.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use runtime::privileges::Privileges;
use serde::{Deserialize, Serialize};

use super::orders::Cidr;
use super::process::Process;

/// Slots of addresses: pods in 10.64.0.0/16 and up, Services in 10.128.0.0/16 and up.
const SLOTS: u8 = 64;
const FIRST_POD_NETWORK: u8 = 64;
const FIRST_SERVICE_NETWORK: u8 = 128;
/// Where run files and claims of all clusters of root are.
const RUN: &str = "/run/bireme";
/// Version of the form of `place.json` in the data directory.
const VERSION: u32 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    version: u32,
    /// Six letters that name this cluster among those of the machine.
    pub(crate) instance: String,
    slot: u8,
    /// Those of its `up`, which every later `up` and `down` must have too.
    #[serde(default = "root")]
    pub(crate) privileges: Privileges,
    /// Data directory.
    #[serde(skip)]
    pub(crate) data: PathBuf,
}

impl Place {
    /// Finds or makes the place of the cluster in that data directory. Clusters of root claim a slot of addresses; others
    /// give their pods and Services none that the kernel would know.
    pub(crate) fn open(data: &Path, privileges: Privileges) -> anyhow::Result<Self> {
        fs::create_dir_all(data).with_context(|| format!("cannot make the data directory {}", data.display()))?;
        let data = data.canonicalize().with_context(|| format!("cannot resolve {}", data.display()))?;
        let file = data.join("place.json");
        let known = match fs::read(&file) {
            Ok(bytes) => {
                let place: Self =
                    serde_json::from_slice(&bytes).with_context(|| format!("cannot read {}", file.display()))?;
                anyhow::ensure!(
                    place.version == VERSION,
                    "the data directory {} has place format {}, and this version reads {VERSION}: use the version of \
                     bireme that made it, or another --data-dir",
                    data.display(),
                    place.version,
                );
                place.admit(privileges, &data)?;
                Some(place)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let instance = known.as_ref().map_or_else(instance, |place| Ok(place.instance.clone()))?;
        let slot = match privileges {
            Privileges::Root => claim(&data, known.as_ref().map(|place| place.slot))?,
            Privileges::None => 0,
        };
        let place = Self { version: VERSION, instance, slot, privileges, data };
        if known.as_ref().map(|known| (known.slot, &known.instance)) != Some((place.slot, &place.instance)) {
            let mut out = File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
            out.write_all(&serde_json::to_vec(&place)?)?;
            out.sync_all()?;
        }
        Ok(place)
    }

    /// Refuses who could not end what runs here, or would leave files that its owner cannot remove.
    fn admit(&self, privileges: Privileges, data: &Path) -> anyhow::Result<()> {
        let data = data.display();
        match (self.privileges, privileges) {
            (Privileges::Root, Privileges::None) => {
                anyhow::bail!("the cluster in {data} is root's: run this as root, or choose another --data-dir")
            }
            (Privileges::None, Privileges::Root) => anyhow::bail!(
                "the cluster in {data} was made without root: run this as the user who made it, or choose another --data-dir"
            ),
            (Privileges::Root, Privileges::Root) | (Privileges::None, Privileges::None) => Ok(()),
        }
    }

    /// Keeps every other `up` and `down` away from the data directory for as long as the lock lives.
    pub(crate) fn lock(&self) -> anyhow::Result<Flock<File>> {
        let path = self.data.join("lock");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                lock.set_len(0)?;
                lock.write_all(std::process::id().to_string().as_bytes())?;
                Ok(lock)
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                anyhow::bail!(
                    "the data directory {} is in use by process {holder}: stop that one, or choose another --data-dir",
                    self.data.display(),
                )
            }
            Err((_, error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Waits for children of an earlier `up` that was killed: they end by themselves, but not in the same moment.
    pub(crate) fn wait_for_earlier(&self) -> anyhow::Result<()> {
        match fs::read(self.children()) {
            Ok(bytes) => {
                let earlier: Vec<Process> = serde_json::from_slice(&bytes).unwrap_or_default();
                earlier.iter().try_for_each(Process::wait)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).context("cannot read the list of children"),
        }
    }

    /// Notes children, for [`Place::wait_for_earlier`] of the next `up`.
    pub(crate) fn note_children(&self, pids: &[u32]) -> anyhow::Result<()> {
        let children: Vec<Process> = pids.iter().filter_map(|pid| Process::of(i32::try_from(*pid).ok()?)).collect();
        fs::write(self.children(), serde_json::to_vec(&children)?).context("cannot write the list of children")
    }

    fn children(&self) -> PathBuf {
        self.data.join("children.json")
    }

    /// Directory that only the server reads.
    pub(crate) fn server_dir(&self) -> PathBuf {
        self.data.join("server")
    }

    /// Directory of the node: images, volumes, logs of pods.
    pub(crate) fn node_dir(&self) -> PathBuf {
        self.data.join("node")
    }

    /// Directory for what does not survive a reboot. Without root it is in the data directory, where a `down` in another
    /// session finds it too; what a reboot leaves there is taken for dead pods.
    pub(crate) fn run_dir(&self) -> PathBuf {
        match self.privileges {
            Privileges::Root => Path::new(RUN).join(&self.instance),
            Privileges::None => self.data.join("run"),
        }
    }

    /// Our cgroup at the top of each hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        format!("bireme-{}", self.instance)
    }

    /// Prefix of interfaces and name of the nftables table.
    pub(crate) fn network_name(&self) -> String {
        format!("b{}", self.instance)
    }

    pub(crate) fn pod_cidrs(&self) -> Vec<Cidr> {
        vec![(IpAddr::V4(Ipv4Addr::new(10, FIRST_POD_NETWORK + self.slot, 0, 0)), 16)]
    }

    pub(crate) fn service_cidrs(&self) -> Vec<Cidr> {
        vec![(IpAddr::V4(Ipv4Addr::new(10, FIRST_SERVICE_NETWORK + self.slot, 0, 0)), 16)]
    }

    /// Gives the slot back; only when nothing of the cluster is left on the machine.
    pub(crate) fn release(&self) -> io::Result<()> {
        if self.privileges == Privileges::None {
            return Ok(());
        }
        let file = claims().join(self.slot.to_string());
        match fs::read(&file) {
            Ok(owner) if owner == self.data.as_os_str().as_encoded_bytes() => fs::remove_file(file),
            _ => Ok(()),
        }
    }

    /// The place again in a child, whose orders carry the data directory apart.
    pub(crate) fn at(mut self, data: PathBuf) -> Self {
        self.data = data;
        self
    }
}

/// Places of before clusters without root had nodes.
fn root() -> Privileges {
    Privileges::Root
}

fn instance() -> anyhow::Result<String> {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz";
    let mut bytes = [0; 6];
    io::Read::read_exact(&mut File::open("/dev/urandom").context("cannot open /dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
}

fn claims() -> PathBuf {
    Path::new(RUN).join("slots")
}

/// Claims a slot: the known one when nobody else has it, else the first that is free. A claim names the data directory that
/// holds it, and stands for as long as that directory exists.
fn claim(data: &Path, known: Option<u8>) -> anyhow::Result<u8> {
    let dir = claims();
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let lock = File::create(dir.join("lock")).context("cannot open the lock of address slots")?;
    let _guard = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, cause)| cause)
        .context("cannot lock the address slots")?;
    let name = data.as_os_str().as_encoded_bytes();
    for slot in known.into_iter().chain(0..SLOTS) {
        let file = dir.join(slot.to_string());
        let free = match fs::read(&file) {
            Ok(owner) => owner == name || !Path::new(&*String::from_utf8_lossy(&owner)).join("place.json").exists(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        if free {
            fs::write(&file, name).with_context(|| format!("cannot write {}", file.display()))?;
            return Ok(slot);
        }
    }
    anyhow::bail!("all {SLOTS} address slots of this machine are taken by other clusters: see {}", dir.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_root_holds_its_run_files_and_refuses_root() {
        let dir = tempfile::tempdir().unwrap();
        let made = Place::open(dir.path(), Privileges::None).unwrap();
        assert_eq!(made.run_dir(), made.data.join("run"));
        assert_eq!(Place::open(dir.path(), Privileges::None).unwrap(), made);
        let refusal = Place::open(dir.path(), Privileges::Root).unwrap_err().to_string();
        assert!(refusal.contains("made without root"), "{refusal}");
    }
}
