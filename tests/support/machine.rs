//! What the kernel says about the processes of a cluster.

use std::fs;
use std::path::{Path, PathBuf};

use super::cluster::Cluster;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process(pub(crate) i32);

impl Process {
    fn read(self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The identity of the namespace of that kind (namespaces(7)) in which it is.
    #[track_caller]
    pub(crate) fn namespace(self, kind: &str) -> String {
        let path = format!("/proc/{}/ns/{kind}", self.0);
        let link = fs::read_link(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        link.to_string_lossy().into_owned()
    }

    /// The identities of all namespaces in which it is; none when it has ended.
    pub(crate) fn namespaces(self) -> Vec<String> {
        let links = fs::read_dir(format!("/proc/{}/ns", self.0)).into_iter().flatten().flatten();
        links.filter_map(|link| Some(fs::read_link(link.path()).ok()?.to_string_lossy().into_owned())).collect()
    }

    /// A line of its status (proc_pid_status(5)).
    #[track_caller]
    pub(crate) fn status(self, name: &str) -> String {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("process {} has no {name}: {status}", self.0)).trim().to_owned()
    }

    /// Its parent; none when it has ended.
    pub(crate) fn parent(self) -> Option<Self> {
        self.read("status").lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok()).map(Self)
    }

    /// The groups that it is in, as paths below the roots of their trees.
    pub(crate) fn cgroups(self) -> Vec<String> {
        let text = self.read("cgroup");
        text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(str::to_owned).collect()
    }

    /// Its command line, with spaces between the arguments.
    pub(crate) fn command(self) -> String {
        self.read("cmdline").replace('\0', " ")
    }

    /// CPU time that it has used, all its threads together (proc_pid_stat(5), fields 14 and 15), in clock ticks.
    pub(crate) fn cpu_ticks(self) -> u64 {
        const BEHIND_NAME: usize = 11;
        let stat = self.read("stat");
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        fields.skip(BEHIND_NAME).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    }

    /// What tells it from another process that got its number: the time of its start (proc_pid_stat(5), field 22).
    pub(crate) fn started(self) -> Option<String> {
        const BEHIND_NAME: usize = 19;
        self.read("stat").rsplit_once(") ")?.1.split(' ').nth(BEHIND_NAME).map(str::to_owned)
    }
}

/// The child of `bireme up` that plays a role: `server-role`, `node-role` or `janitor-role`.
#[track_caller]
pub(crate) fn child(cluster: &Cluster, role: &str) -> Process {
    let parent = Some(Process(cluster.pid().as_raw()));
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut children =
        all.map(Process).filter(|process| process.command().contains(role) && process.parent() == parent);
    children.next().unwrap_or_else(|| panic!("bireme up has no child {role}"))
}

/// The folders of a group in all trees, controllers of their own (v1) or one for all (v2).
pub(crate) fn folders(group: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let trees = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> =
        trees.chain([root.to_owned()]).filter_map(|tree| tree.join(group).canonicalize().ok()).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// The group of a pod of a node, whatever its class; none when the pod is gone.
pub(crate) fn pod_group(instance: &str, uid: &str) -> Option<String> {
    let classes = ["", "burstable/", "besteffort/"].map(|class| format!("bireme-{instance}/pods/{class}{uid}"));
    classes.into_iter().find(|group| !folders(group).is_empty())
}

/// The processes in a group, or in one below it.
pub(crate) fn processes(group: &str) -> Vec<Process> {
    let mut found: Vec<_> = folders(group).iter().flat_map(|folder| below(folder)).collect();
    found.sort();
    found.dedup();
    found
}

fn below(folder: &Path) -> Vec<Process> {
    // A group may go while it is looked at.
    let own = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let mut found: Vec<_> = own.lines().filter_map(|id| id.parse().ok()).map(Process).collect();
    let inner = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    found.extend(inner.filter(|path| path.is_dir()).flat_map(|path| below(&path)));
    found
}

/// The content of a file of a group, by its name in v1 and in v2.
#[track_caller]
pub(crate) fn setting(group: &str, v1: &str, v2: &str) -> String {
    let found = folders(group)
        .into_iter()
        .find_map(|folder| [v1, v2].into_iter().find_map(|name| fs::read_to_string(folder.join(name)).ok()));
    found.unwrap_or_else(|| panic!("no tree has {v1} or {v2} of {group}")).trim().to_owned()
}
