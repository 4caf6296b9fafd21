//! The loop of a shim: waits for agents, containers, signals and the clock, and answers.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::connection::{Connection, Incoming};
use super::container::{Container, code_of};
use super::exec::{self, Inherited};
use super::note::note;
use super::{SandboxRecord, ShimError, attempt, start};
use crate::cgroup::Hierarchy;
use crate::contract::{ContainerId, Exit};
use crate::layout::PodDir;
use crate::logs::Stream;
use crate::privileges::Privileges;
use crate::protocol::{ExecPlan, FailureReason, Reply, Request, StartPlan};

/// How long killed containers may take to be gone before the shim ends without them: a process in uninterruptible sleep
/// must not keep a deleted pod's shim.
const CLOSING_LIMIT: Duration = Duration::from_secs(10);

/// What woke the loop.
#[derive(Clone, Debug)]
enum Source {
    Listener,
    Parent,
    Signals,
    Connection(u64),
    Output(ContainerId, Stream),
    Report(ContainerId),
}

/// What a connection waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Started(ContainerId),
    Ended(ContainerId),
    Exec(Pid),
    Watch,
    Closed,
}

/// A shim.
pub(super) struct Shim<'a> {
    pub(super) pod: PodDir,
    pub(super) privileges: Privileges,
    pub(super) record: SandboxRecord,
    standing: Result<(), String>,
    pub(super) hierarchy: Hierarchy,
    pub(super) engine: &'a wasm::engine::Preloaded,
    listener: UnixListener,
    parent: Option<&'a OwnedFd>,
    signals: SignalFd,
    connections: BTreeMap<u64, (Connection, Waiting)>,
    next_connection: u64,
    containers: BTreeMap<ContainerId, Container>,
    inherited: BTreeMap<ContainerId, Inherited>,
    ended: BTreeMap<ContainerId, Exit>,
    /// Exec sessions, and the connection that waits for each.
    sessions: BTreeMap<Pid, u64>,
    /// The pod's ids, when it has its own.
    pub(super) users: Option<Arc<crate::linux::UserNamespace>>,
    /// First process of a shared process namespace.
    pub(super) pause: Option<Pid>,
    /// Set when the shim is about to end: the time after which it does not wait for its containers.
    closing: Option<Instant>,
}

