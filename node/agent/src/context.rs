//! What all pods of a node share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use runtime::contract::Runtime;
use runtime::privileges::Privileges;
use seam::{Seam, Timestamp};
use tokio::sync::{Semaphore, watch};

use crate::allocation::Allocations;
use crate::cluster::{Cluster, ClusterError, Token};
use crate::contract::PodNetworking;
use crate::events::Events;
use crate::policy;
use crate::pressure::Standing;
use crate::service_watch::ServiceWatch;
use crate::spec::references::References;
use crate::spec::{Material, NodeFacts};
use crate::static_pods::Mirrors;
use crate::volumes::Volumes;

/// Images pulled at the same time: enough to fill a link, few enough to bound memory and disk queues.
pub(crate) const PULLS_MAX: usize = 4;
/// How long a container's start waits for the first list of Services before it fails and is tried again.
const SERVICES_WAIT: Duration = Duration::from_secs(5);

/// Everything a pod's worker needs that is not about that pod.
#[derive(Debug)]
pub(crate) struct Context {
    pub seam: Seam,
    pub runtime: Arc<dyn Runtime>,
    pub network: Arc<dyn PodNetworking>,
    pub cluster: Arc<dyn Cluster>,
    pub facts: NodeFacts,
    pub dir: PathBuf,
    pub privileges: Privileges,
    pub pulls: Semaphore,
    pub services: ServiceWatch,
    pub events: Events,
    pub tokens: Tokens,
    pub mirrors: Arc<Mirrors>,
    /// How the node stands, for whoever tells or heeds it.
    pub standing: watch::Sender<Standing>,
    pub allocations: Allocations,
}

impl Context {
    /// The directory of a pod.
    pub(crate) fn pod_dir(&self, uid: &str) -> PathBuf {
        self.dir.join("pods").join(uid)
    }

    /// The volumes of a pod.
    pub(crate) fn volumes(&self, pod: &Pod) -> Volumes {
        let security = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
        // Without root every container is the node's own user, who owns the files, and no file can be given away.
        let security = security.filter(|_| self.privileges == Privileges::Root);
        let group = security.and_then(|security| security.fs_group).and_then(|group| u32::try_from(group).ok());
        Volumes::new(self.pod_dir(policy::uid(pod)), group)
    }

    /// Fetches what is referred to.
    ///
    /// # Errors
    /// When the API server does not answer. An object that does not exist is no error here.
    pub(crate) async fn fetch(&self, pod: &Pod, references: &References) -> Result<Material, ClusterError> {
        let namespace = policy::namespace(pod);
        let mut material = Material::default();
        for name in &references.config_maps {
            material.config_maps.insert(name.clone(), self.cluster.config_map(namespace, name).await?);
        }
        for name in &references.secrets {
            material.secrets.insert(name.clone(), self.cluster.secret(namespace, name).await?);
        }
        Ok(material)
    }

    /// Environment that names the Services of a pod's namespace; nothing when they could not be read in time.
    pub(crate) async fn service_environment(&self, pod: &Pod) -> Option<Vec<(String, String)>> {
        let links = pod.spec.as_ref().and_then(|spec| spec.enable_service_links).unwrap_or(true);
        let known = self.services.environment(policy::namespace(pod), links);
        self.seam.timeout(SERVICES_WAIT, known).await.ok()
    }
}

/// Tokens of service accounts, kept until four fifths of their time have passed.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<BTreeMap<(String, String), (Token, Timestamp)>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// A token that lives on for a while.
    pub(crate) async fn get(
        &self,
        context: &Context,
        pod: &Pod,
        audience: &str,
        seconds: i64,
    ) -> Result<String, ClusterError> {
        let key = (policy::uid(pod).to_owned(), audience.to_owned());
        let now = context.seam.now();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((token, renew)) = kept
            && renew > now
        {
            return Ok(token.token);
        }
        let token = context.cluster.token(pod, audience, seconds).await?;
        let life = Duration::try_from(token.until.duration_since(now)).unwrap_or_default();
        let renew = crate::backoff::later(now, life.mul_f64(0.8));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (token.clone(), renew));
        Ok(token.token)
    }

    /// Forgets a pod's tokens.
    pub(crate) fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(owner, _), _| owner != uid);
    }
}
