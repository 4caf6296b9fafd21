//! Whether the node's own mounts can be shared as a volume asks.

use std::path::{Path, PathBuf};

use crate::cleanup::unescaped;
use crate::contract::{Mount, Propagation};

/// Why a mount cannot be propagated as it asks, in the words that users know from other runtimes; none when it can. `table` is
/// the node's `mountinfo` (proc_pid_mountinfo(5)).
pub(crate) fn refusal(table: &str, mount: &Mount) -> Option<String> {
    let (needed, words): (&[&str], _) = match mount.propagation {
        Propagation::None => return None,
        Propagation::HostToContainer => (&["shared:", "master:"], "shared or slave"),
        Propagation::Bidirectional => (&["shared:"], "shared"),
    };
    let host = mount.host.canonicalize().unwrap_or_else(|_| mount.host.clone());
    let (point, tags) = holder(table, &host)?;
    let holds = tags.iter().any(|tag| needed.iter().any(|needed| tag.starts_with(needed)));
    (!holds).then(|| format!("path {:?} is mounted on {:?} but it is not a {words} mount", mount.host, point))
}

/// The mount that a path is in, the topmost of those at its point, and its optional fields.
fn holder<'a>(table: &'a str, path: &Path) -> Option<(PathBuf, Vec<&'a str>)> {
    let entry = |line: &'a str| {
        let mut fields = line.split(' ');
        let point = PathBuf::from(unescaped(fields.nth(4)?));
        Some((point, fields.skip(1).take_while(|field| *field != "-").collect()))
    };
    let within = table.lines().filter_map(entry).filter(|(point, _)| path.starts_with(point));
    within.max_by_key(|(point, _)| point.components().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
                         23 22 0:5 / /nowhere/up rw,nosuid shared:7 - tmpfs tmpfs rw\n\
                         24 22 0:6 / /nowhere/down rw master:7 - tmpfs tmpfs rw\n";

    #[test]
    fn later_mounts_come_from_shared_mounts_only() {
        let check = |host: &str, propagation, expected: Option<&str>| {
            let mount = Mount { propagation, ..Mount::new(host, "/x", false) };
            assert_eq!(refusal(TABLE, &mount).as_deref(), expected, "{host}");
        };
        check("/nowhere/else", Propagation::None, None);
        check("/nowhere/up/a", Propagation::Bidirectional, None);
        check("/nowhere/down", Propagation::HostToContainer, None);
        let words = "path \"/nowhere/down\" is mounted on \"/nowhere/down\" but it is not a shared mount";
        check("/nowhere/down", Propagation::Bidirectional, Some(words));
        let words = "path \"/nowhere/else\" is mounted on \"/\" but it is not a shared or slave mount";
        check("/nowhere/else", Propagation::HostToContainer, Some(words));
    }
}
