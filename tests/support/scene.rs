//! A cluster that the tests of one program share while they run side by side, and what they do with it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::cluster::Cluster;
use super::kubectl::Kubectl;
use super::wait;

/// Until a pod of small images has done what it should, on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// The same for kubectl.
pub(crate) const TIMEOUT: &str = "--timeout=80s";

/// Something costly that exists once, for as long as a test holds it.
#[derive(Debug)]
pub(crate) struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The one that others hold, or a new one.
    pub(crate) fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // A test that failed while it made one left nothing here.
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.upgrade().unwrap_or_else(|| {
            let made = Arc::new(make());
            *current = Arc::downgrade(&made);
            made
        })
    }
}

/// A pod; the containers and other fields of its specification are YAML of one line each.
pub(crate) fn pod(name: &str, containers: &[&str], fields: &[&str]) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  \
         terminationGracePeriodSeconds: 1\n  {}\n  containers:\n  - {}\n",
        fields.join("\n  "),
        containers.join("\n  - ")
    )
}

/// A field of an object, as a `JSONPath`.
pub(crate) fn field(kubectl: &Kubectl, object: &str, path: &str) -> String {
    kubectl.ok(&["get", object, "-o", &format!("jsonpath={{{path}}}")])
}

/// Makes objects.
#[track_caller]
pub(crate) fn create(kubectl: &Kubectl, manifest: &str) {
    kubectl.run_with(&["create", "-f", "-"], manifest).ok();
}

/// Waits until a field of an object is as wanted, and returns it.
#[track_caller]
pub(crate) fn until(
    cluster: &Cluster,
    kubectl: &Kubectl,
    object: &str,
    path: &str,
    wanted: impl Fn(&str) -> bool,
) -> String {
    let mut last = String::new();
    let reached = wait::poll(LIMIT, || {
        last = field(kubectl, object, path);
        wanted(&last).then_some(())
    });
    if reached.is_none() {
        let described = kubectl.run(&["describe", object]);
        panic!("{object}: {path} is still {last:?} after {LIMIT:?}\n{described}\n{}", cluster.logs());
    }
    last
}

/// Waits until a field of an object has that value.
#[track_caller]
pub(crate) fn becomes(cluster: &Cluster, kubectl: &Kubectl, object: &str, path: &str, wanted: &str) {
    until(cluster, kubectl, object, path, |found| found == wanted);
}
