//! Having the image of a container: pull policy, credentials, and what is told about it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use runtime::contract::{Credentials, DockerConfig, Image, RuntimeError};

use crate::carry::{Carrier, Done, Refusal};
use crate::events::Weight;
use crate::policy;
use crate::spec::references::References;

impl Carrier {
    /// Has the image of a container, by its pull policy.
    pub(crate) async fn image(self, name: String) -> Done {
        let outcome = self.have_image(&name).await;
        Done::Image(name, outcome)
    }

    async fn have_image(&self, name: &str) -> Result<Image, Refusal> {
        let no_spec = k8s_openapi::api::core::v1::PodSpec::default();
        let found = policy::find(self.pod.spec.as_ref().unwrap_or(&no_spec), name);
        let container = found.as_ref().map(|(_, container)| container);
        let reference = container.and_then(|container| container.image.as_deref()).unwrap_or_default();
        let policy = container.and_then(|container| container.image_pull_policy.as_deref()).unwrap_or("IfNotPresent");
        let runtime = &self.context.runtime;
        if policy != "Always" {
            let local = runtime.image_status(reference).await.map_err(|error| refused(&error))?;
            if let Some(image) = local {
                self.note(
                    Some(name),
                    Weight::Normal,
                    "Pulled",
                    format!("Container image \"{reference}\" already present on machine"),
                );
                return Ok(image);
            }
            if policy == "Never" {
                let message = format!("Container image \"{reference}\" is not present with pull policy of Never");
                self.note(Some(name), Weight::Warning, "ErrImageNeverPull", message.clone());
                self.note(Some(name), Weight::Warning, "Failed", "Error: ErrImageNeverPull");
                return Err(("ErrImageNeverPull".to_owned(), message));
            }
        }
        let waiting = self.context.seam.moment();
        // The semaphore is never closed.
        let permit =
            self.context.pulls.acquire().await.map_err(|error| ("ErrImagePull".to_owned(), error.to_string()))?;
        let begun = self.context.seam.moment();
        self.note(Some(name), Weight::Normal, "Pulling", format!("Pulling image \"{reference}\""));
        let credentials = self.credentials(reference).await;
        let pulled = runtime.pull_image(reference, credentials, None).await;
        drop(permit);
        let now = self.context.seam.moment();
        match pulled {
            Ok(image) => {
                let (took, all) = (now.since(begun), now.since(waiting));
                let message = format!(
                    "Successfully pulled image \"{reference}\" in {} ({} including waiting). Image size: {} bytes.",
                    written(took),
                    written(all),
                    image.size
                );
                self.note(Some(name), Weight::Normal, "Pulled", message);
                Ok(image)
            }
            Err(error) => {
                let (reason, message) = refused(&error);
                self.note(
                    Some(name),
                    Weight::Warning,
                    "Failed",
                    format!("Failed to pull image \"{reference}\": {message}"),
                );
                self.note(Some(name), Weight::Warning, "Failed", format!("Error: {reason}"));
                Err((reason, message))
            }
        }
    }

    /// The credentials of the pod's `imagePullSecrets` for the registry of a reference. Secrets that are missing are
    /// passed over: the image may be public.
    async fn credentials(&self, reference: &str) -> Option<Credentials> {
        let secrets = pull_secrets(&self.pod);
        let wanted = References { secrets: secrets.iter().cloned().collect(), ..References::default() };
        let material = match self.context.fetch(&self.pod, &wanted).await {
            Ok(material) => material,
            Err(error) => {
                tracing::warn!(%error, "pull secrets not read: pulling without credentials");
                return None;
            }
        };
        let found = secrets.iter().filter_map(|name| material.secrets.get(name)?.clone());
        found.filter_map(|secret| of_secret(&secret, registry(reference))).next()
    }
}

fn pull_secrets(pod: &Pod) -> Vec<String> {
    let secrets = pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_deref()).unwrap_or_default();
    secrets.iter().map(|secret| secret.name.clone()).collect()
}

fn refused(error: &RuntimeError) -> Refusal {
    let reason = match error {
        RuntimeError::Image { reason, .. } => reason,
        _ => "ErrImagePull",
    };
    (reason.to_owned(), error.to_string())
}

/// The registry that a reference names; Docker's when it names none.
fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

/// Credentials of a Secret of type `kubernetes.io/dockerconfigjson` for a registry.
fn of_secret(secret: &Secret, registry: &str) -> Option<Credentials> {
    let bytes = secret.data.as_ref()?.get(".dockerconfigjson")?;
    DockerConfig::parse(&bytes.0).ok()?.credentials(registry)
}

/// A duration as the kubelet writes it: `12ms`, `1.234s`.
fn written(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{}ms", time.as_millis())
    } else {
        format!("{:.3}s", time.as_secs_f64())
    }
}
