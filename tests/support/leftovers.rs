//! What a cluster left on the machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::machine::Process;

/// Environment variable that marks the processes of a cluster; its value is the cluster's folder.
pub(crate) const MARK: &str = "BIREME_TEST_FOLDER";

/// Lists everything of the cluster of that instance whose state is below that folder.
pub(crate) fn of(instance: &str, folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let mut left = Vec::new();
    left.extend(cgroups(&format!("bireme-{instance}")));
    left.extend(mounts(&[folder, &format!("/run/bireme/{instance}")]));
    left.extend(interfaces(&format!("b{instance}")));
    left.extend(tables(&format!("b{instance}")));
    left.extend(processes(folder).into_iter().map(|process| format!("process {}: {}", process.0, process.command())));
    let run = format!("/run/bireme/{instance}");
    left.extend(Path::new(&run).exists().then_some(run));
    left
}

fn cgroups(name: &str) -> Vec<String> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let places = hierarchies.chain([root.to_owned()]).map(|hierarchy| hierarchy.join(name));
    places.filter(|path| path.is_dir()).map(|path| format!("cgroup {}", path.display())).collect()
}

fn mounts(below: &[&str]) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let left = table.lines().filter(|line| below.iter().any(|path| line.contains(path)));
    left.map(|line| format!("mount {line}")).collect()
}

fn interfaces(prefix: &str) -> Vec<String> {
    let all = fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name());
    let all = all.map(|name| name.to_string_lossy().into_owned());
    all.filter(|name| name.starts_with(prefix)).map(|name| format!("interface {name}")).collect()
}

fn tables(name: &str) -> Vec<String> {
    let nft = Command::new("nft").args(["list", "tables"]).output().unwrap();
    assert!(nft.status.success(), "nft list tables: {}", String::from_utf8_lossy(&nft.stderr));
    let text = String::from_utf8_lossy(&nft.stdout).into_owned();
    text.lines().filter(|line| line.contains(name)).map(|line| format!("nftables {line}")).collect()
}

/// Processes that carry the mark, whose command line names the folder, or whose program is in it; not this one.
pub(crate) fn processes(folder: &str) -> Vec<Process> {
    let mark = format!("{MARK}={folder}");
    let ours = std::process::id().to_string();
    let mut left = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.parse().ok().filter(|_| name != ours) else { continue };
        // A process may end while it is looked at, and then it is not left.
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let (environment, command) = (read("environ"), read("cmdline"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', " ");
        let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
        if text(&environment).contains(&mark) || text(&command).contains(folder) || program.starts_with(folder) {
            left.push(Process(id));
        }
    }
    left
}
