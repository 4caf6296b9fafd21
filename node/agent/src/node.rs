//! The Node object: registered, kept up to date, and its lease renewed.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    ContainerImage, DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeFeatures,
    NodeRuntimeHandler, NodeRuntimeHandlerFeatures, NodeStatus, NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use runtime::contract::{Image, Runtime};
use runtime::privileges::Privileges;
use seam::{Seam, Timestamp};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;

use crate::capacity;
use crate::config::{AgentConfig, Capacity};
use crate::context::Context;
use crate::pressure::{Condition, Standing};
use crate::static_pods::Mirrors;
use crate::status::seconds;
use crate::storage;

mod announce;

/// How often the lease is renewed (KEP-589).
const RENEW: Duration = Duration::from_secs(10);
/// How long a lease holds.
const LEASE_SECONDS: i32 = 40;
/// How often the status is written although nothing changed, as by the kubelet.
const REPORT: Duration = Duration::from_mins(5);
/// How often the status is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Wait before a failed registration is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Images named in the status, the largest first, as by the kubelet.
const IMAGES_MAX: usize = 50;

/// What is known of the node at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    /// Local images.
    pub images: Vec<Image>,
    /// How the node stands.
    pub standing: Standing,
}

/// Everything about the node that does not change while the agent runs.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Settings.
    pub config: AgentConfig,
    /// What the node can hold.
    pub capacity: Capacity,
    /// What it is.
    pub info: NodeSystemInfo,
    /// Port of the node endpoint.
    pub port: u16,
}

impl Identity {
    /// Labels of every node, and those that were configured.
    fn labels(&self) -> BTreeMap<String, String> {
        let arch = capacity::architecture();
        let linux = match self.config.privileges {
            Privileges::Root => "true",
            Privileges::None => "false",
        };
        let own = [
            ("kubernetes.io/hostname", self.config.node_name.as_str()),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", arch),
            ("beta.kubernetes.io/os", "linux"),
            ("beta.kubernetes.io/arch", arch),
            ("bireme.dev/sandbox-wasm", "true"),
            ("bireme.dev/sandbox-linux", linux),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.chain(self.config.labels.clone()).collect()
    }

    /// The object to register.
    fn node(&self, status: NodeStatus) -> Node {
        Node {
            metadata: ObjectMeta {
                name: Some(self.config.node_name.clone()),
                labels: Some(self.labels()),
                ..ObjectMeta::default()
            },
            spec: None,
            status: Some(status),
        }
    }

    /// The status. Conditions keep the time of their last transition.
    pub(crate) fn status(&self, readings: &Readings, before: &[NodeCondition], now: Timestamp) -> NodeStatus {
        let config = &self.config;
        let internal = config.addresses.iter().map(|ip| ("InternalIP", ip.to_string()));
        let addresses = internal.chain([("Hostname", config.node_name.clone())]);
        let mut images = readings.images.clone();
        images.sort_by_key(|image| std::cmp::Reverse(image.size));
        images.truncate(IMAGES_MAX);
        NodeStatus {
            addresses: Some(
                addresses.map(|(type_, address)| NodeAddress { type_: type_.to_owned(), address }).collect(),
            ),
            capacity: Some(amounts(&self.capacity)),
            allocatable: Some(amounts(&capacity::allocatable(&self.capacity, &self.config.protection))),
            conditions: Some(conditions(readings, before, now)),
            daemon_endpoints: Some(NodeDaemonEndpoints {
                kubelet_endpoint: Some(DaemonEndpoint { port: i32::from(self.port) }),
            }),
            images: Some(images.into_iter().map(written).collect()),
            node_info: Some(self.info.clone()),
            runtime_handlers: Some(handlers(config.privileges)),
            features: Some(NodeFeatures { supplemental_groups_policy: Some(config.privileges == Privileges::Root) }),
            ..NodeStatus::default()
        }
    }
}

fn written(image: Image) -> ContainerImage {
    ContainerImage { names: Some(vec![image.id, image.reference]), size_bytes: i64::try_from(image.size).ok() }
}

/// What a `runtimeClassName` can name, and what each can do; the first is what a pod gets that names none.
fn handlers(privileges: Privileges) -> Vec<NodeRuntimeHandler> {
    let handler = |name: &str, able: bool| NodeRuntimeHandler {
        name: Some(name.to_owned()),
        features: Some(NodeRuntimeHandlerFeatures {
            recursive_read_only_mounts: Some(able),
            user_namespaces: Some(able),
        }),
    };
    let linux = privileges == Privileges::Root;
    [("", linux), ("linux", linux), ("wasm", false)].map(|(name, able)| handler(name, able)).into()
}

fn amounts(capacity: &Capacity) -> BTreeMap<String, Quantity> {
    let cpu = if capacity.cpu_milli.is_multiple_of(1000) {
        (capacity.cpu_milli / 1000).to_string()
    } else {
        format!("{}m", capacity.cpu_milli)
    };
    let huge = [("hugepages-1Gi", capacity.huge_1gi), ("hugepages-2Mi", capacity.huge_2mi)];
    let huge = huge.into_iter().filter_map(|(name, bytes)| Some((name, storage::written(bytes?))));
    [
        ("cpu", cpu),
        ("memory", format!("{}Ki", capacity.memory / 1024)),
        ("ephemeral-storage", format!("{}Ki", capacity.ephemeral_storage / 1024)),
        ("pods", capacity.pods.to_string()),
    ]
    .into_iter()
    .chain(huge)
    .map(|(name, amount)| (name.to_owned(), Quantity(amount)))
    .collect()
}

fn conditions(readings: &Readings, before: &[NodeCondition], now: Timestamp) -> Vec<NodeCondition> {
    let standing = &readings.standing;
    let short = Condition::ALL.map(|condition| {
        let holds = standing.conditions.contains(&condition);
        let words = condition.words(holds);
        (condition.name(), holds, (words.reason, words.message))
    });
    let ready = match standing.shutting_down {
        true => ("Ready", false, ("KubeletNotReady", "node is shutting down")),
        false => ("Ready", true, ("KubeletReady", "kubelet is posting ready status")),
    };
    let findings = short.into_iter().chain([ready]);
    let date = |(kind, holds, (reason, message)): (&str, bool, (&str, &str))| {
        let status = if holds { "True" } else { "False" };
        let same = before.iter().find(|condition| condition.type_ == kind && condition.status == status);
        NodeCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: Some(seconds(now)),
            last_transition_time: same
                .and_then(|same| same.last_transition_time.clone())
                .or_else(|| Some(seconds(now))),
        }
    };
    findings.map(date).collect()
}

