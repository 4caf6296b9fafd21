//! Linearizable reads: all who ask while one round is under way share the next one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::ReadPolicy;
use openraft::error::RaftError;
use seam::Seam;
use tokio::sync::oneshot;

use crate::error::{ProposeError, RETRY_AFTER};
use crate::raft::Raft;

/// Reads that wait for a round, at most: more than connections that a server takes.
const READS_MAX: usize = 65_536;

/// How long one round may wait for a majority.
const ROUND_MAX: Duration = Duration::from_secs(5);

/// Why a round gave no answer.
#[derive(Clone, Debug)]
enum Unready {
    NoLeader,
    Stopped(String),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Barrier {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    waiting: Vec<oneshot::Sender<Result<(), Unready>>>,
}

impl Barrier {
    /// Waits until this member has applied everything that was acknowledged before the call.
    pub(crate) async fn pass(&self, seam: &Seam, raft: &Raft) -> Result<(), ProposeError> {
        let (passed, wait) = oneshot::channel();
        let start = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.waiting.len() >= READS_MAX {
                return Err(ProposeError::Unavailable { retry_after: RETRY_AFTER });
            }
            state.waiting.push(passed);
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            let (this, raft, world) = (self.clone(), raft.clone(), seam.clone());
            drop(seam.spawn("read barrier", async move { this.rounds(&world, &raft).await }));
        }
        match wait.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unready::NoLeader)) => Err(ProposeError::Unavailable { retry_after: RETRY_AFTER }),
            Ok(Err(Unready::Stopped(why))) => Err(ProposeError::Stopped { why }),
            Err(_) => Err(ProposeError::Stopped { why: "it was closed".to_owned() }),
        }
    }

    /// One round after another while somebody waits. A round serves those who asked before it began.
    async fn rounds(&self, seam: &Seam, raft: &Raft) {
        loop {
            let readers = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.running = !state.waiting.is_empty();
                std::mem::take(&mut state.waiting)
            };
            if readers.is_empty() {
                return;
            }
            let result = seam.timeout(ROUND_MAX, round(raft)).await.unwrap_or(Err(Unready::NoLeader));
            for reader in readers {
                if reader.send(result.clone()).is_err() {
                    tracing::debug!("a reader has gone before its read was possible");
                }
            }
        }
    }
}

async fn round(raft: &Raft) -> Result<(), Unready> {
    match raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
        Ok(read) => match read.await_ready(raft).await {
            Ok(_) => Ok(()),
            Err(fatal) => Err(Unready::Stopped(fatal.to_string())),
        },
        Err(RaftError::APIError(_)) => Err(Unready::NoLeader),
        Err(RaftError::Fatal(fatal)) => Err(Unready::Stopped(fatal.to_string())),
    }
}
