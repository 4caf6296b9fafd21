//! The types that openraft is told, and how they become our own forms on disk.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use openraft::impls::leader_id_std;
use openraft::type_config::alias::{CommittedLeaderIdOf, EntryOf, LogIdOf, StoredMembershipOf, VoteOf};
use openraft::{EntryPayload, Membership};

use crate::command::{Applied, Command, Refused};
use crate::format::{self, Ballot, FormatError, Members, Payload, Position};

/// Number of a member; never used again after its directory is gone.
pub(crate) type MemberId = u64;

/// Where a member is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) address: String,
}

openraft::declare_raft_types!(
    /// One leader per term, so that a term is an epoch.
    pub(crate) Types:
        D = Proposal,
        R = Outcome,
        NodeId = MemberId,
        Node = Member,
        LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        AsyncRuntime = openraft_rt_tokio::TokioRuntime,
);

pub(crate) type Entry = EntryOf<Types>;
pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type StoredMembers = StoredMembershipOf<Types>;

/// A command and its encoded form, made once by who proposes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) command: Arc<Command>,
    pub(crate) encoded: Bytes,
}

impl Proposal {
    pub(crate) fn new(command: Command) -> Result<Self, FormatError> {
        Ok(Self { encoded: format::encode_command(&command)?, command: Arc::new(command) })
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} writes, {} bytes", self.command.writes.len(), self.encoded.len())
    }
}

/// What applying an entry gave.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The entry was no command.
    NoCommand,
    /// The command was looked at.
    Command(Result<Applied, Refused>),
}

impl From<LogId> for Position {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, index: id.index }
    }
}

impl From<Position> for LogId {
    fn from(at: Position) -> Self {
        Self::new(CommittedLeaderIdOf::<Types>::new(at.term), at.index)
    }
}

impl From<&Vote> for Ballot {
    fn from(vote: &Vote) -> Self {
        Self { term: vote.leader_id.term, member: vote.leader_id.voted_for, elected: vote.committed }
    }
}

impl From<Ballot> for Vote {
    fn from(ballot: Ballot) -> Self {
        let make = if ballot.elected { Self::new_committed } else { Self::new };
        make(ballot.term, ballot.member)
    }
}

/// Our form of a membership that stands at that place of the log.
pub(crate) fn members(since: Option<Position>, membership: &Membership<MemberId, Member>) -> Members {
    let voters = membership.get_joint_config().iter().map(|set| set.iter().copied().collect()).collect();
    let addresses = membership.nodes().map(|(id, member)| (*id, member.address.clone())).collect();
    Members { since, voters, addresses }
}

/// openraft's form of our members.
fn membership(members: &Members) -> Result<Membership<MemberId, Member>, FormatError> {
    let voters = members.voters.iter().map(|set| set.iter().copied().collect()).collect();
    let addresses = members.addresses.iter().map(|(id, address)| (*id, Member { address: address.clone() }));
    let membership = Membership::new(voters, addresses.collect::<BTreeMap<_, _>>());
    membership.map_err(|error| FormatError::Members { why: error.to_string() })
}

/// openraft's form of our members, with the place of their entry.
pub(crate) fn stored(members: &Members) -> Result<StoredMembers, FormatError> {
    Ok(StoredMembers::new(members.since.map(LogId::from), membership(members)?))
}

/// The entry as it goes to disk.
pub(crate) fn encode_entry(entry: &Entry) -> Result<Bytes, FormatError> {
    let at = Position::from(entry.log_id);
    let payload = match &entry.payload {
        EntryPayload::Blank => Payload::Blank,
        EntryPayload::Normal(proposal) => Payload::Command(proposal.encoded.clone()),
        EntryPayload::Membership(membership) => Payload::Members(members(Some(at), membership)),
    };
    Ok(format::seal(format::LOG_ENTRY, &format::Entry { at, payload })?.into())
}

/// The entry as it comes from disk.
pub(crate) fn decode_entry(sealed: &[u8]) -> Result<Entry, FormatError> {
    let format::Entry { at, payload } = format::unseal(format::LOG_ENTRY, sealed)?;
    let payload = match payload {
        Payload::Blank => EntryPayload::Blank,
        Payload::Command(encoded) => {
            let command = Arc::new(format::decode_command(&encoded)?);
            EntryPayload::Normal(Proposal { command, encoded })
        }
        Payload::Members(members) => EntryPayload::Membership(membership(&members)?),
    };
    Ok(Entry { log_id: at.into(), payload })
}
