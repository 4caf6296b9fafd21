//! Logs of a container: passed through from the node that runs it.

use api::record::Record;
use api::status::Status;
use api::view::View;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::fail::Reply;
use crate::nodes::NodeCaller;
use crate::query::{self, Query};
use crate::verbs::value_of;

/// Parameters that the node understands.
const PASSED: [&str; 6] = ["follow", "tailLines", "sinceSeconds", "sinceTime", "timestamps", "limitBytes"];
/// Longest explanation of a node that is passed on.
const EXPLANATION_MAX: usize = 4096;

/// Answers `pods/log`.
pub(crate) async fn logs(caller: &NodeCaller, view: &View, pod: &Record, query: &Query) -> Result<Reply, Status> {
    let (namespace, name) = (pod.key.namespace(), pod.key.name());
    let object = value_of(pod)?;
    let container = choose(&object, name, query.get("container"))?;
    let previous = query.flag("previous");
    let node = object["spec"]["nodeName"].as_str().unwrap_or_default();
    if node.is_empty() {
        // Nobody could have written anything yet: the log is there, and empty.
        let mut nothing = Response::new(Body::empty());
        *nothing.status_mut() = StatusCode::NO_CONTENT;
        return Ok(nothing);
    }
    if !started(&object, &container, previous) {
        return Err(waiting(&object, name, &container, previous));
    }
    let mut parameters: Vec<String> = PASSED
        .iter()
        .filter_map(|name| query.get(name).map(|value| format!("{name}={}", query::escape(value))))
        .collect();
    if previous {
        parameters.push("previous=true".to_owned());
    }
    let path = format!("/containerLogs/{namespace}/{name}/{container}?{}", parameters.join("&"));
    let (parts, body) = caller.get(view, node, &path).await?.into_parts();
    if !parts.status.is_success() {
        let text = http_body_util::Limited::new(body, EXPLANATION_MAX).collect().await;
        let text = text.map(|text| String::from_utf8_lossy(&text.to_bytes()).into_owned()).unwrap_or_default();
        let message = if text.is_empty() { parts.status.to_string() } else { text };
        return Err(match parts.status.as_u16() {
            400 | 404 => Status::bad_request(message),
            _ => Status::internal(format!("node \"{node}\" answered: {message}")),
        });
    }
    let mut reply = Response::new(Body::new(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(reply)
}

fn names<'a>(object: &'a Value, list: &str) -> Vec<&'a str> {
    let list = object["spec"][list].as_array().into_iter().flatten();
    list.filter_map(|container| container["name"].as_str()).collect()
}

/// The container that is meant.
fn choose(object: &Value, pod: &str, asked: Option<&str>) -> Result<String, Status> {
    let containers = names(object, "containers");
    let init = names(object, "initContainers");
    let all = || containers.iter().chain(&init).copied().chain(names(object, "ephemeralContainers"));
    if let Some(asked) = asked {
        if all().any(|name| name == asked) {
            return Ok(asked.to_owned());
        }
        return Err(Status::bad_request(format!("container {asked} is not valid for pod {pod}")));
    }
    if let [one] = containers.as_slice() {
        return Ok((*one).to_owned());
    }
    let mut message =
        format!("a container name must be specified for pod {pod}, choose one of: [{}]", containers.join(" "));
    if !init.is_empty() {
        message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
    }
    Err(Status::bad_request(message))
}

fn status_of<'a>(object: &'a Value, container: &str) -> Option<&'a Value> {
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| object["status"][list].as_array().into_iter().flatten())
        .find(|status| status["name"] == container)
}

/// Whether the container (or its previous run) has ever written anything.
fn started(object: &Value, container: &str, previous: bool) -> bool {
    let Some(status) = status_of(object, container) else { return false };
    let has_run = |state: &Value| state.get("running").is_some() || state.get("terminated").is_some();
    let ran_before = status["lastState"].get("terminated").is_some();
    if previous { ran_before } else { has_run(&status["state"]) || ran_before }
}

fn waiting(object: &Value, pod: &str, container: &str, previous: bool) -> Status {
    if previous {
        let message = format!("previous terminated container \"{container}\" in pod \"{pod}\" not found");
        return Status::bad_request(message);
    }
    let reason = status_of(object, container).and_then(|status| status["state"]["waiting"]["reason"].as_str());
    let reason = reason.unwrap_or("ContainerCreating");
    Status::bad_request(format!("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_container_must_be_named_when_there_are_several() {
        let pod = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        assert_eq!(
            choose(&pod, "web", None).unwrap_err().message,
            "a container name must be specified for pod web, choose one of: [a b]"
        );
        assert_eq!(choose(&pod, "web", Some("b")).unwrap(), "b");
        assert_eq!(choose(&pod, "web", Some("c")).unwrap_err().message, "container c is not valid for pod web");
    }

    #[test]
    fn a_container_that_has_not_started_says_what_it_waits_for() {
        let pod = json!({"spec": {"nodeName": "n", "containers": [{"name": "c"}]}, "status": {"containerStatuses": [
            {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}});
        assert!(!started(&pod, "c", false));
        assert_eq!(
            waiting(&pod, "p", "c", false).message,
            "container \"c\" in pod \"p\" is waiting to start: ImagePullBackOff"
        );
    }
}