/// Keeps the Node and its lease, for ever.
pub(crate) struct Keeper {
    pub identity: Identity,
    pub client: Client,
    pub runtime: Arc<dyn Runtime>,
    pub seam: Seam,
    pub ready: watch::Sender<bool>,
    pub mirrors: Arc<Mirrors>,
    pub context: Arc<Context>,
}

impl Keeper {
    fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    /// Registers, and then reports and renews.
    pub(crate) async fn run(self) {
        let name = self.identity.config.node_name.clone();
        announce::beginning(&name).into_iter().for_each(|note| self.context.events.note(note));
        let mut told = loop {
            match self.register().await {
                Ok(node) => break node,
                Err(error) => {
                    tracing::warn!(%error, node = name, "node not registered, will try again");
                    self.seam.sleep(RETRY).await;
                }
            }
        };
        self.ready.send_replace(true);
        self.mirrors.set_owner(owner(&told));
        let mut reported = self.seam.moment();
        let mut standing = self.context.standing.subscribe();
        loop {
            if let Err(error) = self.renew(&told).await {
                tracing::warn!(%error, node = name, "lease not renewed");
            }
            // What the node is short of is told at once.
            let changed = self.seam.timeout(LOOK.min(RENEW), standing.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return;
            }
            match self.stored().await {
                Ok(node) => told = node,
                Err(error) => tracing::warn!(%error, node = name, "node not read"),
            }
            let status = self.status_after(&told).await;
            self.tell(told.status.as_ref(), &status);
            let due = self.seam.moment().since(reported) >= REPORT;
            if !due && same(told.status.as_ref(), &status) {
                continue;
            }
            match self.report(status).await {
                Ok(node) => {
                    told = node;
                    reported = self.seam.moment();
                }
                Err(error) => tracing::warn!(%error, node = name, "node status not reported"),
            }
        }
    }

