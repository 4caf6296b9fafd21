//! Starting openraft on a log and a state machine, up to the moment when this member has recovered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use super::apply::Machine;
use super::network::Alone;
use super::types::{Member, MemberId, Types};
use crate::log::LogStore;

/// The running member.
pub(crate) type Raft = openraft::Raft<Types, Machine>;

/// A leader shows itself that often, in milliseconds.
const HEARTBEAT: u64 = 100;

/// After silence of the larger of these (plus a random time between both) a follower stands for election, in milliseconds:
/// about one second in all. Below, a disk's slowest syncs cause needless elections.
const ELECTION_MIN: u64 = 300;
/// See [`ELECTION_MIN`].
const ELECTION_MAX: u64 = 600;

/// Entries in one replication message, at most; its bytes are bounded by the log.
const MESSAGE_ENTRIES: u64 = 4_096;

/// How long a member may take to replay its log.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// Starts this member; makes a cluster of it when it belongs to none. Returns when all that it had before is applied again.
///
/// # Errors
/// What openraft says; a sentence, since its types are for this module alone.
pub(crate) async fn start(id: MemberId, address: &str, log: LogStore, machine: Machine) -> Result<Raft, String> {
    let config = Config {
        cluster_name: "bireme".to_owned(),
        heartbeat_interval: HEARTBEAT,
        election_timeout_min: ELECTION_MIN,
        election_timeout_max: ELECTION_MAX,
        enable_pre_vote: Some(true),
        // Snapshots and purges are triggered by bytes: see the keeper.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        max_payload_entries: MESSAGE_ENTRIES,
        ..Config::default()
    };
    let config = Arc::new(config.validate().map_err(|error| error.to_string())?);
    let raft = Raft::new(id, config, Alone, log, machine).await.map_err(|error| error.to_string())?;
    if !raft.is_initialized().await.map_err(|error| error.to_string())? {
        let members = BTreeMap::from([(id, Member { address: address.to_owned() })]);
        raft.initialize(members).await.map_err(|error| error.to_string())?;
    }
    raft.wait_for_recovery(Some(RECOVERY_MAX)).await.map_err(|error| error.to_string())?;
    Ok(raft)
}
