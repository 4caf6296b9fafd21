//! How this member reaches the others.
//!
//! A cluster has one member so far, so there is nobody to reach, and every call says so: an answer that openraft counts neither
//! as a vote nor as an acknowledgement. The transport of the replicated cluster takes this place; what it sends are the forms of
//! `format`, and its `full_snapshot` streams the [`SnapshotData`] that it is given.

use openraft::error::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::type_config::alias::{SnapshotOf, VoteOf};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use super::apply::SnapshotData;
use super::types::{Member, MemberId, Types};

/// Reaches nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone;

/// The way to a member that cannot be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoWay {
    target: MemberId,
}

impl NoWay {
    fn unreachable(self) -> Unreachable<Types> {
        Unreachable::from_string(format!("member {} cannot be reached: this cluster has one member", self.target))
    }
}

impl RaftNetworkFactory<Types> for Alone {
    type Network = NoWay;

    async fn new_client(&mut self, target: MemberId, _member: &Member) -> NoWay {
        NoWay { target }
    }
}

impl RaftNetworkV2<Types> for NoWay {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    /// Must not be left to openraft, which would grant it.
    async fn pre_vote(
        &mut self,
        _request: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn full_snapshot(
        &mut self,
        _vote: VoteOf<Types>,
        _snapshot: SnapshotOf<Types, SnapshotData>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Err(StreamingError::Unreachable(self.unreachable()))
    }
}
