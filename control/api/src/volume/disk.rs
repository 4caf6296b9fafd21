//! Disks that are attached to a node.

use super::{Owner, between, needed};
use crate::field::{Errors, Field};
use crate::validate::FieldError;

/// Longest name of a volume with its portal when the initiator is named: what the kernel can hold.
const PORTAL_MAX: usize = 64;

/// Everything wrong with a disk of that source.
pub(super) fn rules(name: &str, source: &Field<'_>) -> Errors {
    match name {
        "gcePersistentDisk" => {
            // Kubernetes tells it under an older name.
            let path = source.path().replace("gcePersistentDisk", "persistentDisk");
            partitioned(&source.clone().told_as(path), "pdName")
        }
        "awsElasticBlockStore" => partitioned(source, "volumeID"),
        "azureDisk" => azure(source),
        _ => fibre_channel(source),
    }
}

fn partitioned(source: &Field<'_>, id: &str) -> Errors {
    let mut errors = needed(source, &[id]);
    let partition = source.at("partition");
    if partition.integer().is_some_and(|number| !(0..=255).contains(&number)) {
        errors.push(partition.invalid("must be between 1 and 255, inclusive"));
    }
    errors
}

fn azure(source: &Field<'_>) -> Errors {
    let (kind, uri) = (source.at("kind"), source.at("diskURI"));
    let mut errors = needed(source, &["diskName", "diskURI"]);
    errors.extend(source.at("cachingMode").one_of(&["None", "ReadOnly", "ReadWrite"]));
    errors.extend(kind.one_of(&["Dedicated", "Managed", "Shared"]));
    let (start, form) = if kind.text() == "Managed" {
        let form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
        ("/subscriptions/", form)
    } else {
        ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd")
    };
    if kind.is_set() && !uri.text().starts_with(start) {
        errors.push(FieldError::not_supported(uri.path(), uri.text(), &[form]));
    }
    errors
}

fn fibre_channel(source: &Field<'_>) -> Errors {
    let (targets, ids, lun) = (source.at("targetWWNs"), source.at("wwids"), source.at("lun"));
    let mut errors = Errors::new();
    match (targets.is_empty(), ids.is_empty()) {
        (true, true) => errors.push(targets.required("must specify either targetWWNs or wwids, but not both")),
        (false, false) => {
            errors.push(targets.invalid("targetWWNs and wwids can not be specified simultaneously"));
        }
        (true, false) | (false, true) => {}
    }
    if !targets.is_empty() {
        if lun.is_set() {
            errors.extend(between(&lun, 0, 255));
        } else {
            errors.push(lun.required("lun is required if targetWWNs is specified"));
        }
    }
    errors
}

/// Everything wrong with a disk over the network.
pub(super) fn iscsi(source: &Field<'_>, owner: Owner<'_>) -> Errors {
    let (portal, initiator, secret) = (source.at("targetPortal"), source.at("initiatorName"), source.at("secretRef"));
    let mut errors = needed(source, &["targetPortal"]);
    let (Owner::Pod(name) | Owner::Cluster(name)) = owner;
    let long = initiator.is_set() && name.len() + 1 + portal.text().len() > PORTAL_MAX;
    let why = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is \
               specified.";
    let malformed = if matches!(owner, Owner::Pod(_)) {
        "must be valid format starting with iqn, eui, or naa"
    } else {
        "must be valid format"
    };
    if long && matches!(owner, Owner::Cluster(_)) {
        errors.push(portal.clone().told_as(format!("{}.targetportal", source.path())).invalid(why));
    }
    let iqn = source.at("iqn");
    errors.extend(iqn.must().or_else(|| qualified(&iqn, malformed)));
    errors.extend(between(&source.at("lun"), 0, 255));
    let authenticates = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|field| source.at(field).is_true());
    errors.extend((authenticates && !secret.is_set()).then(|| secret.required("")));
    if matches!(owner, Owner::Cluster(_)) && secret.is_set() {
        errors.extend(secret.at("name").must());
    }
    if initiator.is_set() {
        errors.extend(qualified(&initiator.clone().told_as(format!("{}.initiatorname", source.path())), malformed));
    }
    if long && let Owner::Pod(name) = owner {
        let volume = source.path().strip_suffix(".iscsi").unwrap_or_default();
        errors.push(source.clone().told_as(format!("{volume}.name")).invalid_part(name, why));
    }
    errors
}

/// An error when a text is no name of a target or initiator (RFC 3720, section 3.2.6).
fn qualified(name: &Field<'_>, malformed: &str) -> Option<FieldError> {
    let text = name.text();
    let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
    let sound = if text.starts_with("iqn") {
        is_iqn(text)
    } else if text.starts_with("eui") || text.starts_with("naa") {
        let length = if text.starts_with("eui") { 16 } else { 32 };
        // What stands between the type and the number may be anything, as in Kubernetes.
        let mut rest = text.chars().skip(3);
        let (separator, number) = (rest.next(), rest.collect::<String>());
        separator.is_some() && number.len() == length && word(&number)
    } else {
        return Some(name.invalid(malformed));
    };
    (!sound).then(|| name.invalid("must be valid format"))
}

/// `iqn.2001-04.com.example:storage.disk2`
fn is_iqn(text: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|c| c.is_ascii_digit());
    let Some((date, rest)) = text.strip_prefix("iqn.").and_then(|rest| rest.split_once('.')) else { return false };
    let Some((year, month)) = date.split_once('-') else { return false };
    let Some((authority, own)) = rest.split_once(':') else { return false };
    let plain = authority.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let sound = !own.is_empty() && !own.chars().any(|c| ",;*&$|".contains(c) || c.is_whitespace());
    digits(year, 4) && digits(month, 2) && plain && !authority.is_empty() && sound
}
