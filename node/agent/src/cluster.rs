//! What the agent asks of the API server and tells it, as a trait: the outermost boundary of everything that acts on pods.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, PodCondition, PodStatus, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use seam::Timestamp;
use serde_json::{Value, json};

use crate::ending::{BY_NODE, DISRUPTION};
use crate::policy;

/// Types of the conditions that the agent owns; others are left to whoever wrote them.
pub(crate) const OWN_CONDITIONS: [&str; 8] = [
    "PodResizePending",
    "PodResizeInProgress",
    "AllContainersRestarting",
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
];

/// Those of them that are only there while a resize is asked for or under way.
pub(crate) const RESIZE_CONDITIONS: [&str; 2] = ["PodResizePending", "PodResizeInProgress"];

/// Whether the agent owns a condition. One type has several owners: who ends a pod says so.
pub(crate) fn is_own(condition: &PodCondition) -> bool {
    OWN_CONDITIONS.contains(&condition.type_.as_str())
        || (condition.type_ == DISRUPTION && condition.reason.as_deref() == Some(BY_NODE))
}

/// Why the API server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The object is not there any more.
    #[error("{attempt}: it is gone")]
    Gone {
        /// What was attempted.
        attempt: String,
    },
    /// The server said no, or could not be reached. Worth trying again.
    #[error("{attempt}: {cause}")]
    Failed {
        /// What was attempted.
        attempt: String,
        /// Cause.
        #[source]
        cause: Box<kube::Error>,
    },
}

impl ClusterError {
    fn of(attempt: String, cause: kube::Error) -> Self {
        match &cause {
            // A conflict may be one of two writers; that of another uid is settled by the watch, which says that the pod went.
            kube::Error::Api(status) if status.code == 404 => Self::Gone { attempt },
            _ => Self::Failed { attempt, cause: Box::new(cause) },
        }
    }

    /// Whether the same may be answered otherwise a moment later: the server was busy, failed, or was not reached.
    pub(crate) fn passes(&self) -> bool {
        let Self::Failed { cause, .. } = self else { return false };
        !matches!(&**cause, kube::Error::Api(status) if status.code < 500 && status.code != 429)
    }
}

/// A token of a service account.
#[derive(Clone)]
pub(crate) struct Token {
    /// The token.
    pub token: String,
    /// When it ends.
    pub until: Timestamp,
}

/// The API server, as far as pods need it.
#[async_trait]
pub(crate) trait Cluster: Send + Sync + std::fmt::Debug {
    /// Tells the status of a pod.
    async fn report(&self, pod: &Pod, status: &PodStatus) -> Result<(), ClusterError>;
    /// Says that nothing of a deleted pod is left on the node.
    async fn confirm_deletion(&self, pod: &Pod) -> Result<(), ClusterError>;
    /// A `ConfigMap`, if there is one of that name.
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Arc<ConfigMap>>, ClusterError>;
    /// A Secret, if there is one of that name.
    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Arc<Secret>>, ClusterError>;
    /// A token of the pod's service account, bound to the pod.
    async fn token(&self, pod: &Pod, audience: &str, seconds: i64) -> Result<Token, ClusterError>;
    /// Shows a static pod. One of its name that is there already is no error: the watch tells whose it is.
    async fn create_mirror(&self, pod: &Pod) -> Result<(), ClusterError>;
    /// No longer shows a static pod.
    async fn delete_mirror(&self, namespace: &str, name: &str, uid: &str) -> Result<(), ClusterError>;
    /// Writes an event: a new one, or one more of the same.
    async fn record(&self, event: &Event, again: bool) -> Result<(), ClusterError>;
}

/// The API server over HTTPS.
#[derive(Clone)]
pub(crate) struct ApiServer(pub(crate) kube::Client);

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiServer")
    }
}

impl ApiServer {
    fn pods(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.0.clone(), policy::namespace(pod))
    }
}

#[async_trait]
impl Cluster for ApiServer {
    async fn report(&self, pod: &Pod, status: &PodStatus) -> Result<(), ClusterError> {
        let attempt = || format!("report the status of pod {}/{}", policy::namespace(pod), policy::name(pod));
        let patch = Patch::Strategic(status_patch(pod, status));
        let sent = self.pods(pod).patch_status(policy::name(pod), &PatchParams::default(), &patch).await;
        sent.map(drop).map_err(|cause| ClusterError::of(attempt(), cause))
    }

    async fn confirm_deletion(&self, pod: &Pod) -> Result<(), ClusterError> {
        let attempt = || format!("confirm the deletion of pod {}/{}", policy::namespace(pod), policy::name(pod));
        let sent = self.pods(pod).delete(policy::name(pod), &at_once(pod.metadata.uid.clone())).await;
        sent.map(drop).map_err(|cause| ClusterError::of(attempt(), cause))
    }

