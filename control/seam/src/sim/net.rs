//! A network in memory: names, and pipes between them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Bytes under way in one direction of a connection, as in a socket's buffer.
const BUFFER: usize = 64 * 1024;

/// Connections that nobody has accepted yet, at most; further ones wait.
const BACKLOG: usize = 128;

/// A simulated network. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimNet {
    listeners: Arc<Mutex<BTreeMap<String, mpsc::Sender<DuplexStream>>>>,
}

/// Takes connections to one name of a simulated network.
#[derive(Debug)]
pub(crate) struct SimListener {
    waiting: mpsc::Receiver<DuplexStream>,
}

impl SimNet {
    pub(crate) fn listen(&self, name: &str) -> io::Result<SimListener> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if listeners.get(name).is_some_and(|listener| !listener.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, waiting) = mpsc::channel(BACKLOG);
        listeners.insert(name.to_owned(), sender);
        Ok(SimListener { waiting })
    }

    pub(crate) async fn connect(&self, name: &str) -> io::Result<DuplexStream> {
        let listener = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = duplex(BUFFER);
        listener.send(theirs).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl SimListener {
    pub(crate) async fn accept(&mut self) -> io::Result<DuplexStream> {
        self.waiting.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
