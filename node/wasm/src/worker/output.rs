//! Standard output and error of the guest.
//!
//! The descriptors are pipes whose reader can be slow. A write must block neither the runtime (signals and deadlines live
//! there) nor lose its bytes when the guest ends, so writes go through one bounded queue to one thread.

use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes waiting for the reader before guests are made to wait: the size of a pipe's buffer.
const MAX_QUEUED: usize = 64 * 1024;

/// Which descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Descriptor {
    Stdout,
    Stderr,
}

/// What guests wrote and the thread has not yet written.
#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<(Descriptor, Bytes)>,
    bytes: usize,
    /// The reader is gone: nothing is accepted any more.
    broken: bool,
    /// Nothing more will come.
    finished: bool,
    waiting: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to both streams.
#[derive(Clone, Debug)]
pub(super) struct Output {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Output {
    /// Starts the writing thread.
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let behind = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("output".to_owned()).spawn(move || drain(&behind, &mut stdout, &mut stderr))?;
        Ok(Self { shared, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    pub(super) fn stdout(&self) -> Stream {
        Stream { shared: Arc::clone(&self.shared), descriptor: Descriptor::Stdout }
    }

    pub(super) fn stderr(&self) -> Stream {
        Stream { shared: Arc::clone(&self.shared), descriptor: Descriptor::Stderr }
    }

    /// Says something of the worker's own on the container's standard error. Dropped when the reader lags: a guest must
    /// not be able to make the worker hoard its own messages.
    pub(super) fn say(&self, line: &str) {
        let stream = self.stderr();
        if stream.room() > 0 {
            stream.push(Bytes::from(format!("bireme: {line}\n")));
        }
    }

    /// Waits until everything is written. A reader that never reads holds it up, as it would a native process.
    pub(super) fn finish(self) {
        self.shared.lock().finished = true;
        self.shared.work.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the output thread panicked");
        }
    }
}

/// The thread: takes what is queued, writes it in order.
fn drain(shared: &Shared, stdout: &mut File, stderr: &mut File) {
    loop {
        let mut queue = shared.lock();
        while queue.chunks.is_empty() && !queue.finished {
            queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let Some((descriptor, chunk)) = queue.chunks.pop_front() else { return };
        drop(queue);
        let target: &mut File = match descriptor {
            Descriptor::Stdout => stdout,
            Descriptor::Stderr => stderr,
        };
        let written = target.write_all(&chunk);
        let mut queue = shared.lock();
        queue.bytes -= chunk.len();
        if written.is_err() {
            queue.broken = true;
            queue.chunks.clear();
            queue.bytes = 0;
        }
        queue.waiting.drain(..).for_each(Waker::wake);
    }
}

/// One stream as a guest holds it. Whole writes stay whole, also between requests that write at the same time.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    shared: Arc<Shared>,
    descriptor: Descriptor,
}

impl Stream {
    fn room(&self) -> usize {
        let queue = self.shared.lock();
        if queue.broken { 0 } else { MAX_QUEUED.saturating_sub(queue.bytes) }
    }

    /// Queues bytes. Permits given by `check_write` are honoured even when several guests hold one, so the queue can
    /// exceed its limit by one write per instance.
    fn push(&self, bytes: Bytes) {
        let mut queue = self.shared.lock();
        if !queue.broken {
            queue.bytes += bytes.len();
            queue.chunks.push_back((self.descriptor, bytes));
            self.shared.work.notify_one();
        }
    }

    /// Ready with the room there is (more than none), or with an error when the reader is gone.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut queue = self.shared.lock();
        if queue.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match MAX_QUEUED.saturating_sub(queue.bytes) {
            0 => {
                queue.waiting.push(cx.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(Ok(room)),
        }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {
        // A broken stream is ready too: the next call reports it.
        match poll_fn(|cx| self.poll_room(cx)).await {
            Ok(_) | Err(_) => {}
        }
    }
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.shared.lock().broken {
            return Err(StreamError::Closed);
        }
        self.push(bytes);
        Ok(())
    }

    /// What is queued is written without being asked, and waited for before the worker ends.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.shared.lock().broken { Err(StreamError::Closed) } else { Ok(self.room()) }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_room(cx).map_ok(|room| {
            let taken = bytes.get(..room).unwrap_or(bytes);
            self.push(Bytes::copy_from_slice(taken));
            taken.len()
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
