//! What the agent's side knows of sandboxes and containers.

use std::collections::{BTreeMap, BTreeSet};

use registry_client::Digest;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::uid;
use crate::contract::{
    Container, ContainerConfig, ContainerId, ContainerState, Exit, LinuxUser, Result, RuntimeError, Sandbox, SandboxId,
    SandboxKind,
};
use crate::linux::IdRange;
use crate::protocol::StartPlan;
use crate::shim::SandboxRecord;

/// The run file of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerRecord {
    pub(crate) id: ContainerId,
    pub(crate) config: ContainerConfig,
    pub(crate) kind: SandboxKind,
    pub(crate) plan: StartPlan,
    /// Digest of a Wasm container's artifact.
    pub(crate) artifact: Option<Digest>,
}

/// A container.
#[derive(Clone, Debug)]
pub(super) struct ContainerEntry {
    pub(super) record: ContainerRecord,
    pub(super) state: ContainerState,
    pub(super) user: Option<LinuxUser>,
}

impl ContainerEntry {
    pub(super) fn new(record: ContainerRecord) -> Self {
        Self { record, state: ContainerState::Created, user: None }
    }

    pub(super) fn view(&self) -> Container {
        let ContainerRecord { id, config, kind, plan, .. } = &self.record;
        Container {
            id: id.clone(),
            sandbox: config.sandbox.clone(),
            name: config.name.clone(),
            attempt: config.attempt,
            image: config.image.clone(),
            kind: *kind,
            state: self.state.clone(),
            user: self.user.clone(),
            log_path: plan.log.clone(),
        }
    }
}

/// A sandbox.
#[derive(Debug)]
pub(super) struct SandboxEntry {
    pub(super) record: SandboxRecord,
    /// Whether its shim lives.
    pub(super) ready: bool,
    /// Set when it is being stopped: the shim's end is then no loss.
    pub(super) stopping: bool,
    pub(super) shim: u32,
    pub(super) watcher: Option<JoinHandle<()>>,
    pub(super) containers: BTreeMap<ContainerId, ContainerEntry>,
}

impl SandboxEntry {
    pub(super) fn new(record: SandboxRecord, shim: u32) -> SandboxEntry {
        let containers = BTreeMap::new();
        SandboxEntry { record, ready: true, stopping: false, shim, watcher: None, containers }
    }

    fn view(&self) -> Sandbox {
        let SandboxRecord { config, created_at, .. } = &self.record;
        Sandbox { config: config.clone(), ready: self.ready, created_at: *created_at, shim: self.shim }
    }
}

/// All sandboxes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sandboxes: BTreeMap<SandboxId, SandboxEntry>,
    /// Which sandbox a container is in.
    places: BTreeMap<ContainerId, SandboxId>,
    /// Uids of sandboxes, those being made included.
    uids: BTreeMap<SandboxId, u32>,
    /// Ranges of ids of sandboxes that have their own, those being made included.
    ranges: BTreeMap<SandboxId, IdRange>,
}

impl State {
    /// Reserves a uid for a sandbox; the same one when it has one.
    pub(super) fn reserve_uid(&mut self, id: &SandboxId) -> Result<u32> {
        if let Some(uid) = self.uids.get(id) {
            return Ok(*uid);
        }
        let taken: BTreeSet<u32> = self.uids.values().copied().collect();
        let uid = uid::choose(id, &taken).ok_or_else(|| RuntimeError::Start {
            reason: "FailedCreatePodSandBox",
            message: format!("all {} uids for Wasm workers are taken on this node", uid::COUNT),
        })?;
        self.uids.insert(id.clone(), uid);
        Ok(uid)
    }

    /// Reserves a range of ids for a sandbox; the same one when it has one.
    pub(super) fn reserve_range(&mut self, id: &SandboxId) -> Result<IdRange> {
        if let Some(range) = self.ranges.get(id) {
            return Ok(*range);
        }
        let taken: BTreeSet<IdRange> = self.ranges.values().copied().collect();
        let range = uid::choose_range(id, &taken).ok_or_else(|| RuntimeError::Start {
            reason: "FailedCreatePodSandBox",
            message: format!("all {} ranges of ids for pods with hostUsers: false are taken on this node", uid::RANGES),
        })?;
        self.ranges.insert(id.clone(), range);
        Ok(range)
    }

