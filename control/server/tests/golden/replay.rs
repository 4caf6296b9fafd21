//! Asking our server what was asked of the recorded one.

use std::borrow::Cow;

use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::compare::Names;
use crate::recording::{self, Pair, Request};
use crate::support::{Client, Cluster};
use crate::table::{Entry, Identity};

/// Our answer to the request of a pair, after what its entry wants done before.
pub async fn ask(cluster: &Cluster, names: &Names, pair: &Pair, entry: &Entry) -> Value {
    for request in &entry.before {
        let answer = send(cluster, names, request, Identity::Admin).await;
        assert!(answer["status"].as_u64().unwrap() < 300, "before {}: {answer}", pair.name);
    }
    send(cluster, names, &pair.request, entry.identity).await
}

async fn send(cluster: &Cluster, names: &Names, request: &Request, identity: Identity) -> Value {
    let (client, user) = match identity {
        Identity::Admin => (cluster.admin.clone(), None),
        Identity::NoCredentials => (Client::nobody(&cluster.running.admin_kubeconfig()), None),
        Identity::Anonymous => (cluster.admin.clone(), Some("system:anonymous")),
        Identity::Bob => (cluster.admin.clone(), Some("bob")),
    };
    let given = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<(&str, &str)> = given.chain(user.map(|user| ("impersonate-user", user))).collect();
    let method: Method = request.method.parse().unwrap();
    let body: Cow<'_, str> = match &request.body {
        Value::Null => "".into(),
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    };
    let reply = client.send(method, &names.in_path(&request.path), &headers, body.as_bytes()).await;
    let (parts, body) = reply.into_parts();
    assert!(parts.headers.contains_key("audit-id"), "{}: every answer has an id", request.path);
    let bytes = body.collect().await.unwrap().to_bytes();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    recording::answer(parts.status.as_u16(), headers, &request.body_of(&String::from_utf8_lossy(&bytes)))
}
