//! AppArmor profiles, on kernels that have it.

use std::fs;
use std::io;
use std::path::Path;

use super::LaunchError;

/// Where a process asks: the place of AppArmor alone, and that of whichever module was there first.
const PLACES: [&str; 2] = ["/proc/thread-self/attr/apparmor/exec", "/proc/thread-self/attr/exec"];

/// Asks the kernel to confine the program that this process becomes next (the kernel's `admin-guide/LSM/apparmor`). Profiles
/// are the node's: nothing here loads one.
pub(super) fn at_exec(profile: &str) -> Result<(), LaunchError> {
    let refused = |problem: String| LaunchError::AppArmor { profile: profile.to_owned(), problem };
    let absent = || refused("AppArmor is not enabled on the node".to_owned());
    let place = PLACES.into_iter().find(|place| Path::new(place).exists()).ok_or_else(absent)?;
    fs::write(place, format!("exec {profile}")).map_err(|error| match error.kind() {
        // Without any security module the file is there and takes nothing.
        io::ErrorKind::InvalidInput => absent(),
        _ => refused(format!("the node has not loaded it, or refuses it: {error}")),
    })
}
