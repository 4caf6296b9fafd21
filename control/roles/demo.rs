//! `demo`: the main job in one command, on real parts only. It starts an ephemeral cluster, publishes two sample images in a
//! registry on loopback, applies the manifests over HTTPS as any client does, and shows what came of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use cli::Client;
use cli::arguments::{Demo, Get, Logs, Target, Up};
use cli::progress::Progress;
use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, Tags, WasmComponent, linux_image, wasm_artifact};
use registry_client::serve::Registry;
use registry_client::{BlobStore, Digest};
use runtime::privileges::Privileges;
use serde_json::Value;

use super::settings::settle;
use super::up::Cluster;

/// What the sample's manifests say where the registry's address goes.
const REGISTRY: &str = "__REGISTRY__";
/// Longest time for the pods to become ready, and for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Wait between looks at the cluster.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn run(demo: &Demo, privileges: Privileges) -> anyhow::Result<()> {
    anyhow::ensure!(privileges == Privileges::Root, "the demo runs Linux containers, which needs root");
    let progress = Progress::new();
    let flags = Up { data_dir: None, listen: None, kubeconfig: None, node_name: None, ephemeral: true, config: None };
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let cluster = Cluster::start(&settle(&flags, privileges)?, &progress).await?;
    let outcome = tokio::select! {
        outcome = show(demo, &cluster, &progress) => outcome,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    if outcome.is_err() {
        explain(&cluster, &progress).await;
    }
    let step = progress.step("leaving nothing behind");
    cluster.stop().await?;
    step.done("");
    outcome
}

async fn show(demo: &Demo, cluster: &Cluster, progress: &Progress) -> anyhow::Result<()> {
    let target = Target { kubeconfig: Some(cluster.kubeconfig.clone()), namespace: None };
    let client = Client::connect(&target, None).await?;

    let step = progress.step("publishing two images in a registry on loopback");
    let registry = publish(demo, &cluster.place.data.join("registry")).await?;
    step.done(&registry.address().to_string());

    let step = progress.step("applying the sample over the API");
    let objects = manifests(&demo.sample, registry.address())?;
    cli::apply::objects_of(&client, objects).await?;
    step.done("");

    let step = progress.step("waiting for two pods of one Linux and one Wasm container each");
    let pods = ready_pods(&client).await?;
    step.done("all ready");
    cli::get::run(&client, &get("pods", true, &target)).await?;
    cli::get::run(&client, &get("services", false, &target)).await?;

    let step = progress.step("asking the Service");
    let nonce = nonce()?;
    let answer = ask(&client, &nonce).await?;
    step.done("");
    cli::output::line(answer.trim_end())?;
    anyhow::ensure!(answer.contains(&nonce), "the answer does not carry the nonce {nonce}");

    for container in ["backend", "frontend"] {
        for pod in &pods {
            progress.say(&format!("logs of {container} in {pod}:"));
            cli::logs::run(&client, &logs(pod, container, &target)).await?;
        }
    }
    drop(registry);
    Ok(())
}

/// Builds both images from their programs and serves them.
async fn publish(demo: &Demo, dir: &Path) -> anyhow::Result<Registry> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let blobs = Arc::new(BlobStore::open(&dir.join("blobs"))?);
    let tags = Tags::new(&dir.join("tags"));
    tags.set("hello-backend", "1", &backend(&blobs, read(&demo.backend)?)?)?;
    tags.set("hello-frontend", "1", &frontend(&blobs, &read(&demo.frontend)?)?)?;
    let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    Registry::start(listen, blobs, tags).await.context("cannot start the registry")
}

fn backend(blobs: &BlobStore, program: Vec<u8>) -> anyhow::Result<Digest> {
    let file = ImageFile { path: "backend".into(), mode: 0o755, content: program };
    let process = ProcessConfig {
        entrypoint: Some(vec!["/backend".into()]),
        user: Some("65532:65532".into()),
        working_dir: Some("/".into()),
        ..ProcessConfig::default()
    };
    Ok(linux_image(blobs, &[file], process)?)
}

fn frontend(blobs: &BlobStore, program: &[u8]) -> anyhow::Result<Digest> {
    let artifact = wasm::inspect::inspect(program)?;
    let component = WasmComponent { exports: artifact.exports, imports: artifact.imports };
    Ok(wasm_artifact(blobs, program, Some(component))?)
}

