//! `wasm push`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use cli::arguments::Push;
use registry_client::publish::{WasmComponent, wasm_artifact};
use registry_client::{BlobStore, Client, ClientConfig, Reference};
use wasm::Form;

use super::artifact::credentials;

/// Pushes a file that could run, and prints what to name in a pod so that exactly this is run.
pub(super) fn run(options: &Push) -> anyhow::Result<ExitCode> {
    let reference: Reference = options.reference.parse()?;
    anyhow::ensure!(reference.digest().is_none(), "{reference} names a digest: want a tag to push to");
    let bytes = std::fs::read(&options.file).with_context(|| format!("cannot read {}", options.file.display()))?;
    let artifact = wasm::inspect(&bytes)?;
    let component = (artifact.form == Form::Component)
        .then(|| WasmComponent { exports: artifact.exports.clone(), imports: artifact.imports.clone() });
    let scratch = tempfile::tempdir().context("cannot make a directory for the artifact")?;
    let blobs = BlobStore::open(&scratch.path().join("blobs"))?;
    let digest = wasm_artifact(&blobs, &bytes, component)?;
    crate::tasks()?.block_on(async {
        let client = Client::new(ClientConfig::default());
        client.push(&reference, credentials(&reference)?.as_ref(), &blobs, &digest).await.context("cannot push")
    })?;
    let pinned = reference.pinned(&digest);
    writeln!(std::io::stdout(), "{pinned}").context("print")?;
    Ok(ExitCode::SUCCESS)
}