    async fn create_mirror(&self, pod: &Pod) -> Result<(), ClusterError> {
        let attempt = || format!("create mirror pod {}/{}", policy::namespace(pod), policy::name(pod));
        match self.pods(pod).create(&PostParams::default(), pod).await {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            sent => sent.map(drop).map_err(|cause| ClusterError::of(attempt(), cause)),
        }
    }

    async fn delete_mirror(&self, namespace: &str, name: &str, uid: &str) -> Result<(), ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let sent = pods.delete(name, &at_once(Some(uid.to_owned()))).await;
        sent.map(drop).map_err(|cause| ClusterError::of(format!("delete mirror pod {namespace}/{name}"), cause))
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Arc<ConfigMap>>, ClusterError> {
        let found = Api::<ConfigMap>::namespaced(self.0.clone(), namespace).get_opt(name).await;
        found
            .map(|found| found.map(Arc::new))
            .map_err(|cause| ClusterError::of(format!("get configmap {namespace}/{name}"), cause))
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Arc<Secret>>, ClusterError> {
        let found = Api::<Secret>::namespaced(self.0.clone(), namespace).get_opt(name).await;
        found
            .map(|found| found.map(Arc::new))
            .map_err(|cause| ClusterError::of(format!("get secret {namespace}/{name}"), cause))
    }

    async fn token(&self, pod: &Pod, audience: &str, seconds: i64) -> Result<Token, ClusterError> {
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: (!audience.is_empty()).then(|| vec![audience.to_owned()]),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: pod.metadata.name.clone(),
                    uid: pod.metadata.uid.clone(),
                }),
                expiration_seconds: Some(seconds),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
            Api::namespaced(self.0.clone(), policy::namespace(pod));
        let attempt = || format!("get a token of service account {}/{account}", policy::namespace(pod));
        let sent =
            accounts.create_subresource::<_, TokenRequest>("token", account, &PostParams::default(), &request).await;
        let answer = sent.map_err(|cause| ClusterError::of(attempt(), cause))?;
        let issued = answer.status.and_then(|status| Some((status.token?, status.expiration_timestamp?.0)));
        let (token, until) = issued.ok_or_else(|| ClusterError::Gone { attempt: attempt() })?;
        Ok(Token { token, until })
    }

    async fn record(&self, event: &Event, again: bool) -> Result<(), ClusterError> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
        let events: Api<Event> = Api::namespaced(self.0.clone(), namespace);
        let sent = if again {
            let name = event.metadata.name.as_deref().unwrap_or_default();
            let patch =
                json!({ "count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message });
            events.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
        } else {
            events.create(&PostParams::default(), event).await
        };
        sent.map(drop).map_err(|cause| ClusterError::of("write an event".to_owned(), cause))
    }
}

/// A deletion of just this object, now.
fn at_once(uid: Option<String>) -> DeleteParams {
    let preconditions = Some(Preconditions { uid, resource_version: None });
    DeleteParams { grace_period_seconds: Some(0), preconditions, ..DeleteParams::default() }
}

/// What changes a pod's status: everything the agent owns, under the pod's uid. Addresses that the pod no longer has are
/// named, since lists with merge keys only grow otherwise.
fn status_patch(pod: &Pod, status: &PodStatus) -> Value {
    let mut own = status.clone();
    let order: Vec<Value> = own.conditions.iter().flatten().map(|c| json!({ "type": c.type_ })).collect();
    own.conditions = own.conditions.map(|all| all.into_iter().filter(is_own).collect());
    let stands = |kind: &str| status.conditions.iter().flatten().any(|condition| condition.type_ == kind);
    let over = RESIZE_CONDITIONS.into_iter().filter(|kind| !stands(kind));
    let over: Vec<Value> = over.map(|kind| json!({ "type": kind, "$patch": "delete" })).collect();
    let mut patch = json!({ "metadata": { "uid": pod.metadata.uid }, "status": own });
    // Lists with merge keys keep the order in which they grew unless they are told one.
    patch["status"]["$setElementOrder/conditions"] = Value::Array(order);
    // Only a pod that was changed was ever resized; what the API shows may be older than what it was told last.
    if pod.metadata.generation.is_some_and(|generation| generation > 1)
        && let Some(conditions) = patch.pointer_mut("/status/conditions").and_then(Value::as_array_mut)
    {
        conditions.extend(over);
    }
    let before = pod.status.as_ref().and_then(|status| status.pod_ips.as_deref()).unwrap_or_default();
    let now = status.pod_ips.as_deref().unwrap_or_default();
    let stale =
        before.iter().filter(|before| !now.contains(before)).map(|ip| json!({ "ip": ip.ip, "$patch": "delete" }));
    if let Some(ips) = patch.pointer_mut("/status/podIPs").and_then(Value::as_array_mut) {
        ips.extend(stale);
    }
    patch
}
