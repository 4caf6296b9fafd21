//! Kinds of the group `batch`: pods that come to an end.

pub(super) mod cron_job;
mod failure_policy;
mod indexes;
pub(super) mod job;
mod job_spec;
mod job_status;