/// The sample's objects, with the registry's address filled in.
fn manifests(sample: &Path, registry: SocketAddr) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    for name in ["deployment.yaml", "service.yaml"] {
        let path = sample.join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        objects.extend(cli::manifest::parse(&text.replace(REGISTRY, &registry.to_string()), name)?);
    }
    Ok(objects)
}

/// Waits until every pod of the sample is ready; gives their names.
async fn ready_pods(client: &Client) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let deployment = json(client, "/apis/apps/v1/namespaces/default/deployments/hello").await?;
        let number = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        if number("/spec/replicas") > 0 && number("/status/readyReplicas") == number("/spec/replicas") {
            break;
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the pods are not ready after {PATIENCE:?}");
        tokio::time::sleep(LOOK).await;
    }
    let pods = json(client, "/api/v1/namespaces/default/pods?labelSelector=app%3Dhello").await?;
    let names = pods["items"].as_array().into_iter().flatten();
    Ok(names.filter_map(|pod| pod.pointer("/metadata/name")?.as_str().map(str::to_owned)).collect())
}

async fn json(client: &Client, path: &str) -> anyhow::Result<Value> {
    Ok(client.json(cli::client::ask(http::Method::GET, path, "application/json")?).await?)
}

/// Fetches the answer at the Service's cluster address, once its rules are in the kernel.
async fn ask(client: &Client, nonce: &str) -> anyhow::Result<String> {
    let service = json(client, "/api/v1/namespaces/default/services/hello").await?;
    let address = service.pointer("/spec/clusterIP").and_then(Value::as_str).context("the Service has no address")?;
    let address: IpAddr = address.parse().context("the Service has no address")?;
    let begun = Instant::now();
    loop {
        match fetch(SocketAddr::new(address, 80), &format!("/?nonce={nonce}")).await {
            Ok(answer) => return Ok(answer),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error.context("the Service does not answer")),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// One HTTP request by hand: the body of a successful answer.
async fn fetch(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    use http_body_util::BodyExt;
    /// Longest time for one try.
    const TRY: Duration = Duration::from_secs(5);
    let attempt = async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let stream = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        let request = http::Request::get(path)
            .header(http::header::HOST, "hello")
            .body(http_body_util::Empty::<hyper::body::Bytes>::new())?;
        let answer = async {
            let response = sender.send_request(request).await?;
            anyhow::ensure!(response.status().is_success(), "the answer is {}", response.status());
            Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
        };
        tokio::select! {
            answer = answer => answer,
            ended = connection => { ended?; anyhow::bail!("the connection ended before the answer") }
        }
    };
    tokio::time::timeout(TRY, attempt).await.context("no answer")?
}

/// A number that no earlier run can have printed.
fn nonce() -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// When something went wrong: what the cluster has to say about it.
async fn explain(cluster: &Cluster, progress: &Progress) {
    let target = Target { kubeconfig: Some(cluster.kubeconfig.clone()), namespace: None };
    if let Ok(client) = Client::connect(&target, None).await {
        for what in ["pods", "events"] {
            if let Err(error) = cli::get::run(&client, &get(what, true, &target)).await {
                progress.say(&format!("cannot show {what}: {error}"));
            }
        }
    }
    for log in ["server.log", "node.log"] {
        let text = std::fs::read_to_string(cluster.place.data.join(log)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        progress.say(&format!("last lines of {log}:"));
        lines[lines.len().saturating_sub(20)..].iter().for_each(|line| progress.say(line));
    }
}

fn get(resource: &str, wide: bool, target: &Target) -> Get {
    Get {
        resource: resource.into(),
        names: Vec::new(),
        all_namespaces: false,
        selector: None,
        output: wide.then_some(cli::arguments::Form::Wide),
        watch: false,
        target: target.clone(),
    }
}

fn logs(pod: &str, container: &str, target: &Target) -> Logs {
    Logs {
        pod: pod.into(),
        container: Some(container.into()),
        follow: false,
        previous: false,
        tail: None,
        since: None,
        timestamps: false,
        target: target.clone(),
    }
}
