//! Rules of volumes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::name;
use crate::volume::{self, Owner};

use super::projection;

/// What a volume is taken from, as far as the rules of mounts ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A claim, its own or another one: it may be a block device.
    Claim,
    /// The files of an image.
    Image,
    /// Anything else.
    Other,
}

/// The volumes that containers may mount, by name.
pub(super) type Volumes<'a> = BTreeMap<&'a str, Kind>;

/// Sources of a pod's volume, in the order in which Kubernetes looks at them.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// The volumes that are sound, and everything wrong with the others. A pod has a name; a template has none.
pub(super) fn volumes<'a>(volumes: &Field<'a>, pod: &str) -> (Volumes<'a>, Errors) {
    let mut known = Volumes::new();
    let mut errors = Errors::new();
    let made = |volume: &Field<'_>| format!("{pod}-{}", volume.at("name").text());
    let claims: Vec<String> =
        volumes.items().filter(|one| !pod.is_empty() && one.at("ephemeral").is_set()).map(|one| made(&one)).collect();
    for volume in volumes.items() {
        let own = volume.at("name");
        let mut wrong = volume::only_source(&volume, SOURCES, |name, one| source(name, one, &own, pod));
        wrong.extend(own.must_be_named(name::label));
        if known.contains_key(own.text()) {
            wrong.push(own.duplicate());
        }
        if wrong.is_empty() {
            known.insert(own.text(), kind_of(volume.value));
        }
        errors.extend(wrong);
        let claim = volume.at("persistentVolumeClaim").at("claimName");
        if claims.iter().any(|made| *made == claim.text()) {
            errors.push(claim.invalid("must not reference a PVC that gets created for an ephemeral volume"));
        }
    }
    (known, errors)
}

fn kind_of(volume: &Value) -> Kind {
    let given = |name: &str| volume.get(name).is_some_and(|source| !source.is_null());
    match () {
        () if given("persistentVolumeClaim") || given("ephemeral") => Kind::Claim,
        () if given("image") => Kind::Image,
        () => Kind::Other,
    }
}

fn source(name: &str, source: &Field<'_>, volume: &Field<'_>, pod: &str) -> Errors {
    match name {
        "emptyDir" => {
            let limit = source.at("sizeLimit");
            let wrong = limit.is_set() && !super::not_negative(&limit).is_empty();
            wrong.then(|| limit.forbidden("SizeLimit field must be a valid resource quantity")).into_iter().collect()
        }
        "secret" => projection::keys(source, "secretName"),
        "configMap" => projection::keys(source, "name"),
        "downwardAPI" => projection::downward(source),
        "projected" => projection::projected(source),
        "persistentVolumeClaim" => source.at("claimName").must().into_iter().collect(),
        "ephemeral" => ephemeral(source, volume, pod),
        "image" => image(source),
        _ => volume::source(name, source, Owner::Pod(volume.text())),
    }
}

/// A claim that lives as long as the pod; its name is made of both.
fn ephemeral(source: &Field<'_>, volume: &Field<'_>, pod: &str) -> Errors {
    let template = source.at("volumeClaimTemplate");
    if !template.is_set() {
        return vec![template.required("")];
    }
    let mut errors = crate::claim_spec::nameless_template(&template);
    if !pod.is_empty() && !volume.is_empty() {
        let claim = format!("{pod}-{}", volume.text());
        let wrong = name::subdomain(&claim).into_iter();
        errors.extend(wrong.map(|why| volume.invalid(format!("PVC name {claim:?}: {why}"))));
    }
    errors
}

fn image(source: &Field<'_>) -> Errors {
    let reference = source.at("reference");
    let mut errors: Errors = reference.must().into_iter().collect();
    errors.extend(source.at("pullPolicy").must_be_one_of(&["Always", "IfNotPresent", "Never"]));
    errors
}
