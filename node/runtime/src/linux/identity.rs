//! Who a process is: user, group and home directory, from the pod, the image and the container's own `/etc`. Pure, but for
//! reading these two files.

use std::path::Path;

use super::LaunchError;
use super::in_root::Root;
use crate::contract::{LinuxUser, Security};

/// An `/etc/passwd` beyond this is not one.
const DATABASE_MAX: u64 = 1 << 20;

/// Resolved ids of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Supplementary groups, sorted.
    pub(super) groups: Vec<u32>,
    /// Home directory for `HOME`.
    pub(super) home: String,
}

impl Identity {
    pub(super) fn user(&self) -> LinuxUser {
        LinuxUser { uid: self.uid, gid: self.gid, groups: self.groups.clone() }
    }
}

/// Kubernetes' rule for `runAsNonRoot`, with its messages: decided from numbers alone, before anything is made.
///
/// # Errors
/// When the user is 0, or is a name of the image, whose number is not known beforehand.
pub fn verify_non_root(security: &Security, image_user: Option<&str>) -> Result<(), LaunchError> {
    if !security.run_as_non_root {
        return Ok(());
    }
    let refused = |message: String| Err(LaunchError::RunAsRoot(message));
    if let Some(uid) = security.user {
        return if uid == 0 { refused("container's runAsUser breaks non-root policy".to_owned()) } else { Ok(()) };
    }
    let user = image_user.unwrap_or_default().split(':').next().unwrap_or_default();
    match (user.is_empty(), user.parse::<u32>()) {
        (true, _) | (false, Ok(0)) => refused("container has runAsNonRoot and image will run as root".to_owned()),
        (false, Ok(_)) => Ok(()),
        (false, Err(_)) => refused(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root"
        )),
    }
}

/// Reads the container's user database and resolves.
pub(super) fn resolve(root: &Root, security: &Security, image_user: Option<&str>) -> Result<Identity, LaunchError> {
    let read = |path: &str| {
        let text =
            root.read_text(Path::new(path), DATABASE_MAX).map_err(LaunchError::system(format!("read {path}")))?;
        Ok::<_, LaunchError>(text.unwrap_or_default())
    };
    resolve_in(&read("/etc/passwd")?, &read("/etc/group")?, security, image_user)
}

struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// passwd(5): `name:password:uid:gid:gecos:home:shell`. Lines that do not parse are skipped, as the C library does.
fn passwd(text: &str) -> impl Iterator<Item = PasswdEntry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let home = fields.nth(1).unwrap_or_default();
        Some(PasswdEntry { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    })
}

struct GroupEntry<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// group(5): `name:password:gid:member,member`.
fn group(text: &str) -> impl Iterator<Item = GroupEntry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
        Some(GroupEntry { name, gid: gid.parse().ok()?, members: fields.next().unwrap_or_default() })
    })
}

fn resolve_in(
    passwd_text: &str,
    group_text: &str,
    security: &Security,
    image_user: Option<&str>,
) -> Result<Identity, LaunchError> {
    let (image_name, image_group) = match image_user.unwrap_or_default().split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (image_user.unwrap_or_default(), None),
    };
    let wanted = security.user.map_or_else(|| image_name.to_owned(), |uid| uid.to_string());
    let wanted = if wanted.is_empty() { "0" } else { wanted.as_str() };

    let number = wanted.parse::<u32>().ok();
    // A name goes before a number, so that a user called "1000" is found; Docker does the same.
    let entry = passwd(passwd_text)
        .find(|entry| security.user.is_none() && entry.name == wanted)
        .or_else(|| passwd(passwd_text).find(|entry| Some(entry.uid) == number));
    let uid = match (&entry, number) {
        (Some(entry), _) => entry.uid,
        (None, Some(uid)) => uid,
        (None, None) => return Err(LaunchError::NoUser(wanted.to_owned())),
    };

    // The image's group belongs to the image's user: it does not count when the pod names another user.
    let image_group = image_group.filter(|_| security.user.is_none());
    let gid = match (security.group, image_group) {
        (Some(gid), _) => gid,
        (None, Some(name)) => group_id(group_text, name)?,
        (None, None) => entry.as_ref().map_or(0, |entry| entry.gid),
    };

    let counted = entry.as_ref().filter(|_| !security.strict_groups);
    let memberships = counted.map(|entry| entry.name).into_iter().flat_map(|user| {
        group(group_text).filter(move |g| g.members.split(',').any(|member| member == user)).map(|g| g.gid)
    });
    // The own group counts among them, so that no program in the container can leave it and pass by a permission that is
    // denied to it (CVE-2022-36109).
    let mut groups: Vec<u32> = security.groups.iter().copied().chain(memberships).chain([gid]).collect();
    groups.sort_unstable();
    groups.dedup();

    let home = entry.map(|entry| entry.home).filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
    Ok(Identity { uid, gid, groups, home })
}

