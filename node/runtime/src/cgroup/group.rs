//! One group in every mounted tree.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::layout::Layout;
use super::settings::{self, Setting};
use super::{CgroupError, Controller, devices, files, usage};
use crate::contract::{Limits, Usage};

/// Between two looks at something that the kernel does in the background.
const POLL: Duration = Duration::from_millis(1);
/// The kernel empties a group some milliseconds after its last process was killed; a busy disk can hold one in
/// uninterruptible sleep for longer.
const REMOVE_WAIT: Duration = Duration::from_secs(5);
/// Freezing waits for every task to reach a safe point.
const FREEZE_WAIT: Duration = Duration::from_secs(2);
/// Without `cgroup.kill` a forking process can outrun one pass when nothing can be frozen.
const KILL_PASSES: u32 = 100;

/// A group of processes: the same name in every mounted tree. Cheap to clone; the directories exist after
/// [`Group::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    layout: Arc<Layout>,
    name: String,
}

impl Group {
    pub(super) fn new(layout: Arc<Layout>, name: String) -> Self {
        Self { layout, name }
    }

    /// Its name below the roots.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it lives in cgroup v2 alone.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        matches!(*self.layout, Layout::Unified { .. })
    }

    /// Makes the directories, where they are missing, and sets the limits.
    ///
    /// # Errors
    /// When a directory cannot be made, a controller cannot be enabled or a limit is refused.
    pub fn create(&self, limits: &Limits) -> Result<(), CgroupError> {
        match &*self.layout {
            Layout::Unified { root } => {
                self.enable_controllers(root, &[Controller::Cpu, Controller::Memory, Controller::Pids])?;
                self.enable_huge_pages(root)?;
            }
            Layout::Legacy { tracking: Some(root), .. } => self.enable_huge_pages(root)?,
            Layout::Legacy { tracking: None, .. } | Layout::Absent => {}
        }
        let mut fresh = true;
        for dir in self.dirs() {
            fresh &= create(&dir).map_err(|source| CgroupError::io("create", &dir, source))?;
        }
        // A new group has no limits: to write that down again would cost a pod's start a third of its calls into the kernel.
        let settings = self.settings(limits);
        settings.iter().filter(|setting| !(fresh && setting.is_default())).try_for_each(|setting| self.apply(setting))
    }

    /// Sets the limits anew; absent ones are lifted.
    ///
    /// # Errors
    /// When a limit is refused, e.g. memory below what is in use on v1.
    pub fn update(&self, limits: &Limits) -> Result<(), CgroupError> {
        self.settings(limits).iter().try_for_each(|setting| self.apply(setting))
    }

    fn settings(&self, limits: &Limits) -> Vec<Setting> {
        match &*self.layout {
            Layout::Unified { .. } => settings::unified(limits),
            Layout::Legacy { controllers, .. } => {
                let huge = match controllers.contains_key(&Controller::Hugetlb) {
                    true => settings::legacy_huge(limits),
                    false => settings::unified_huge(limits),
                };
                [settings::legacy(limits), huge].concat()
            }
            Layout::Absent => Vec::new(),
        }
    }

    /// Rules for a group that holds one container: on v1 only harmless devices (unless `all_devices`), on v2 all its
    /// processes die together for lack of memory, as Kubernetes wants it.
    ///
    /// # Errors
    /// When the kernel refuses a rule.
    pub fn set_container_rules(&self, all_devices: bool) -> Result<(), CgroupError> {
        if let Layout::Unified { root } = &*self.layout {
            return files::write_if_present(&root.join(&self.name).join("memory.oom.group"), "1");
        }
        let Some(dir) = self.controller(Controller::Devices).filter(|_| !all_devices) else { return Ok(()) };
        files::write(&dir.join("devices.deny"), devices::DENY_ALL)?;
        devices::ALLOWED.iter().try_for_each(|rule| files::write(&dir.join("devices.allow"), rule))
    }

    /// Its directory in the v2 tree, for a clone that begins in it (clone(2), `CLONE_INTO_CGROUP`); none where there is no
    /// such tree. A child that begins there finishes its entry by [`Group::enter`].
    ///
    /// Moving a process in later costs more than all the rest of its start: it takes a lock against every fork and exit of the
    /// machine, and on a quiet one waits for an RCU grace period (7 to 19 ms measured). This way takes no lock.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn cradle(&self) -> Result<Option<OwnedFd>, CgroupError> {
        let open = |root: &PathBuf| {
            let dir = root.join(&self.name);
            let directory = File::open(&dir).map_err(|source| CgroupError::io("open", &dir, source))?;
            Ok(OwnedFd::from(directory))
        };
        self.v2().map(open).transpose()
    }

    /// Moves the calling process, which has one thread and began in [`Group::cradle`], into the other trees.
    ///
    /// # Errors
    /// When a tree refuses, e.g. because the group's limit of processes is reached.
    pub fn enter(&self) -> Result<(), CgroupError> {
        let v2 = self.v2().map(|root| root.join(&self.name));
        let others = self.dirs().into_iter().filter(|dir| Some(dir) != v2.as_ref());
        // A thread that moves itself alone needs no lock against others. The kernel reads 0 as "the writer", which is right in
        // every process namespace.
        others.into_iter().try_for_each(|dir| files::write(&dir.join("tasks"), "0"))
    }

    /// Moves the calling process with all its threads in. Children that it has already stay where they are.
    ///
    /// # Errors
    /// When a tree refuses, e.g. because the group's limit of processes is reached.
    pub fn add_self(&self) -> Result<(), CgroupError> {
        self.dirs().iter().try_for_each(|dir| files::write(&dir.join("cgroup.procs"), "0"))
    }

    /// Ids of the processes in the group and in the groups below it.
    ///
    /// # Errors
    /// When the lists cannot be read. A group that is gone has no processes.
    pub fn procs(&self) -> Result<Vec<i32>, CgroupError> {
        let mut found = BTreeSet::new();
        let mut dirs: Vec<PathBuf> = self.tracking().into_iter().collect();
        while let Some(dir) = dirs.pop() {
            dirs.extend(files::children(&dir)?);
            let text = match files::read(&dir.join("cgroup.procs")) {
                Err(CgroupError::Io { source, .. }) if is_gone(&source) => continue,
                other => other?,
            };
            found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
        Ok(found.into_iter().collect())
    }

    /// Sends SIGKILL to every process of the group and of the groups below it, also to those that fork meanwhile. The
    /// processes are not gone yet when this returns: their parents have to reap them.
    ///
    /// # Errors
    /// When the kernel refuses. A group that is gone has nothing to kill.
    pub fn kill_all(&self) -> Result<(), CgroupError> {
        let Some(tracking) = self.tracking().filter(|dir| dir.exists()) else { return Ok(()) };
        let switch = tracking.join("cgroup.kill");
        if switch.exists() {
            return files::write(&switch, "1");
        }
        // A frozen group cannot fork, and thawing delivers the signals. What cannot be frozen is killed in passes.
        let frozen = self.freeze();
        for _ in 0..KILL_PASSES {
            let pids = self.procs()?;
            for pid in &pids {
                match kill(Pid::from_raw(*pid), Signal::SIGKILL) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(errno) => {
                        return Err(CgroupError::io(format!("kill process {pid} of"), &tracking, errno.into()));
                    }
                }
            }
            if frozen.is_ok() || pids.is_empty() {
                break;
            }
            thread::sleep(POLL);
        }
        self.thaw()
    }

    /// Stops all processes until [`Group::thaw`]. Returns when they stand still.
    ///
    /// # Errors
    /// When the kernel refuses, or when they do not stand still within two seconds.
    pub fn freeze(&self) -> Result<(), CgroupError> {
        match self.freezer()? {
            Freezer::Unified(dir) => {
                files::write(&dir.join("cgroup.freeze"), "1")?;
                wait_until(&dir, "frozen", FREEZE_WAIT, || {
                    Ok(files::keyed(&files::read(&dir.join("cgroup.events"))?, "frozen") == Some(1))
                })
            }
            Freezer::Legacy(dir) => wait_until(&dir, "frozen", FREEZE_WAIT, || {
                // v1 can stay FREEZING until it is told again.
                files::write(&dir.join("freezer.state"), "FROZEN")?;
                Ok(files::read(&dir.join("freezer.state"))?.trim() == "FROZEN")
            }),
        }
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<(), CgroupError> {
        match self.freezer()? {
            Freezer::Unified(dir) => files::write(&dir.join("cgroup.freeze"), "0"),
            Freezer::Legacy(dir) => files::write_if_present(&dir.join("freezer.state"), "THAWED"),
        }
    }

    /// How many processes of the group the kernel has killed for lack of memory.
    ///
    /// # Errors
    /// When the counter cannot be read.
    pub fn oom_kills(&self) -> Result<u64, CgroupError> {
        match &*self.layout {
            Layout::Unified { root } => usage::oom_kills(&root.join(&self.name), usage::Names::UNIFIED),
            Layout::Legacy { .. } => match self.controller(Controller::Memory) {
                Some(dir) => usage::oom_kills(&dir, usage::Names::LEGACY),
                None => Ok(0),
            },
            Layout::Absent => Ok(0),
        }
    }

    /// What its processes have used, ended ones included.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn usage(&self) -> Result<Usage, CgroupError> {
        let names = match &*self.layout {
            Layout::Unified { .. } => usage::Names::UNIFIED,
            Layout::Legacy { .. } => usage::Names::LEGACY,
            Layout::Absent => return Err(CgroupError::Absent),
        };
        let cpu = self.controller(names.cpu).map_or(Ok(0), |dir| usage::cpu_nanos(&dir))?;
        let pids = self.controller(Controller::Pids).map_or(Ok(0), |dir| usage::pids(&dir))?;
        let memory =
            self.controller(Controller::Memory).map_or(Ok(Usage::default()), |dir| usage::memory(&dir, names))?;
        Ok(Usage { cpu_nanos: cpu, pids, ..memory })
    }

    /// Whether its directories exist.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.tracking().is_some_and(|dir| dir.exists())
    }

    /// Removes the group and the groups below it. Waits, at most five seconds, for processes that are about to end.
    ///
    /// # Errors
    /// When processes remain. A group that is gone counts as removed.
    pub fn remove(&self) -> Result<(), CgroupError> {
        let deadline = Instant::now() + REMOVE_WAIT;
        self.dirs().iter().try_for_each(|dir| remove_tree(dir, deadline))
    }

    /// Its directory in every tree that it has limits or processes in, each once.
    fn dirs(&self) -> Vec<PathBuf> {
        let roots: BTreeSet<&PathBuf> = match &*self.layout {
            Layout::Unified { root } => BTreeSet::from([root]),
            Layout::Legacy { controllers, tracking } => controllers.values().chain(tracking).collect(),
            Layout::Absent => BTreeSet::new(),
        };
        roots.into_iter().map(|root| root.join(&self.name)).collect()
    }

    fn controller(&self, controller: Controller) -> Option<PathBuf> {
        match &*self.layout {
            Layout::Unified { root } => Some(root.join(&self.name)),
            Layout::Legacy { controllers, tracking } => {
                let elsewhere = tracking.as_ref().filter(|_| controller == Controller::Hugetlb);
                controllers.get(&controller).or(elsewhere).map(|root| root.join(&self.name))
            }
            Layout::Absent => None,
        }
    }

    /// The directory that is asked for its processes: the v2 tree where there is one.
    fn tracking(&self) -> Option<PathBuf> {
        let root = self.v2().or_else(|| match &*self.layout {
            Layout::Legacy { controllers, .. } => {
                controllers.get(&Controller::Freezer).or_else(|| controllers.values().next())
            }
            Layout::Unified { .. } | Layout::Absent => None,
        });
        root.map(|root| root.join(&self.name))
    }

    /// Root of the v2 tree, where there is one.
    fn v2(&self) -> Option<&PathBuf> {
        match &*self.layout {
            Layout::Unified { root } | Layout::Legacy { tracking: Some(root), .. } => Some(root),
            Layout::Legacy { tracking: None, .. } | Layout::Absent => None,
        }
    }

    fn freezer(&self) -> Result<Freezer, CgroupError> {
        match (&*self.layout, self.controller(Controller::Freezer)) {
            (Layout::Legacy { tracking: None, .. }, Some(dir)) => Ok(Freezer::Legacy(dir)),
            _ => self.tracking().map(Freezer::Unified).ok_or(CgroupError::Absent),
        }
    }

    fn apply(&self, setting: &Setting) -> Result<(), CgroupError> {
        let Some(dir) = self.controller(setting.controller) else { return Ok(()) };
        let path = dir.join(setting.file);
        if setting.optional {
            files::write_if_present(&path, &setting.value)
        } else {
            files::write(&path, &setting.value)
        }
    }

    /// Huge pages are bounded where the tree has their controller at all.
    fn enable_huge_pages(&self, root: &Path) -> Result<(), CgroupError> {
        if self.has_enabled(root, &[Controller::Hugetlb]) {
            return Ok(());
        }
        let offered = files::read(&root.join("cgroup.controllers"))?;
        let here = offered.split_whitespace().any(|name| name == Controller::Hugetlb.name());
        if here { self.enable_controllers(root, &[Controller::Hugetlb]) } else { Ok(()) }
    }

    /// Whether the group's parent passes controllers on. It can only when all above it do.
    fn has_enabled(&self, root: &Path, wanted: &[Controller]) -> bool {
        let parent = root.join(&self.name).parent().map(|parent| parent.join("cgroup.subtree_control"));
        let enabled = parent.and_then(|control| files::read(&control).ok()).unwrap_or_default();
        missing(&enabled, wanted).is_empty()
    }

    /// Passes controllers on from the root to the group's parent, which v2 wants level by level.
    fn enable_controllers(&self, root: &Path, wanted: &[Controller]) -> Result<(), CgroupError> {
        if self.has_enabled(root, wanted) {
            return Ok(());
        }
        let mut level = root.to_owned();
        for part in Path::new(&self.name) {
            fs::create_dir_all(&level).map_err(|source| CgroupError::io("create", &level, source))?;
            let control = level.join("cgroup.subtree_control");
            let enabled = files::read(&control)?;
            let missing = missing(&enabled, wanted);
            if !missing.is_empty() {
                files::write(&control, &missing.join(" ")).map_err(|error| match error {
                    CgroupError::Io { source, path, .. } if source.raw_os_error() == Some(libc::EBUSY) => {
                        CgroupError::Occupied { path }
                    }
                    other => other,
                })?;
            }
            level.push(part);
        }
        Ok(())
    }
}

