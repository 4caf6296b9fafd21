//! What can be found out about a machine without changing it.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use runtime::privileges::Privileges;

/// Writes that are timed; the middle one counts.
const SYNCS: usize = 15;
/// Size of one such write: that of a small log entry.
const SYNC_BYTES: [u8; 512] = [0; 512];

/// Everything that checks judge. What the machine does not say is absent.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) privileges: Privileges,
    /// Major and minor.
    pub(super) kernel: Option<(u32, u32)>,
    pub(super) user_namespaces: Option<u64>,
    pub(super) overlay: bool,
    /// Controllers of cgroup v2 and of v1.
    pub(super) controllers: [Vec<String>; 2],
    /// Whether `nft` can speak with the kernel, or why not.
    pub(super) nft: Result<(), String>,
    /// Kernel modules that are neither loaded, built in, nor there to be loaded.
    pub(super) lacking_modules: Vec<&'static str>,
    pub(super) seccomp: bool,
    pub(super) app_armor: bool,
    /// Where state would be kept, as far as it is there.
    pub(super) directory: PathBuf,
    /// Time of one synchronous write there, or why there is none.
    pub(super) sync: Result<Duration, String>,
    /// Bytes free there.
    pub(super) room: Option<u64>,
    pub(super) since_1970: Duration,
    pub(super) listen: SocketAddr,
    pub(super) port: Result<(), String>,
    pub(super) inotify_instances: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) pids: Option<u64>,
    pub(super) forwarding: Option<bool>,
    /// Bytes.
    pub(super) available_memory: Option<u64>,
    /// Whether the WebAssembly engine can be made, or why not.
    pub(super) wasm: Result<(), String>,
}

impl Facts {
    /// Looks at everything. It writes and removes one small file.
    pub(super) fn gather(privileges: Privileges, data: &Path, listen: SocketAddr) -> Self {
        let directory = data.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned();
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        let modules = Modules::read();
        Self {
            privileges,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").ok().and_then(|text| version(&text)),
            user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            overlay: listed("/proc/filesystems", "overlay") || modules.has("overlay"),
            controllers: controllers(),
            nft: nft(privileges),
            lacking_modules: ["veth", "bridge"].into_iter().filter(|name| !modules.has(name)).collect(),
            seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
            app_armor: fs::read_to_string("/sys/module/apparmor/parameters/enabled")
                .is_ok_and(|text| text.starts_with('Y')),
            sync: sync_time(&directory).map_err(|error| error.to_string()),
            room: nix::sys::statvfs::statvfs(&directory)
                .ok()
                .map(|disk| disk.blocks_available().saturating_mul(disk.fragment_size())),
            directory,
            since_1970: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            listen,
            port: TcpListener::bind(listen).map(drop).map_err(|error| error.to_string()),
            inotify_instances: number("/proc/sys/fs/inotify/max_user_instances"),
            open_files: nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
                .ok()
                .map(|(_, hard)| hard),
            pids: number("/proc/sys/kernel/pid_max"),
            forwarding: number("/proc/sys/net/ipv4/ip_forward").map(|value| value != 0),
            available_memory: fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text)),
            wasm: wasm::Preloaded::new().map(drop).map_err(|error| error.to_string()),
        }
    }
}

/// `6.1` of `6.1.0-28-amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `MemAvailable` in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Whether a word stands alone at the end of a line of a file.
fn listed(path: &str, word: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.split_whitespace().last() == Some(word)))
}

/// Controllers of cgroup v2, and of v1.
fn controllers() -> [Vec<String>; 2] {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let [mut unified, mut legacy] = [Vec::new(), Vec::new()];
    for line in mounts.lines() {
        let mut words = line.split_whitespace().skip(1);
        match (words.next(), words.next(), words.next()) {
            (Some(place), Some("cgroup2"), _) => {
                let text = fs::read_to_string(Path::new(place).join("cgroup.controllers")).unwrap_or_default();
                unified.extend(text.split_whitespace().map(str::to_owned));
            }
            (_, Some("cgroup"), Some(options)) => legacy.extend(options.split(',').map(str::to_owned)),
            _ => {}
        }
    }
    [unified, legacy]
}

/// Whether the program is there and the kernel answers it, which only root may ask.
fn nft(privileges: Privileges) -> Result<(), String> {
    let mut command = Command::new("nft");
    command.arg(if privileges == Privileges::Root { "list" } else { "--version" });
    if privileges == Privileges::Root {
        command.arg("tables");
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no program nft".to_owned(),
        _ => error.to_string(),
    })?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// Names of the kernel's modules, as far as it tells.
struct Modules {
    there: Option<String>,
}

impl Modules {
    fn read() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let dir = Path::new("/lib/modules").join(release.trim());
        let list = |name: &str| fs::read_to_string(dir.join(name)).ok();
        let texts: Vec<String> = ["modules.builtin", "modules.dep"].into_iter().filter_map(list).collect();
        Self { there: (!texts.is_empty()).then(|| texts.join("\n")) }
    }

    /// Whether a module is loaded, built in, or can be loaded. A machine without lists has everything built in, or runs under
    /// somebody else's kernel: there nothing can be said, and nothing is.
    fn has(&self, name: &str) -> bool {
        let file = format!("/{name}.ko");
        Path::new("/sys/module").join(name).exists() || self.there.as_ref().is_none_or(|text| text.contains(&file))
    }
}

/// The middle time of small synchronous writes.
fn sync_time(directory: &Path) -> io::Result<Duration> {
    let path = directory.join(format!(".bireme-doctor-{}", std::process::id()));
    let times = write_often(&path);
    // A file that was never made needs no removal.
    fs::remove_file(&path)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut times = times?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

fn write_often(path: &Path) -> io::Result<[Duration; SYNCS]> {
    let mut file = fs::File::options().write(true).create_new(true).open(path)?;
    let mut times = [Duration::ZERO; SYNCS];
    for time in &mut times {
        let begun = Instant::now();
        file.write_all(&SYNC_BYTES)?;
        file.sync_data()?;
        *time = begun.elapsed();
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_it_is() {
        assert_eq!(version("6.1.0-28-amd64\n"), Some((6, 1)));
        assert_eq!(version("5.15-generic"), Some((5, 15)));
        assert_eq!(version("linux"), None);
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    4 kB\n"), Some(4096));
    }
}
