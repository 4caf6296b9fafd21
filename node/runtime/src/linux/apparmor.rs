//! AppArmor profiles, on kernels that have it.

use std::fs;
use std::io;

use super::LaunchError;

/// Asks the kernel to confine the program that this process becomes next (the kernel's `admin-guide/LSM/apparmor`). Profiles
/// are the node's: nothing here loads one.
pub(super) fn at_exec(profile: &str) -> Result<(), LaunchError> {
    let failed = |error: io::Error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => "AppArmor is not enabled on the node".to_owned(),
            _ => format!("the node has not loaded it, or refuses it: {error}"),
        };
        LaunchError::AppArmor { profile: profile.to_owned(), problem }
    };
    // The first is the place of AppArmor alone, the second of whichever module was there first.
    let order = format!("exec {profile}");
    match fs::write("/proc/thread-self/attr/apparmor/exec", &order) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::write("/proc/thread-self/attr/exec", &order).map_err(failed)
        }
        written => written.map_err(failed),
    }
}
