//! `logs`: what a container printed.

use futures::AsyncReadExt;
use http::Method;

use crate::arguments::Logs;
use crate::client::{Client, Result, ask};
use crate::get::escape;
use crate::output;

/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// Runs the command.
///
/// # Errors
/// When the server refuses, or the output cannot be written.
pub async fn run(client: &Client, logs: &Logs) -> Result<()> {
    let pod = logs.pod.split_once('/').map_or(logs.pod.as_str(), |(_, name)| name);
    let mut path = format!("/api/v1/namespaces/{}/pods/{pod}/log?", client.namespace);
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            path.push_str(&format!("{name}={}&", escape(&value)));
        }
    };
    option("container", logs.container.clone());
    option("follow", logs.follow.then(|| "true".into()));
    option("previous", logs.previous.then(|| "true".into()));
    option("timestamps", logs.timestamps.then(|| "true".into()));
    option("tailLines", logs.tail.map(|lines| lines.to_string()));
    option("sinceSeconds", logs.since.map(|seconds| seconds.to_string()));
    let path = path.trim_end_matches(['?', '&']);
    let mut stream = Box::pin(client.stream(ask(Method::GET, path, "*/*")?).await?);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        output::raw(&buffer[..count])?;
    }
}
