//! Opening: directory, checkpoint, log, then the member on top.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use openraft::async_runtime::watch::WatchReceiver;
use seam::Seam;
use tokio::sync::{Semaphore, watch};

use super::{IN_FLIGHT_MAX, OnDisk, Running, Store, StoreConfig};
use crate::barrier::Barrier;
use crate::checkpoint::Checkpoint;
use crate::dir::{self, Dir};
use crate::error::OpenError;
use crate::figures::{Figures, State};
use crate::format::Summary;
use crate::history::Limits;
use crate::keeper;
use crate::log::{LogImage, LogStore, RedbLog};
use crate::raft::{self, Machine};
use crate::truth::{Image, Truth};

/// Checkpoints asked for and not yet begun, at most: they are written together.
const CHECKPOINT_QUEUE_MAX: usize = 64;

/// Id of the member that makes a cluster.
const FIRST_MEMBER: u64 = 1;

pub(super) async fn open(config: StoreConfig, seam: Seam) -> Result<Store, OpenError> {
    let dir = Dir::open(seam.disk(), &config.dir)?;
    let (checkpoint, image) = open_checkpoint(&config, &seam, &dir)?;
    let member = checkpoint.summary().member;
    let (log, log_image) =
        RedbLog::open(seam.disk(), &dir.file(dir::LOG)).map_err(|error| dir.error(dir::LOG, "open the log", error))?;
    check_that_they_meet(&config, &image, &log_image)?;

    let truth = Arc::new(Truth::new(image));
    let log = LogStore::start(&seam, log, &log_image).map_err(|error| dir.error(dir::LOG, "read the log", error))?;
    let (reader, log_ended) = (log.reader(), log.writer().boxed());
    let checkpoint = start_checkpoint(&seam, checkpoint, Arc::clone(&truth))
        .map_err(|error| dir.error(dir::STATE, "start the thread of the checkpoint", error))?;

    let machine = Machine::new(Arc::clone(&truth), checkpoint.clone(), seam.clone());
    let raft = Box::pin(raft::start(member, &config.address, log, machine)).await;
    let raft = raft.map_err(|what| OpenError::NotStarted { dir: config.dir.clone(), what })?;
    let leadership = watch::Sender::new(raft::epoch(&raft.metrics().borrow_watched()));
    let tasks = vec![
        seam.spawn("leadership", raft::follow(raft.clone(), leadership.clone())),
        seam.spawn("keeper", keeper::keep(seam.clone(), checkpoint.clone(), reader, raft.clone())),
    ];
    let figures = Figures::new(seam.metrics());
    let files = [dir::LOG, dir::STATE].map(|name| (name, dir.file(name))).to_vec();
    let state =
        State { truth: Arc::clone(&truth), leadership: leadership.subscribe(), disk: seam.disk().clone(), files };
    seam.metrics().collect(state);
    let member = Running {
        truth,
        raft,
        barrier: Barrier::default(),
        leadership,
        in_flight: Semaphore::new(IN_FLIGHT_MAX),
        figures,
        tasks,
        disk: Mutex::new(Some(OnDisk { checkpoint, log_ended, dir })),
        seam,
    };
    Ok(Store { member: Arc::new(member) })
}

/// Opens the checkpoint, or makes the one of a new cluster.
fn open_checkpoint(config: &StoreConfig, seam: &Seam, dir: &Dir) -> Result<(Checkpoint, Image), OpenError> {
    let path = dir.file(dir::STATE);
    let limits = Limits { bytes: config.history_bytes, events: config.history_events };
    let new = || Summary {
        cluster: seam.random().u128(),
        member: FIRST_MEMBER,
        ..Summary::of_nothing(limits, config.requests)
    };
    Checkpoint::create(seam.disk(), &path, new).map_err(|error| dir.error(dir::STATE, "make the checkpoint", error))?;
    let opened = Checkpoint::open(seam.disk(), &path);
    let (checkpoint, image) = opened.map_err(|error| dir.error(dir::STATE, "open the checkpoint", error))?;
    let decided = checkpoint.summary();
    if (decided.history_limits, decided.requests_max) != (limits, config.requests) {
        tracing::warn!(?decided.history_limits, decided.requests_max, "limits stay as they were decided at the first start");
    }
    Ok((checkpoint, image))
}

/// Log and checkpoint must meet: a log that is gone, or begins after the checkpoint ends, has lost acknowledged entries.
fn check_that_they_meet(config: &StoreConfig, image: &Image, log: &LogImage) -> Result<(), OpenError> {
    let reached = image.applied.map_or(0, |at| at.index);
    let what = match log.purged {
        Some(purged) if purged.index > reached => {
            format!("it begins after entry {}, while the checkpoint ends at {reached}", purged.index)
        }
        _ if log.ballot.is_none() && reached > 0 => {
            format!("it is missing or empty, while the checkpoint ends at entry {reached}")
        }
        _ => return Ok(()),
    };
    Err(OpenError::Damaged { dir: config.dir.clone(), file: dir::LOG, what })
}

fn start_checkpoint(
    seam: &Seam,
    mut checkpoint: Checkpoint,
    truth: Arc<Truth>,
) -> std::io::Result<seam::Worker<Option<crate::checkpoint::Request>>> {
    seam.worker("checkpoint", CHECKPOINT_QUEUE_MAX, move |requests| checkpoint.serve(&truth, requests))
}
