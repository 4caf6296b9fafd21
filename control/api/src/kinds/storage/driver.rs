//! What several kinds say of whoever makes volumes: its name, and what it is told.

use crate::field::{Errors, Field};
use crate::name;

/// Everything wrong with the name of a provisioner.
pub(super) fn provisioner(provisioner: &Field<'_>) -> Errors {
    if provisioner.is_empty() {
        return vec![provisioner.required("")];
    }
    let lower = provisioner.text().to_lowercase();
    name::qualified(&lower).into_iter().map(|why| provisioner.invalid_part(lower.as_str(), why)).collect()
}

/// Everything wrong with the name of a driver of the Container Storage Interface.
pub(in crate::kinds) fn csi(driver: &Field<'_>) -> Errors {
    /// As the Container Storage Interface has it.
    const LENGTH_MAX: usize = 63;
    let mut errors: Errors = driver.must().into_iter().collect();
    errors.extend((driver.text().len() > LENGTH_MAX).then(|| driver.too_long(LENGTH_MAX)));
    let wrong = name::subdomain(&driver.text().to_lowercase()).into_iter();
    errors.extend(wrong.map(|why| driver.invalid_part(driver.text(), why)));
    errors
}

/// Everything wrong with what is handed to whoever makes or changes the volumes.
pub(super) fn parameters(parameters: &Field<'_>) -> Errors {
    /// Most parameters, and most bytes of all, keys and values.
    const COUNT_MAX: usize = 512;
    const SIZE_MAX: usize = 256 * 1024;
    if parameters.entries().count() > COUNT_MAX {
        return vec![parameters.too_long(COUNT_MAX)];
    }
    let nameless = parameters.entries().filter(|(key, _)| key.is_empty());
    let mut errors: Errors = nameless.map(|_| parameters.invalid_part("", "field can not be empty.")).collect();
    let size: usize = parameters.entries().map(|(key, value)| key.len() + value.text().len()).sum();
    errors.extend((size > SIZE_MAX).then(|| parameters.too_long(SIZE_MAX)));
    errors
}