impl<'a> Shim<'a> {
    #[allow(clippy::too_many_arguments, reason = "each is one thing that the process holds for life")]
    pub(super) fn new(
        pod: PodDir,
        privileges: Privileges,
        record: SandboxRecord,
        standing: Result<(), String>,
        hierarchy: Hierarchy,
        engine: &'a wasm::engine::Preloaded,
        listener: UnixListener,
        parent: Option<&'a OwnedFd>,
        signals: SignalFd,
    ) -> Shim<'a> {
        Shim {
            pod,
            privileges,
            record,
            standing,
            hierarchy,
            engine,
            listener,
            parent,
            signals,
            connections: BTreeMap::new(),
            next_connection: 0,
            containers: BTreeMap::new(),
            inherited: BTreeMap::new(),
            ended: BTreeMap::new(),
            sessions: BTreeMap::new(),
            users: None,
            pause: None,
            closing: None,
        }
    }

    pub(super) fn run(mut self) -> Result<(), ShimError> {
        loop {
            let now = Instant::now();
            if let Some(limit) = self.closing
                && (self.containers.is_empty() || now >= limit)
            {
                self.tell_all(&Waiting::Closed, &Reply::Done);
                return Ok(());
            }
            for source in attempt("wait for something to do", self.wait(now))? {
                self.handle(source)?;
            }
            self.kill_overdue();
        }
    }

    fn wait(&self, now: Instant) -> io::Result<Vec<Source>> {
        let sources = self.sources();
        let mut polled: Vec<PollFd<'_>> = sources.iter().map(|(fd, flags, _)| PollFd::new(*fd, *flags)).collect();
        let due = self.containers.values().filter_map(|container| container.kill_at).chain(self.closing).min();
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            // Rounded up, or the last millisecond would be spent spinning.
            let left = due.saturating_duration_since(now) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut polled, timeout) {
            Err(Errno::EINTR) => return Ok(Vec::new()),
            result => result?,
        };
        let ready = polled.iter().map(|fd| fd.any().unwrap_or(true));
        Ok(sources.iter().zip(ready).filter(|(_, ready)| *ready).map(|((.., source), _)| source.clone()).collect())
    }

    fn sources(&self) -> Vec<(BorrowedFd<'_>, PollFlags, Source)> {
        let mut sources = vec![
            (self.listener.as_fd(), PollFlags::POLLIN, Source::Listener),
            (self.signals.as_fd(), PollFlags::POLLIN, Source::Signals),
        ];
        if let Some(parent) = self.parent.filter(|_| self.closing.is_none()) {
            sources.push((parent.as_fd(), PollFlags::POLLIN, Source::Parent));
        }
        for (id, container) in &self.containers {
            for stream in Stream::ALL {
                sources.extend(
                    container.output(stream).map(|fd| (fd, PollFlags::POLLIN, Source::Output(id.clone(), stream))),
                );
            }
            let report = container.report.as_ref().and_then(crate::wasm_worker::Report::fd);
            sources.extend(report.map(|fd| (fd, PollFlags::POLLIN, Source::Report(id.clone()))));
        }
        for (id, (connection, _)) in &self.connections {
            let mut flags = PollFlags::POLLIN;
            flags.set(PollFlags::POLLOUT, connection.wants_to_write());
            sources.push((connection.fd(), flags, Source::Connection(*id)));
        }
        sources
    }

    fn handle(&mut self, source: Source) -> Result<(), ShimError> {
        match source {
            Source::Listener => self.accept(),
            Source::Parent => self.close(),
            Source::Signals => {
                let signal = attempt("read a signal", self.signals.read_signal())?;
                if signal.is_some_and(|signal| signal.ssi_signo == Signal::SIGTERM as u32) {
                    self.close();
                }
                self.reap();
            }
            Source::Connection(id) => self.serve(id),
            Source::Output(id, stream) => {
                if let Some(container) = self.containers.get_mut(&id) {
                    container.copy(stream);
                }
            }
            Source::Report(id) => self.read_report(&id),
        }
        Ok(())
    }

    fn accept(&mut self) {
        let accepted = match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            accepted => accepted.and_then(|(socket, _)| Connection::accept(socket)),
        };
        match accepted {
            Ok(connection) => {
                self.next_connection += 1;
                self.connections.insert(self.next_connection, (connection, Waiting::Nothing));
            }
            Err(error) => note(&format!("a connection is refused: {error}")),
        }
    }

    fn serve(&mut self, id: u64) {
        let Some((connection, _)) = self.connections.get_mut(&id) else { return };
        let incoming = match connection.flush() {
            Ok(()) => connection.read(),
            Err(error) => Incoming::Closed(Some(error.to_string())),
        };
        match incoming {
            Incoming::Nothing => {}
            Incoming::Request(request, descriptors) => self.answer(id, request, descriptors),
            Incoming::Closed(why) => {
                if let Some(why) = why {
                    note(&format!("a connection is given up: {why}"));
                }
                self.drop_connection(id);
            }
        }
    }

    /// An exec session lives as long as somebody waits for it.
    fn drop_connection(&mut self, id: u64) {
        let Some((_, waiting)) = self.connections.remove(&id) else { return };
        if let Waiting::Exec(pid) = waiting
            && let Err(error) = kill(pid, Signal::SIGKILL)
        {
            note(&format!("cannot kill exec session {pid}: {error}"));
        }
    }

    fn answer(&mut self, id: u64, request: Request, descriptors: Vec<OwnedFd>) {
        let reply = match request {
            Request::Hello => Some(self.hello()),
            Request::Start(plan) => self.start(id, *plan, descriptors),
            Request::Stop { container, grace_ms } => self.stop(id, &container, Duration::from_millis(grace_ms)),
            Request::Exec(plan) => match self.exec(id, plan, descriptors) {
                Ok(pid) => {
                    self.expect(id, Waiting::Exec(pid));
                    None
                }
                Err(reply) => Some(reply),
            },
            Request::Watch => {
                self.expect(id, Waiting::Watch);
                self.all_containers().iter().for_each(|reply| self.reply(id, reply));
                Some(Reply::Done)
            }
            Request::Forget { container } => {
                self.ended.remove(&container);
                Some(Reply::Done)
            }
            Request::Shutdown => {
                self.expect(id, Waiting::Closed);
                self.close();
                None
            }
        };
        if let Some(reply) = reply {
            self.reply(id, &reply);
        }
    }

    fn all_containers(&self) -> Vec<Reply> {
        let running = self.containers.iter().filter(|(_, container)| container.started_at != 0);
        let running = running.map(|(id, container)| Reply::Running {
            container: id.clone(),
            pid: container.pid.as_raw().cast_unsigned(),
            started_at: container.started_at,
            user: container.user.clone(),
        });
        let ended = self.ended.iter().map(|(id, exit)| Reply::Ended { container: id.clone(), exit: exit.clone() });
        running.chain(ended).collect()
    }

    fn hello(&self) -> Reply {
        match &self.standing {
            Ok(()) => Reply::Ready { pid: std::process::id() },
            Err(message) => Reply::Failed { reason: FailureReason::SandboxError, message: message.clone() },
        }
    }

    fn start(&mut self, id: u64, plan: StartPlan, descriptors: Vec<OwnedFd>) -> Option<Reply> {
        let container = plan.container.clone();
        let invalid = |message| Some(Reply::Failed { reason: FailureReason::Invalid, message });
        if self.closing.is_some() {
            return invalid("the sandbox is being stopped".to_owned());
        }
        if self.containers.contains_key(&container) || self.ended.contains_key(&container) {
            return invalid(format!("container {} was started before", container.0));
        }
        match start::start(self, plan, descriptors) {
            Ok((running, inherited)) => {
                let runs = (running.started_at != 0).then(|| running.started());
                self.inherited.extend(inherited.map(|inherited| (container.clone(), inherited)));
                self.containers.insert(container.clone(), running);
                if runs.is_none() {
                    self.expect(id, Waiting::Started(container));
                }
                runs
            }
            Err(failed) => {
                self.end(container, failed.exit);
                Some(Reply::Failed { reason: FailureReason::StartError, message: failed.message })
            }
        }
    }

    fn stop(&mut self, id: u64, container: &ContainerId, grace: Duration) -> Option<Reply> {
        if let Some(exit) = self.ended.get(container) {
            return Some(Reply::Ended { container: container.clone(), exit: exit.clone() });
        }
        let Some(running) = self.containers.get_mut(container) else {
            let message = format!("container {} does not run in this sandbox", container.0);
            return Some(Reply::Failed { reason: FailureReason::NotFound, message });
        };
        if grace.is_zero() {
            running.kill();
        } else {
            running.stop(Instant::now() + grace);
        }
        self.expect(id, Waiting::Ended(container.clone()));
        None
    }

    fn exec(&mut self, id: u64, plan: ExecPlan, descriptors: Vec<OwnedFd>) -> Result<Pid, Reply> {
        let container = plan.container.clone();
        let found = self.containers.get(&container).zip(self.inherited.get(&container));
        let Some((running, inherited)) = found else {
            let message =
                format!("container {} does not run, or has no Linux namespaces to run a command in", container.0);
            return Err(Reply::Failed { reason: FailureReason::NotFound, message });
        };
        let pid = exec::start(running, inherited, self.users.clone(), plan, descriptors)?;
        self.sessions.insert(pid, id);
        Ok(pid)
    }

    /// The first process of a running Linux container.
    pub(super) fn linux_process(&self, container: &ContainerId) -> Option<Pid> {
        let running = self.inherited.get(container).and(self.containers.get(container))?;
        Some(running.pid)
    }

    fn read_report(&mut self, id: &ContainerId) {
        let started = self.containers.get_mut(id).and_then(Container::read_report);
        if let Some(reply) = started {
            self.tell_all(&Waiting::Started(id.clone()), &reply);
        }
    }

    fn reap(&mut self) {
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(status) => status,
                Err(error) => {
                    note(&format!("cannot wait for children: {error}"));
                    return;
                }
            };
            let Some(pid) = status.pid() else { continue };
            if let Some(connection) = self.sessions.remove(&pid) {
                let waiting = Waiting::Exec(pid);
                if self.connections.get(&connection).is_some_and(|(_, found)| *found == waiting) {
                    self.expect(connection, Waiting::Nothing);
                    self.reply(connection, &Reply::ExecEnded { code: code_of(status).0 });
                }
                continue;
            }
            let ended = self.containers.iter().find(|(_, container)| container.pid == pid).map(|(id, _)| id.clone());
            if let Some(container) = ended.and_then(|id| self.containers.remove(&id)) {
                self.finish(container, status);
            }
        }
    }

    fn finish(&mut self, mut container: Container, status: WaitStatus) {
        // A short command can be over before its worker's word that it runs was read.
        let started = container.read_report();
        let (id, exit) = container.finish(status);
        if let Some(reply) = started {
            self.tell_all(&Waiting::Started(id.clone()), &reply);
        }
        self.inherited.remove(&id);
        if exit.started_at == 0 {
            let reply = Reply::Failed { reason: FailureReason::StartError, message: exit.message.clone() };
            self.tell_all(&Waiting::Started(id.clone()), &reply);
        }
        self.end(id, exit);
    }

    fn end(&mut self, id: ContainerId, exit: Exit) {
        let reply = Reply::Ended { container: id.clone(), exit: exit.clone() };
        self.ended.insert(id.clone(), exit);
        self.tell_all(&Waiting::Ended(id), &reply);
        self.tell_all(&Waiting::Watch, &reply);
    }

    fn kill_overdue(&mut self) {
        let now = Instant::now();
        for container in self.containers.values_mut() {
            if container.kill_at.is_some_and(|due| due <= now) {
                container.kill();
            }
        }
    }

    fn close(&mut self) {
        if self.closing.is_none() {
            self.closing = Some(Instant::now() + CLOSING_LIMIT);
            self.containers.values_mut().for_each(Container::kill);
            if let Some(Err(error)) = self.pause.take().map(|pid| kill(pid, Signal::SIGKILL)) {
                note(&format!("cannot kill the first process of the pod's namespace: {error}"));
            }
        }
    }

    fn expect(&mut self, id: u64, waiting: Waiting) {
        if let Some((_, slot)) = self.connections.get_mut(&id) {
            *slot = waiting;
        }
    }

    /// Replies to every connection that waits for this. Watchers go on waiting.
    fn tell_all(&mut self, waiting: &Waiting, reply: &Reply) {
        let found: Vec<u64> =
            self.connections.iter().filter(|(_, (_, slot))| slot == waiting).map(|(id, _)| *id).collect();
        for id in found {
            if *waiting != Waiting::Watch {
                self.expect(id, Waiting::Nothing);
            }
            self.reply(id, reply);
        }
    }

    fn reply(&mut self, id: u64, reply: &Reply) {
        let Some((connection, _)) = self.connections.get_mut(&id) else { return };
        if let Err(error) = connection.reply(reply) {
            note(&format!("a reply is lost: {error}"));
            self.drop_connection(id);
        }
    }
}

/// Whether a read would return at once.
pub(super) fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::POLLIN)];
    matches!(poll(&mut polled, PollTimeout::ZERO), Ok(1..))
}