    /// The Node as the API has it: others write to it too, such as who finds that the node was silent for too long. One that is
    /// gone is registered again.
    async fn stored(&self) -> Result<Node, Error> {
        match self.nodes().get_opt(&self.identity.config.node_name).await? {
            Some(node) => Ok(node),
            None => {
                let node = self.register().await?;
                self.mirrors.set_owner(owner(&node));
                Ok(node)
            }
        }
    }

    /// Notes what changed about the node.
    fn tell(&self, before: Option<&NodeStatus>, now: &NodeStatus) {
        let notes = announce::changes(&self.identity.config.node_name, before, now);
        notes.into_iter().for_each(|note| self.context.events.note(note));
    }

    async fn status_after(&self, node: &Node) -> NodeStatus {
        let before = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        self.identity.status(&self.readings().await, before, self.seam.now())
    }

    async fn readings(&self) -> Readings {
        let images = self.runtime.list_images().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "images not listed");
            Vec::new()
        });
        Readings { images, standing: self.context.standing.borrow().clone() }
    }

    /// Creates the Node, or takes over the one that is there, and tells how it differs from what was there.
    async fn register(&self) -> Result<Node, Error> {
        let status = self.status_after(&Node::default()).await;
        let node = self.identity.node(status.clone());
        match self.nodes().create(&PostParams::default(), &node).await {
            Ok(_) => {
                self.tell(None, &status);
                // A server drops the status of what is created where status is a subresource, so it is written again.
                self.report(status).await
            }
            Err(Error::Api(refused)) if refused.code == 409 => {
                let labels = json!({ "metadata": { "labels": self.identity.labels() } });
                let name = &self.identity.config.node_name;
                let found = self.nodes().patch(name, &PatchParams::default(), &Patch::Strategic(labels)).await?;
                let status = self.status_after(&found).await;
                self.tell(found.status.as_ref(), &status);
                self.report(status).await
            }
            Err(error) => Err(error),
        }
    }

    async fn report(&self, status: NodeStatus) -> Result<Node, Error> {
        let patch = Patch::Strategic(json!({ "status": status }));
        self.nodes().patch_status(&self.identity.config.node_name, &PatchParams::default(), &patch).await
    }

    async fn renew(&self, node: &Node) -> Result<(), Error> {
        let name = &self.identity.config.node_name;
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-node-lease");
        let now = self.seam.now();
        // Times of leases have microseconds.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let spec = LeaseSpec {
            holder_identity: Some(name.clone()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        };
        let renewal = Patch::Merge(json!({ "spec": spec }));
        match leases.patch(name, &PatchParams::default(), &renewal).await {
            Err(Error::Api(status)) if status.code == 404 => {
                let owner = OwnerReference { controller: None, ..owner(node) };
                let metadata = ObjectMeta {
                    name: Some(name.clone()),
                    namespace: Some("kube-node-lease".to_owned()),
                    owner_references: Some(vec![owner]),
                    ..ObjectMeta::default()
                };
                let lease = Lease { metadata, spec: Some(spec) };
                leases.create(&PostParams::default(), &lease).await.map(drop)
            }
            other => other.map(drop),
        }
    }
}

/// The node as owner of what it makes in the API.
fn owner(node: &Node) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.metadata.name.clone().unwrap_or_default(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        ..OwnerReference::default()
    }
}

/// Whether a status says the same, heartbeats aside.
fn same(before: Option<&NodeStatus>, now: &NodeStatus) -> bool {
    let Some(before) = before else { return false };
    let held = |status: &NodeStatus| -> Vec<(String, String)> {
        status.conditions.iter().flatten().map(|c| (c.type_.clone(), c.status.clone())).collect()
    };
    before.images == now.images && before.addresses == now.addresses && held(before) == held(now)
}