fn group_id(group_text: &str, name: &str) -> Result<u32, LaunchError> {
    group(group_text)
        .find(|entry| entry.name == name)
        .map(|entry| entry.gid)
        .or_else(|| name.parse().ok())
        .ok_or_else(|| LaunchError::NoGroup(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken line\nweb:x:33:33::/var/www:/bin/sh\nweb2:x:34:33:::\n";
    const GROUP: &str = "root:x:0:\nwww:x:33:web2\nlogs:x:44:web,web2\n";

    fn check(image_user: &str, security: &Security, expected: Result<(u32, u32, &[u32], &str), &str>) {
        let resolved = resolve_in(PASSWD, GROUP, security, Some(image_user));
        let found = resolved.as_ref().map(|i| (i.uid, i.gid, i.groups.as_slice(), i.home.as_str()));
        assert_eq!(found.map_err(ToString::to_string), expected.map_err(str::to_owned), "user {image_user:?}");
    }

    #[test]
    fn the_images_user() {
        let none = Security::default();
        check("", &none, Ok((0, 0, &[0], "/root")));
        check("web", &none, Ok((33, 33, &[33, 44], "/var/www")));
        check("33", &none, Ok((33, 33, &[33, 44], "/var/www")));
        check("web2", &none, Ok((34, 33, &[33, 44], "/")));
        check("web:logs", &none, Ok((33, 44, &[44], "/var/www")));
        check("65534:7", &none, Ok((65534, 7, &[7], "/")));
        check("ghost", &none, Err("unable to find user ghost: no matching entries in passwd file"));
        check("web:ghosts", &none, Err("unable to find group ghosts: no matching entries in group file"));
    }

    #[test]
    fn the_pods_user_goes_first() {
        let security = |user, group| Security { user, group, groups: vec![9, 3, 9], ..Security::default() };
        check("web:logs", &security(Some(1000), None), Ok((1000, 0, &[0, 3, 9], "/")));
        check("web:logs", &security(Some(33), None), Ok((33, 33, &[3, 9, 33, 44], "/var/www")));
        check("web:logs", &security(None, Some(5)), Ok((33, 5, &[3, 5, 9, 44], "/var/www")));
        check("ghost", &security(Some(1000), Some(5)), Ok((1000, 5, &[3, 5, 9], "/")));
        let strict = Security { strict_groups: true, ..security(Some(33), None) };
        check("web:logs", &strict, Ok((33, 33, &[3, 9, 33], "/var/www")));
    }

    #[test]
    fn non_root_is_decided_from_numbers() {
        let check = |user, image, expected: Option<&str>| {
            let security = Security { run_as_non_root: true, user, ..Security::default() };
            let message = verify_non_root(&security, image).err().map(|error| error.to_string());
            assert_eq!(message.as_deref(), expected);
        };
        check(Some(5), None, None);
        check(None, Some("5:0"), None);
        check(Some(0), Some("5"), Some("container's runAsUser breaks non-root policy"));
        check(None, None, Some("container has runAsNonRoot and image will run as root"));
        check(None, Some("0:5"), Some("container has runAsNonRoot and image will run as root"));
        check(
            None,
            Some("web"),
            Some("container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root"),
        );
    }
}
