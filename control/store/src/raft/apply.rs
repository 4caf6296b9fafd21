//! The state machine as openraft sees it.

use std::io;
use std::sync::Arc;

use api::meta::Epoch;
use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot, SnapshotMeta};
use openraft::type_config::alias::{SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use seam::{Seam, Worker};
use tokio::sync::oneshot;

use super::types::{self, LogId, Outcome, Types};
use crate::checkpoint::{Covered, Request};
use crate::format::{Members, Position};
use crate::truth::{Image, Step, Truth, Urgency};

/// Entries applied under one lock and shown to readers together, at most: bounds how long the newest view may lag.
const BATCH_MAX: usize = 1_024;

/// The state that a snapshot carries; `None` when it stays where it is, in this member's checkpoint.
pub(crate) type SnapshotData = Option<Box<Image>>;

/// See the module.
#[derive(Clone)]
pub(crate) struct Machine {
    truth: Arc<Truth>,
    checkpoint: Worker<Option<Request>>,
    seam: Seam,
}

impl Machine {
    pub(crate) fn new(truth: Arc<Truth>, checkpoint: Worker<Option<Request>>, seam: Seam) -> Self {
        Self { truth, checkpoint, seam }
    }

    /// Waits for a checkpoint of all that is applied now, and returns what it reaches up to.
    async fn checkpoint_now(&self) -> io::Result<Covered> {
        let (request, answer) = oneshot::channel();
        self.checkpoint.send(Some(request)).await.map_err(io::Error::other)?;
        answer.await.map_err(io::Error::other)?
    }

    fn apply_batch(&self, entries: &[EntryResponder<Types>]) -> (Vec<Outcome>, Urgency) {
        let members: Vec<Option<Members>> = entries
            .iter()
            .map(|(entry, _)| match &entry.payload {
                EntryPayload::Membership(membership) => Some(types::members(Some(entry.log_id.into()), membership)),
                EntryPayload::Blank | EntryPayload::Normal(_) => None,
            })
            .collect();
        let steps = entries.iter().zip(&members).map(|((entry, _), members)| {
            let step = match (&entry.payload, members) {
                (EntryPayload::Normal(proposal), _) => Step::Command(&proposal.command),
                (_, Some(members)) => Step::Members(members),
                (_, None) => Step::Lead(Epoch(entry.log_id.leader_id.term)),
            };
            (entry.log_id.into(), step)
        });
        let (outcomes, urgency) = self.truth.apply(self.seam.moment(), steps);
        (outcomes.into_iter().map(|outcome| outcome.map_or(Outcome::NoCommand, Outcome::Command)).collect(), urgency)
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembershipOf<Types>)> {
        let (applied, members) = self.truth.applied();
        Ok((applied.map(LogId::from), types::stored(&members)?))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut batches = entries.ready_chunks(BATCH_MAX);
        while let Some(batch) = batches.next().await {
            if let Some(why) = self.truth.failure() {
                return Err(io::Error::other(why));
            }
            let batch: Vec<_> = batch.into_iter().collect::<io::Result<_>>()?;
            let (outcomes, urgency) = self.apply_batch(&batch);
            // Readers see the writes before writers are told, so that whoever is told can read them.
            for ((_, responder), outcome) in batch.into_iter().zip(outcomes) {
                if let Some(responder) = responder {
                    responder.send(outcome);
                }
            }
            match urgency {
                Urgency::None => {}
                Urgency::Now => self.checkpoint.send(None).await.map_err(io::Error::other)?,
                Urgency::First => drop(self.checkpoint_now().await?),
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<Types>, snapshot: SnapshotData) -> io::Result<()> {
        let image = snapshot.ok_or_else(|| io::Error::other("a snapshot without its state cannot be installed"))?;
        let image = Image { applied: meta.last_log_id.map(Position::from), ..*image };
        self.truth.replace(self.seam.moment(), image);
        drop(self.checkpoint_now().await?);
        Ok(())
    }

    /// What a follower that lags behind the log is sent: all of this member's state.
    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, SnapshotData>>> {
        let image = self.truth.image();
        if image.applied.is_none() {
            return Ok(None);
        }
        let covered = Covered { applied: image.applied, members: image.members.clone() };
        Ok(Some(snapshot(&covered, Some(Box::new(image)))?))
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = SnapshotData;

    /// To openraft a snapshot is leave to purge the log, so what it covers must be durable: a checkpoint is forced, and the
    /// snapshot says that it reaches as far as that, not further.
    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, SnapshotData>> {
        snapshot(&self.checkpoint_now().await?, None)
    }
}

fn snapshot(covered: &Covered, state: SnapshotData) -> io::Result<SnapshotOf<Types, SnapshotData>> {
    let last_membership = types::stored(&covered.members)?;
    let meta = SnapshotMeta { last_log_id: covered.applied.map(LogId::from), last_membership };
    Ok(Snapshot { meta, snapshot: state })
}
