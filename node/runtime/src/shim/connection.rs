//! One connection of an agent: bytes in, one request, frames out.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::protocol::{BODY_LIMIT, Reply, Request, VERSION};
use crate::{sys, wire};

/// How much is read at a time: most requests fit. It is one page, because a shim keeps every page that it has ever touched.
const READ_SIZE: usize = 4 * 1024;
/// Most bytes that wait for an agent that does not read. It can reconnect and is told everything again.
const OUTGOING_LIMIT: usize = 4 << 20;

/// What a read brought.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Not a whole request yet.
    Nothing,
    /// A request and its descriptors.
    Request(Request, Vec<OwnedFd>),
    /// The agent hung up, or must be hung up on: why.
    Closed(Option<String>),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    incoming: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    outgoing: Vec<u8>,
}

impl Connection {
    /// Takes a new connection if its peer is our own user.
    pub(super) fn accept(socket: UnixStream) -> io::Result<Connection> {
        let peer = getsockopt(&socket, PeerCredentials)?;
        if peer.uid() != nix::unistd::geteuid().as_raw() {
            let refused = format!("process {} of uid {} may not connect", peer.pid(), peer.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused));
        }
        socket.set_nonblocking(true)?;
        Ok(Connection { socket, incoming: Vec::new(), descriptors: Vec::new(), outgoing: Vec::new() })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether bytes wait to be sent.
    pub(super) fn wants_to_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub(super) fn read(&mut self) -> Incoming {
        let mut buffer = [0; READ_SIZE];
        match sys::receive(self.socket.as_fd(), &mut buffer) {
            Ok((0, _)) => return Incoming::Closed(None),
            Ok((length, descriptors)) => {
                self.incoming.extend_from_slice(&buffer[..length]);
                self.descriptors.extend(descriptors);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Incoming::Nothing,
            Err(error) => return Incoming::Closed(Some(error.to_string())),
        }
        if self.incoming.len() > BODY_LIMIT + wire::HEADER {
            return Incoming::Closed(Some("more bytes than one request has".to_owned()));
        }
        match wire::decode(&self.incoming, VERSION..=VERSION) {
            Ok(None) => Incoming::Nothing,
            Ok(Some((request, used))) => {
                drop(self.incoming.drain(..used));
                Incoming::Request(request, std::mem::take(&mut self.descriptors))
            }
            Err(error) => Incoming::Closed(Some(super::note::chain(&error))),
        }
    }

    /// Queues a reply and sends what the socket takes.
    pub(super) fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        let frame = wire::encode(reply)?;
        if self.outgoing.len() + frame.len() > OUTGOING_LIMIT {
            return Err(io::Error::other("the agent does not read its answers"));
        }
        self.outgoing.extend_from_slice(&frame);
        self.flush()
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match sys::send(self.socket.as_fd(), &self.outgoing, &[]) {
                Ok(sent) => drop(self.outgoing.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
