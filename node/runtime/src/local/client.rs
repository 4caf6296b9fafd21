//! Talking to shims.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use crate::layout::PodDir;
use crate::protocol::{OLDEST, Reply, Request, VERSION};
use crate::{sys, wire};

/// Longest time that a shim may take for what it does at once: it stands still only while it launches another container.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Why a shim did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// Nobody listens: the shim is dead.
    #[error("the pod's shim is gone")]
    Gone(#[source] io::Error),
    /// It hung up, or a frame is broken.
    #[error("talk to the pod's shim")]
    Broken(#[from] io::Error),
    /// It does not answer.
    #[error("the pod's shim did not answer within {} s", ANSWER_LIMIT.as_secs())]
    Silent,
}

impl From<wire::FrameError> for ClientError {
    fn from(error: wire::FrameError) -> ClientError {
        ClientError::Broken(error.into())
    }
}

/// A connection to a shim, with its one request sent.
#[derive(Debug)]
pub(super) struct Connection(UnixStream);

impl Connection {
    /// Connects and sends a request with its descriptors.
    pub(super) async fn open(pod: &PodDir, request: &Request, descriptors: &[OwnedFd]) -> Result<Connection, ClientError> {
        // By way of the directory's descriptor: the address of a Unix socket holds only 108 bytes.
        let held = std::fs::File::open(pod.path()).map_err(ClientError::Gone)?;
        let short = format!("/proc/self/fd/{}/{}", held.as_raw_fd(), PodDir::SOCKET);
        let mut stream = UnixStream::connect(short).await.map_err(ClientError::Gone)?;
        let frame = wire::encode(request)?;
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let sent = stream.async_io(Interest::WRITABLE, || sys::send(stream.as_fd(), &frame, &borrowed)).await?;
        stream.write_all(&frame[sent..]).await?;
        Ok(Connection(stream))
    }

    /// The next reply, however long it takes; `None` when the shim hung up.
    pub(super) async fn next(&mut self) -> Result<Option<Reply>, ClientError> {
        let mut header = [0; wire::HEADER];
        match self.0.read_exact(&mut header).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            result => result?,
        };
        let mut body = vec![0; wire::body_length(header, OLDEST..=VERSION)?];
        self.0.read_exact(&mut body).await?;
        Ok(Some(serde_json::from_slice(&body).map_err(wire::FrameError::Body)?))
    }

    /// The next reply, which must come.
    pub(super) async fn expect(&mut self) -> Result<Reply, ClientError> {
        let hung_up = || io::Error::new(io::ErrorKind::UnexpectedEof, "the shim hung up");
        self.next().await?.ok_or_else(|| ClientError::Gone(hung_up()))
    }
}

/// Sends a request and waits for its answer, however long it takes.
pub(super) async fn call(pod: &PodDir, request: &Request, descriptors: &[OwnedFd]) -> Result<Reply, ClientError> {
    Connection::open(pod, request, descriptors).await?.expect().await
}

/// Sends a request that is answered at once.
pub(super) async fn ask(pod: &PodDir, request: &Request) -> Result<Reply, ClientError> {
    let answer = tokio::time::timeout(ANSWER_LIMIT, call(pod, request, &[])).await;
    answer.unwrap_or(Err(ClientError::Silent))
}
