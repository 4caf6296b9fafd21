//! Making one call.

use std::time::Duration;

use runtime::contract::{ContainerId, RuntimeError};

use super::call::Call;
use super::http::Answer;
use super::{Found, PROBER, dial, grpc, http};
use crate::backoff::written;
use crate::carry::Carrier;

/// How the kubelet of this level of Kubernetes names itself to servers that a hook calls.
const HOOK_CALLER: &str = "kube-lifecycle/1.37";
/// How often a call that could not be made is made again at once, as by the kubelet.
const RETRIES: usize = 3;

/// Calls once, for a probe.
pub(super) async fn probe(carrier: &Carrier, id: &ContainerId, call: &Call, limit: Duration) -> Found {
    let mut found = once(carrier, id, call, limit).await;
    for _ in 1..RETRIES {
        if !matches!(found, Found::Unknown(_)) {
            break;
        }
        found = once(carrier, id, call, limit).await;
    }
    found
}

async fn once(carrier: &Carrier, id: &ContainerId, call: &Call, limit: Duration) -> Found {
    let seam = &carrier.context.seam;
    let pod = carrier.addresses.first().copied();
    match call {
        Call::Exec(command) => exec(carrier, id, command, limit).await,
        Call::Tcp { host, port } => match dial::target(host.as_deref(), pod, *port) {
            Ok(target) => match seam.timeout(limit, dial::tcp(&target)).await {
                Ok(Ok(_)) => Found::Good,
                Ok(Err(why)) => Found::Bad(why),
                Err(_) => Found::Bad(format!("dial tcp {target}: i/o timeout")),
            },
            Err(why) => Found::Unknown(why),
        },
        Call::Http(get) => match dial::target(get.host.as_deref(), pod, get.port) {
            Ok(target) => match seam.timeout(limit, http::get(get, target, PROBER)).await {
                Ok(Ok(answer)) => judge(&answer),
                Ok(Err(failure)) => Found::Bad(failure.to_string()),
                Err(_) => Found::Bad(http::timed_out(get, &target_of(get, pod))),
            },
            Err(why) => Found::Unknown(why),
        },
        Call::Grpc { port, service } => match dial::target(None, pod, *port) {
            Ok(target) => grpc::check(seam, &target, service, limit).await,
            Err(why) => Found::Unknown(why),
        },
    }
}

fn target_of(get: &super::call::Get, pod: Option<std::net::IpAddr>) -> String {
    dial::target(get.host.as_deref(), pod, get.port).map(|target| target.to_string()).unwrap_or_default()
}

/// What an answer says about a server. Its body is not repeated: it may hold what is not for every eye.
fn judge(answer: &Answer) -> Found {
    match answer.status {
        200..=299 => Found::Good,
        300..=399 => Found::Warning(format!("Probe terminated redirects, Response body: {}", answer.body)),
        code => Found::Bad(format!("HTTP probe failed with statuscode: {code}")),
    }
}

async fn exec(carrier: &Carrier, id: &ContainerId, command: &[String], limit: Duration) -> Found {
    let late = || Found::Bad(format!("command timed out: {:?} timed out after {}", command.join(" "), written(limit)));
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    match carrier.context.runtime.exec_sync(id, command, limit_ms).await {
        Ok(outcome) if outcome.code == 0 => Found::Good,
        Ok(outcome) => Found::Bad(String::from_utf8_lossy(&outcome.output).into_owned()),
        Err(RuntimeError::System { cause, .. }) if cause.kind() == std::io::ErrorKind::TimedOut => late(),
        Err(error) => Found::Unknown(error.to_string()),
    }
}

/// Calls once, for a hook, however long it takes. Any answer over HTTP is a good one.
///
/// # Errors
/// What went wrong.
pub(crate) async fn hook(carrier: &Carrier, id: &ContainerId, call: &Call) -> Result<(), String> {
    match call {
        Call::Exec(command) => {
            let ran = carrier.context.runtime.exec_sync(id, command, 0).await;
            let outcome = ran.map_err(|error| error.to_string())?;
            let output = || String::from_utf8_lossy(&outcome.output).into_owned();
            if outcome.code == 0 {
                Ok(())
            } else {
                Err(format!("command {:?} exited with {}: {}", command.join(" "), outcome.code, output()))
            }
        }
        Call::Http(get) => {
            let target = dial::target(get.host.as_deref(), carrier.addresses.first().copied(), get.port)?;
            http::get(get, target, HOOK_CALLER).await.map(drop).map_err(|failure| failure.to_string())
        }
        Call::Tcp { .. } | Call::Grpc { .. } => Err("invalid handler: a hook is exec, httpGet or sleep".to_owned()),
    }
}
