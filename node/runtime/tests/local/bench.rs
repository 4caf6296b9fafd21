//! How long a container takes through the whole tree: create, start, run, exit and its event.

use std::time::Instant;

use runtime::contract::{ContainerConfig, Runtime};

use crate::node::{Node, plain};

/// Runs of each kind.
const RUNS: usize = 100;

pub async fn start_run_and_exit() {
    let mut node = Node::start().await;
    for (name, label) in [("busybox", "Linux, static `true`"), ("hello-module", "Wasm module"), ("hello-cli", "Wasm component")] {
        let image = node.pull(name).await;
        let (mut creates, mut starts, mut exits, mut totals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        node.sandbox(name).await;
        for attempt in 0..RUNS {
            let attempt = u32::try_from(attempt).unwrap();
            let begun = Instant::now();
            let id =
                node.runtime.create_container(ContainerConfig { attempt, ..plain(name, &image) }).await.unwrap();
            creates.push(begun.elapsed());
            let created = Instant::now();
            node.runtime.start_container(&id).await.unwrap();
            starts.push(created.elapsed());
            let exit = node.exit(&id).await;
            assert_eq!(exit.code, 0, "{}", exit.message);
            exits.push(created.elapsed());
            totals.push(begun.elapsed());
            node.runtime.remove_container(&id).await.unwrap();
        }
        let mut line = |name: &str, times: &mut Vec<std::time::Duration>| {
            times.sort();
            println!("{label}: {name}: min {:?} p50 {:?} p90 {:?}", times[0], times[RUNS / 2], times[RUNS * 9 / 10]);
        };
        line("create", &mut creates);
        line("start", &mut starts);
        line("start+run+exit", &mut exits);
        line("create+start+run+exit", &mut totals);
    }
}
