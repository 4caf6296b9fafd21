//! Removes everything of one node instance, also of one that died.

use std::fs;
use std::io;
use std::thread;

use rtnetlink::Handle;

use super::allocation::Allocations;
use super::config::NetworkConfig;
use super::error::NetworkError;
use super::{links, netns, nft, rules, service_routes};

/// As [`crate::Network::cleanup`], for a process without a runtime and without an open network: the janitor. Acts in the
/// network namespace of the calling thread.
///
/// # Errors
/// As there.
pub fn cleanup_blocking(config: &NetworkConfig) -> io::Result<()> {
    config.validate().map_err(io::Error::other)?;
    let config = config.clone();
    // A thread of its own, in case the caller is inside a runtime.
    let worker = thread::Builder::new().name("network-cleanup".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let handle = links::connect().map_err(io::Error::other)?;
            remove_all(&config, &handle).await.map_err(io::Error::other)
        })
    })?;
    worker.join().unwrap_or_else(|_| Err(io::Error::other("the cleanup thread panicked")))
}

/// Goes on after a failure, so that as little as possible stays, and returns the first.
pub(crate) async fn remove_all(config: &NetworkConfig, handle: &Handle) -> Result<(), NetworkError> {
    let mut first = Ok(());
    let mut keep = |result: Result<(), NetworkError>| {
        if first.is_ok() {
            first = result;
        }
    };
    keep(nft::load(&config.name, &rules::render_removal(&config.name)).await);
    match Allocations::load(&config.allocation_file()) {
        Ok(allocations) => {
            for interface in allocations.interfaces() {
                keep(links::delete(handle, interface).await);
            }
        }
        Err(error) => keep(Err(error)),
    }
    keep(remove_pins(config));
    let own = config.node_addresses();
    keep(service_routes::set(handle, &own, &[]).await);
    keep(links::restore_node(handle, &own).await);
    keep(match fs::remove_file(config.allocation_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(NetworkError::io(format!("remove {}", config.allocation_file().display()))(error))
        }
        _ => Ok(()),
    });
    first
}

fn remove_pins(config: &NetworkConfig) -> Result<(), NetworkError> {
    let pins = config.pins();
    let failed = |error| NetworkError::io::<io::Error>(format!("list {}", pins.display()))(error);
    let entries = match fs::read_dir(&pins) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    for entry in entries {
        netns::unpin(&entry.map_err(failed)?.path())?;
    }
    fs::remove_dir(&pins).map_err(NetworkError::io(format!("remove {}", pins.display())))
}