    pub(super) fn insert_sandbox(&mut self, entry: SandboxEntry) {
        let id = entry.record.config.id.clone();
        self.ranges.extend(entry.record.ids.map(|range| (id.clone(), range)));
        self.uids.insert(id.clone(), entry.record.worker_uid);
        self.places.extend(entry.containers.keys().map(|container| (container.clone(), id.clone())));
        self.sandboxes.insert(id, entry);
    }

    pub(super) fn remove_sandbox(&mut self, id: &SandboxId) -> Option<SandboxEntry> {
        self.uids.remove(id);
        self.ranges.remove(id);
        let entry = self.sandboxes.remove(id)?;
        self.places.retain(|_, sandbox| sandbox != id);
        Some(entry)
    }

    /// A sandbox that must be there and live.
    pub(super) fn ready_sandbox(&mut self, id: &SandboxId) -> Result<&mut SandboxEntry> {
        let entry = self.sandboxes.get_mut(id).ok_or_else(|| RuntimeError::NotFound(format!("sandbox {}", id.0)))?;
        if entry.ready && !entry.stopping {
            return Ok(entry);
        }
        let message = format!("sandbox {} is stopped or lost: it must be removed and made anew", id.0);
        Err(RuntimeError::Start { reason: "CreateContainerError", message })
    }

    pub(super) fn insert_container(&mut self, record: ContainerRecord) -> Result<()> {
        let sandbox = record.config.sandbox.clone();
        let entry = self.ready_sandbox(&sandbox)?;
        let id = record.id.clone();
        entry.containers.insert(id.clone(), ContainerEntry::new(record));
        self.places.insert(id, sandbox);
        Ok(())
    }

    pub(super) fn container(&self, id: &ContainerId) -> Option<&ContainerEntry> {
        self.sandboxes.get(self.places.get(id)?)?.containers.get(id)
    }

    pub(super) fn remove_container(&mut self, id: &ContainerId) {
        if let Some(sandbox) = self.places.remove(id).and_then(|sandbox| self.sandboxes.get_mut(&sandbox)) {
            sandbox.containers.remove(id);
        }
    }

    /// A container has other limits than before.
    pub(super) fn set_limits(&mut self, id: &ContainerId, record: ContainerRecord) {
        if let Some(entry) = self.container_mut(id) {
            entry.record = record;
        }
    }

    /// A container runs. Its end, if that is known already, stands.
    pub(super) fn running(&mut self, id: &ContainerId, pid: u32, started_at: i64, user: Option<LinuxUser>) {
        let Some(entry) = self.container_mut(id) else { return };
        entry.user = user;
        if entry.state == ContainerState::Created {
            entry.state = ContainerState::Running { started_at, pid };
        }
    }

    /// A container has ended. Returns it when that was not known.
    pub(super) fn ended(&mut self, id: &ContainerId, exit: Exit) -> Option<Container> {
        let entry = self.container_mut(id)?;
        if matches!(entry.state, ContainerState::Exited(_)) {
            return None;
        }
        entry.state = ContainerState::Exited(exit);
        Some(entry.view())
    }

    pub(super) fn list_sandboxes(&self) -> Vec<Sandbox> {
        self.sandboxes.values().map(SandboxEntry::view).collect()
    }

    pub(super) fn list_containers(&self) -> Vec<Container> {
        self.sandboxes.values().flat_map(|sandbox| sandbox.containers.values()).map(ContainerEntry::view).collect()
    }

    fn container_mut(&mut self, id: &ContainerId) -> Option<&mut ContainerEntry> {
        self.sandboxes.get_mut(self.places.get(id)?)?.containers.get_mut(id)
    }
}
