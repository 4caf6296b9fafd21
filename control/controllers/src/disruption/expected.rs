//! How many pods there should be, and how many of them healthy, by the sizes of what makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kind::{Kind, Subresource};
use api::meta::{Key, Uid};
use api::record::{OwnerRef, Record};
use api::view::View;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use crate::decision::Damaged;
use crate::objects::{decode, share};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Pods that there should be.
    pub(super) pods: i64,
    /// Pods that must be healthy.
    pub(super) healthy: i64,
}

/// Reads a budget against its pods; the inner error says why the number cannot be known.
pub(super) fn of(view: &View, budget: &Value, pods: &[&Arc<Record>]) -> Result<Result<Expected, String>, Damaged> {
    let amount = |field: &str| serde_json::from_value::<IntOrString>(budget["spec"][field].clone()).ok();
    let all = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    Ok(match (amount("maxUnavailable"), amount("minAvailable")) {
        (Some(most), _) => scale(view, pods)?.map(|pods| {
            let away = share(&most, whole(pods), true);
            Expected { pods, healthy: (pods - i64::from(away)).max(0) }
        }),
        (None, Some(IntOrString::Int(least))) => Ok(Expected { pods: all, healthy: least.into() }),
        (None, Some(least)) => {
            scale(view, pods)?.map(|pods| Expected { pods, healthy: share(&least, whole(pods), true).into() })
        }
        (None, None) => Ok(Expected { pods: 0, healthy: 0 }),
    })
}

fn whole(pods: i64) -> i32 {
    i32::try_from(pods).unwrap_or(i32::MAX)
}

/// The sizes of all that manage the pods, together. Pods that nobody manages do not count.
fn scale(view: &View, pods: &[&Arc<Record>]) -> Result<Result<i64, String>, Damaged> {
    let mut sizes: BTreeMap<Uid, i64> = BTreeMap::new();
    for pod in pods {
        let Some(controller) = pod.controller() else { continue };
        if sizes.contains_key(&controller.uid) {
            continue;
        }
        match size(view, pod, controller)? {
            Ok(Some((uid, size))) => sizes.insert(uid, size),
            Ok(None) => return Ok(Err(format!("found no controllers for pod {:?}", pod.key.name()))),
            Err(why) => return Ok(Err(why)),
        };
    }
    Ok(Ok(sizes.values().sum()))
}

type Size = Result<Option<(Uid, i64)>, String>;

/// How many pods a controller wants; of a Deployment's ReplicaSet, the Deployment.
fn size(view: &View, dependent: &Record, controller: &OwnerRef) -> Result<Size, Damaged> {
    let Some(kind) = kind_of(controller) else { return Ok(Ok(None)) };
    if !kind.has(Subresource::Scale) {
        return Ok(Err(format!("{} does not implement the scale subresource", kind.resource())));
    }
    let key = Key::new(&kind.resource(), dependent.key.namespace(), &controller.name).ok();
    let owner = key.and_then(|key| view.get(&key)).filter(|owner| owner.header.uid == controller.uid);
    let Some(owner) = owner else { return Ok(Ok(None)) };
    if let Some(above) = owner.controller().filter(|above| &*above.kind == "Deployment") {
        return size(view, owner, above);
    }
    let object: Value = decode(owner)?;
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or_default();
    Ok(Ok(Some((owner.header.uid.clone(), wanted))))
}

fn kind_of(owner: &OwnerRef) -> Option<&'static Kind> {
    let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
    api::kinds::by_kind(group, version, &owner.kind)
}
