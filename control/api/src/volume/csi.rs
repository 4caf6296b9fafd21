//! Volumes of drivers.

use super::{Owner, needed};
use crate::field::{Errors, Field};
use crate::name;

/// Longest name of a driver (CSI specification).
const DRIVER_MAX: usize = 63;

/// Everything wrong with the name of a driver.
fn driver_name(driver: &Field<'_>) -> Errors {
    let text = driver.text();
    let mut errors = Errors::new();
    errors.extend(driver.must());
    errors.extend((text.len() > DRIVER_MAX).then(|| driver.too_long(DRIVER_MAX)));
    let wrong = name::subdomain(&text.to_lowercase());
    errors.extend(wrong.into_iter().map(|why| driver.invalid_part(text, why)));
    errors
}

/// Everything wrong with a volume of a CSI driver.
pub(super) fn rules(source: &Field<'_>, owner: Owner<'_>) -> Errors {
    let mut errors = driver_name(&source.at("driver"));
    match owner {
        Owner::Pod(_) => {
            let secret = source.at("nodePublishSecretRef").at("name");
            if source.at("nodePublishSecretRef").is_set() {
                errors.extend(secret.must());
                errors.extend(secret.told_at(&source.at("name")).named(name::subdomain));
            }
        }
        Owner::Cluster(_) => {
            errors.extend(source.at("volumeHandle").must());
            for secret in ["controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"] {
                let secret = source.at(&format!("{secret}SecretRef"));
                if secret.is_set() {
                    errors.extend(secret.at("name").must_be_named(name::subdomain));
                    errors.extend(secret.at("namespace").must_be_named(name::label));
                }
            }
        }
    }
    errors
}

/// Everything wrong with a volume of a driver that is a program on the node.
pub(super) fn flexible(source: &Field<'_>) -> Errors {
    let mut errors = needed(source, &["driver"]);
    for (key, option) in source.at("options").entries() {
        let domain = format!(".{}", key.split('/').next().unwrap_or_default().to_lowercase());
        let domain = if key.contains('/') { domain } else { format!(".{}", key.to_lowercase()) };
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            errors.push(option.invalid_part(key, "kubernetes.io and k8s.io namespaces are reserved"));
        }
    }
    errors
}
