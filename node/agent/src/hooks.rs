//! Lifecycle hooks, and stopping a container with them.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container as Spec, LifecycleHandler};
use runtime::contract::ContainerId;

use crate::carry::{Carrier, Done};
use crate::events::Weight;
use crate::policy;
use crate::probes::{Call, attempt};

/// The least time between stop signal and `SIGKILL`, also when a `preStop` hook used up the grace period, as the kubelet
/// leaves it.
const SIGNAL_MIN: Duration = Duration::from_secs(2);
/// Longest `postStart` hook. The kubelet waits for ever; a hook that takes this long is broken.
const POST_START_MAX: Duration = Duration::from_mins(10);

impl Carrier {
    /// Stops a container: hook, unless that has run, signal, kill.
    pub(crate) async fn stop(self, name: String, id: ContainerId, grace: Duration, why: String, hooked: bool) -> Done {
        self.note(Some(&name), Weight::Normal, "Killing", why);
        let begun = self.context.seam.moment();
        if !hooked && !grace.is_zero() {
            self.pre_stop(&name, &id, grace).await;
        }
        let left = grace.saturating_sub(self.context.seam.moment().since(begun)).max(SIGNAL_MIN);
        let grace_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let stopped = self.context.runtime.stop_container(&id, grace_ms).await;
        let outcome = match stopped {
            Ok(()) => self.look_up(&id).await,
            Err(error) => Err(("FailedKillPod".to_owned(), error.to_string())),
        };
        Done::Stopped(name, outcome)
    }

    /// Runs the `preStop` hook of a sidecar whose turn to end has not come.
    pub(crate) async fn farewell(self, name: String, id: ContainerId, grace: Duration) -> Done {
        self.pre_stop(&name, &id, grace).await;
        Done::FarewellSaid(name)
    }

    async fn pre_stop(&self, name: &str, id: &ContainerId, grace: Duration) {
        let spec = self.pod.spec.clone().unwrap_or_default();
        let container = policy::find(&spec, name).map(|(_, container)| container);
        let hook = container.as_ref().and_then(|found| Some((found, found.lifecycle.as_ref()?.pre_stop.as_ref()?)));
        let Some((container, hook)) = hook else { return };
        // A hook that takes longer than the grace period has not failed. Boxed: most containers have none, and a call is large.
        let ran = self.context.seam.timeout(grace, Box::pin(self.hook(container, id, hook))).await;
        if let Ok(Err(message)) = ran {
            tracing::warn!(container = name, message, "preStop hook failed");
            // What the hook said may be secret, and events are for more eyes than logs.
            self.note(Some(name), Weight::Warning, "FailedPreStopHook", "PreStopHook failed");
        }
    }

    /// The container as the runtime has it now. The event about its end may still be on its way.
    async fn look_up(&self, id: &ContainerId) -> Result<Option<runtime::contract::Container>, (String, String)> {
        let all = self.context.runtime.list_containers().await;
        let all = all.map_err(|error| ("FailedKillPod".to_owned(), error.to_string()))?;
        Ok(all.into_iter().find(|container| container.id == *id))
    }

    /// Runs a `postStart` hook. A container whose hook fails is killed, and restarts by its policy.
    pub(crate) async fn post_start(self, container: Spec, id: ContainerId) -> Done {
        let name = container.name.clone();
        let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.as_ref());
        let Some(hook) = hook else { return Done::Hooked(name, id) };
        let ran = self.context.seam.timeout(POST_START_MAX, self.hook(&container, &id, hook)).await;
        let failure = match ran {
            Ok(Ok(())) => return Done::Hooked(name, id),
            Ok(Err(message)) => message,
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::warn!(container = name, failure, "postStart hook failed");
        self.note(Some(&name), Weight::Warning, "FailedPostStartHook", "PostStartHook failed");
        let grace = self.pod.spec.as_ref().map(policy::grace).unwrap_or_default();
        // Boxed: few hooks fail, and a stop is large.
        Box::pin(self.stop(name, id, grace, "FailedPostStartHook".to_owned(), false)).await
    }

    async fn hook(&self, container: &Spec, id: &ContainerId, hook: &LifecycleHandler) -> Result<(), String> {
        if let Some(sleep) = &hook.sleep {
            self.context.seam.sleep(policy::seconds(sleep.seconds)).await;
            return Ok(());
        }
        let call = Call::of_hook(container, hook)?;
        attempt::hook(self, id, &call).await
    }
}