/// What has to be written to pass `wanted` on where `enabled` are passed on already.
fn missing(enabled: &str, wanted: &[Controller]) -> Vec<String> {
    let is_enabled = |controller: &Controller| enabled.split_whitespace().any(|name| name == controller.name());
    wanted.iter().filter(|controller| !is_enabled(controller)).map(|c| format!("+{}", c.name())).collect()
}

/// Makes a directory with those above it, where they are missing; tells whether it was missing itself.
fn create(dir: &Path) -> io::Result<bool> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(dir).map(|()| true),
        Err(error) => Err(error),
    }
}

/// Where freezing is done.
enum Freezer {
    Unified(PathBuf),
    Legacy(PathBuf),
}

/// A group vanishes under a reader as ENOENT before the open and as ENODEV after it.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

fn wait_until(
    dir: &Path,
    state: &'static str,
    limit: Duration,
    mut reached: impl FnMut() -> Result<bool, CgroupError>,
) -> Result<(), CgroupError> {
    let deadline = Instant::now() + limit;
    while !reached()? {
        if Instant::now() >= deadline {
            let waited_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            return Err(CgroupError::Timeout { path: dir.to_owned(), state, waited_ms });
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Removes children first. EBUSY means that a killed process has not quite left yet.
fn remove_tree(dir: &Path, deadline: Instant) -> Result<(), CgroupError> {
    for child in files::children(dir)? {
        remove_tree(&child, deadline)?;
    }
    loop {
        match fs::remove_dir(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < deadline => thread::sleep(POLL),
            Err(source) => return Err(CgroupError::io("remove", dir, source)),
        }
    }
}
