//! Commands run inside a running container.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use nix::unistd::Pid;

use super::container::Container;
use super::note::note;
use crate::contract::Security;
use crate::linux;
use crate::protocol::{ExecPlan, FailureReason, LinuxPlan, Reply};

/// What later commands in a container inherit from how it was started.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    env: Vec<(String, String)>,
    cwd: PathBuf,
    image_user: Option<String>,
    security: Security,
}

impl Inherited {
    pub(super) fn new(env: &[(String, String)], plan: &LinuxPlan) -> Inherited {
        Inherited {
            env: env.to_vec(),
            cwd: plan.working_dir.clone(),
            image_user: plan.image_user.clone(),
            security: plan.security.clone(),
        }
    }
}

/// Starts a command with the given standard streams.
pub(super) fn start(
    container: &Container,
    inherited: &Inherited,
    users: Option<Arc<linux::UserNamespace>>,
    plan: ExecPlan,
    descriptors: Vec<OwnedFd>,
) -> Result<Pid, Reply> {
    let Ok([stdin, stdout, stderr]) = <[OwnedFd; 3]>::try_from(descriptors) else {
        let message = "an exec needs three descriptors: standard input, output and error".to_owned();
        return Err(Reply::Failed { reason: FailureReason::Invalid, message });
    };
    let spec = linux::ExecSpec {
        process: linux::Process {
            command: plan.argv,
            env: inherited.env.clone(),
            cwd: inherited.cwd.clone(),
            image_user: inherited.image_user.clone(),
            security: inherited.security.clone(),
            stdio: linux::Stdio::Pipes { stdin: Some(stdin), stdout, stderr },
            oom_score_adj: None,
        },
        pid: container.pid.as_raw(),
        users,
        group: container.group.clone(),
    };
    match linux::exec(&spec) {
        Ok(launched) => {
            launched.warnings.iter().for_each(|warning| note(warning));
            Ok(Pid::from_raw(launched.pid))
        }
        Err(error) => Err(Reply::Failed { reason: FailureReason::StartError, message: error.to_string() }),
    }
}
