//! Requests and answers of a real kube-apiserver, version 1.20.2, one file a pair.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Headers of the transport, which every server sets as it likes.
const TRANSPORT: [&str; 5] = ["transfer-encoding", "content-length", "date", "connection", "audit-id"];
/// What the recorded server, which ran without priority and fairness, did not tell.
const FLOW: [&str; 2] = ["x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"];

/// A request and its answer.
#[derive(Debug)]
pub struct Pair {
    /// Name of the file, without its ending: a number and what it is about.
    pub name: String,
    pub request: Request,
    /// `{status, headers, body}`, see [`answer`].
    pub answer: Value,
}

#[derive(Debug, Deserialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default)]
    pub body: Value,
}

#[derive(Deserialize)]
struct Recorded {
    request: Request,
    status: u16,
    headers: std::collections::BTreeMap<String, String>,
    body: Value,
}

/// The folder of this test.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All pairs in the order of their numbers.
pub fn all() -> Vec<Pair> {
    let entries = std::fs::read_dir(folder().join("recorded")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Pair {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let recorded: Recorded = serde_json::from_slice(&std::fs::read(file).unwrap())
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    let body = match recorded.body {
        Value::String(text) => recorded.request.body_of(&text),
        other => other,
    };
    Pair { name, request: recorded.request, answer: answer(recorded.status, recorded.headers, &body) }
}

/// An answer as one value, so that a path can name any part of it.
pub fn answer(status: u16, headers: impl IntoIterator<Item = (String, String)>, body: &Value) -> Value {
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into()))
        .filter(|(name, _)| !TRANSPORT.contains(&name.as_str()) && !FLOW.contains(&name.as_str()))
        .collect();
    json!({"status": status, "headers": headers, "body": body})
}

impl Request {
    /// The body of an answer as JSON; the lines of a watch as a list; what is no JSON as text.
    pub fn body_of(&self, text: &str) -> Value {
        let json = if self.path.contains("watch") {
            text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>().map(Value::from)
        } else {
            serde_json::from_str(text)
        };
        json.unwrap_or_else(|_| text.into())
    }
}
