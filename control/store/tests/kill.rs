//! A writer is killed with SIGKILL; whatever it had acknowledged is there when its directory is opened again.
//!
//! The test runs itself: the child is the same executable with [`CHILD`] set to its directory.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test asserts, and finds its child's directory")]

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use api::facts::Facts;
use api::meta::{Key, Resource, Revision, Uid};
use api::record::{Body, Header};
use serde_json::json;
use store::{Command, Store, StoreConfig, Write};

const CHILD: &str = "BIREME_TEST_KILL_DIR";
/// Acknowledgements after which the child of each round is killed.
const ROUNDS: [usize; 3] = [1, 40, 300];
const WRITERS: usize = 8;

fn key(name: &str) -> Key {
    Key::new(&Resource::new("", "configmaps"), "default", name).unwrap()
}

async fn open(dir: &Path) -> Store {
    Store::open(StoreConfig::new(dir.to_owned()), seam::Seam::real()).await.unwrap()
}

async fn write(store: &Store, name: &str) -> Revision {
    let header = Header {
        uid: Uid::new(name),
        labels: [].into(),
        owners: [].into(),
        fields: [].into(),
        deletion: None,
        finalizers: false,
        facts: Facts::Plain,
    };
    let body = Body::encode(&json!({"metadata": {"name": name}})).unwrap();
    let writes = vec![Write::Put { key: key(name), header, body }];
    let command = Command { request: store.new_request_id(), epoch: None, preconditions: vec![], writes };
    store.propose(command).await.unwrap().revision
}

/// Writes objects of names that nobody used before and says each that is acknowledged, until it is killed.
#[tokio::main]
async fn child(dir: &Path) {
    let store = open(dir).await;
    let life = store.new_request_id().0;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        async move {
            for nth in 0.. {
                let name = format!("l{life}-w{writer}-{nth}");
                let revision = write(&store, &name).await;
                let mut out = std::io::stdout().lock();
                writeln!(out, "acked {name} {revision}").unwrap();
                out.flush().unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut acknowledged: Vec<(String, Revision)> = Vec::new();
    for kill_after in ROUNDS {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_was_acknowledged_survives_kill_9", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acked = |line: &str| {
            let mut words = line.split("acked ").nth(1)?.split(' ');
            Some((words.next()?.to_owned(), Revision(words.next()?.parse().ok()?)))
        };
        let mut seen = 0;
        while seen < kill_after {
            let line = lines.next().expect("the child ended before it was killed").unwrap();
            if let Some(ack) = acked(&line) {
                acknowledged.push(ack);
                seen += 1;
            }
        }
        child.kill().unwrap();
        // What stands in the pipe was acknowledged, too; the last line may be cut.
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| acked(&line)));
        child.wait().unwrap();

        let store = runtime.block_on(open(dir.path()));
        let view = store.view();
        for (name, revision) in &acknowledged {
            assert_eq!(view.get(&key(name)).map(|it| it.revision), Some(*revision), "{name}");
        }
        let events = runtime.block_on(store.events(Revision::ZERO)).unwrap();
        assert_eq!(events.len(), view.len(), "a watch from the beginning misses nothing");
        runtime.block_on(store.close()).unwrap();
    }
    assert!(acknowledged.len() >= ROUNDS.iter().sum());
}
