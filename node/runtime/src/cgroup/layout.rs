//! Which control group file systems are mounted, and where.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{CgroupError, Group, files};
use crate::privileges::Privileges;

/// The controllers that Bireme uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// CPU weight and quota.
    Cpu,
    /// CPU time accounting; its own controller on v1 only.
    Cpuacct,
    /// Memory limit and accounting.
    Memory,
    /// Number of tasks.
    Pids,
    /// Device access; v1 only.
    Devices,
    /// Freezing; v1 only.
    Freezer,
    /// Huge pages; a hybrid host may have it in either tree.
    Hugetlb,
}

impl Controller {
    const ALL: [Self; 7] =
        [Self::Cpu, Self::Cpuacct, Self::Memory, Self::Pids, Self::Devices, Self::Freezer, Self::Hugetlb];

    /// The kernel's name of it, as in mount options and `cgroup.controllers`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Devices => "devices",
            Self::Freezer => "freezer",
            Self::Hugetlb => "hugetlb",
        }
    }
}

/// The mounted trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// cgroup v2 alone.
    Unified {
        /// Mount point.
        root: PathBuf,
    },
    /// cgroup v1 controllers, with a controller-less v2 tree on hybrid hosts.
    Legacy {
        /// Mount point of each controller; some may share one.
        controllers: BTreeMap<Controller, PathBuf>,
        /// Mount point of the v2 tree.
        tracking: Option<PathBuf>,
    },
    /// A node without root, which may make no group: a group holds nothing and limits nothing.
    Absent,
}

/// The control group trees of this host, as seen from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    layout: Arc<Layout>,
}

impl Hierarchy {
    /// The trees that a node with these privileges uses: without root none, and then groups hold and limit nothing.
    ///
    /// # Errors
    /// As [`Hierarchy::detect`].
    pub fn of(privileges: Privileges) -> Result<Self, CgroupError> {
        match privileges {
            Privileges::Root => Self::detect(),
            Privileges::None => Ok(Self { layout: Arc::new(Layout::Absent) }),
        }
    }

    /// Looks at `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// When that cannot be read or when it shows neither a v2 tree nor v1 controllers.
    pub fn detect() -> Result<Self, CgroupError> {
        let mountinfo = files::read(Path::new("/proc/self/mountinfo"))?;
        let layout = parse(&mountinfo).ok_or(CgroupError::NotMounted)?;
        Ok(Self { layout: Arc::new(layout) })
    }

    /// Whether this host has cgroup v2 alone.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        matches!(*self.layout, Layout::Unified { .. })
    }

    /// Names a group, e.g. `bireme-node1/pod-<uid>/<container>`, below the root of every mounted tree. Nothing is made yet.
    ///
    /// # Errors
    /// When the name is empty, absolute or climbs.
    pub fn group(&self, name: &str) -> Result<Group, CgroupError> {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !plain {
            return Err(CgroupError::Name(name.to_owned()));
        }
        Ok(Group::new(Arc::clone(&self.layout), name.to_owned()))
    }
}

/// Reads the layout off a `mountinfo` file (proc_pid_mountinfo(5)). Of several mounts of one tree the first counts.
fn parse(mountinfo: &str) -> Option<Layout> {
    let mut unified = None;
    let mut controllers = BTreeMap::new();
    for (point, fs, options) in mountinfo.lines().filter_map(mount) {
        match fs {
            "cgroup2" if unified.is_none() => unified = Some(point),
            "cgroup" => {
                let here = Controller::ALL.into_iter().filter(|c| options.split(',').any(|o| o == c.name()));
                for controller in here {
                    controllers.entry(controller).or_insert_with(|| point.clone());
                }
            }
            _ => {}
        }
    }
    let limits_on_v1 =
        [Controller::Cpu, Controller::Memory, Controller::Pids].iter().any(|c| controllers.contains_key(c));
    match (limits_on_v1, unified) {
        (true, tracking) => Some(Layout::Legacy { controllers, tracking }),
        (false, root) => root.map(|root| Layout::Unified { root }),
    }
}

/// Mount point, file system type and super block options of one line.
fn mount(line: &str) -> Option<(PathBuf, &str, &str)> {
    let (left, right) = line.split_once(" - ")?;
    let point = left.split(' ').nth(4)?;
    let mut right = right.split(' ');
    let (fs, _source, options) = (right.next()?, right.next()?, right.next()?);
    Some((PathBuf::from(point), fs, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mountinfo: &str, expected: Option<&Layout>) {
        assert_eq!(parse(mountinfo).as_ref(), expected);
    }

    #[test]
    fn a_lone_v2_tree_is_unified() {
        check(
            "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
            Some(&Layout::Unified { root: "/sys/fs/cgroup".into() }),
        );
    }

    #[test]
    fn v1_controllers_win_over_a_v2_tree_and_the_first_mount_counts() {
        check(
            "1 0 0:1 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             2 0 0:2 / /cg/memory rw - cgroup cgroup rw,memory\n\
             3 0 0:2 / /again/memory rw - cgroup cgroup rw,memory\n\
             4 0 0:3 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n\
             5 0 0:4 / /cg/unified rw - cgroup2 cgroup2 rw\n",
            Some(&Layout::Legacy {
                controllers: BTreeMap::from([
                    (Controller::Cpu, "/cg/cpu".into()),
                    (Controller::Cpuacct, "/cg/cpu".into()),
                    (Controller::Memory, "/cg/memory".into()),
                ]),
                tracking: Some("/cg/unified".into()),
            }),
        );
    }

    #[test]
    fn a_v1_tree_that_only_names_processes_is_not_legacy() {
        check(
            "4 0 0:3 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n5 0 0:4 / /cg/unified rw - cgroup2 cgroup2 rw\n",
            Some(&Layout::Unified { root: "/cg/unified".into() }),
        );
    }

    #[test]
    fn no_tree_is_no_layout() {
        check("1 0 0:1 / / rw - ext4 /dev/vda rw\n", None);
    }

    #[test]
    fn without_root_a_group_accepts_limits_and_processes_and_has_neither() {
        let group = Hierarchy::of(Privileges::None).unwrap().group("node/pod").unwrap();
        group.create(&crate::contract::Limits { memory: Some(1), ..Default::default() }).unwrap();
        group.add_self().unwrap();
        assert_eq!((group.procs().unwrap(), group.exists(), group.oom_kills().unwrap()), (Vec::new(), false, 0));
        group.kill_all().unwrap();
        group.remove().unwrap();
        assert!(group.usage().unwrap_err().to_string().contains("root"));
    }

    #[test]
    fn names_that_climb_are_refused() {
        let hierarchy = Hierarchy { layout: Arc::new(Layout::Unified { root: "/cg".into() }) };
        for name in ["", "/a", "a/../b", "..", "./a"] {
            assert!(hierarchy.group(name).is_err(), "{name:?} was accepted");
        }
    }
}
