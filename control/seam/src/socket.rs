//! Stream sockets by name: TCP in the real world, pairs of pipes in memory in the simulated one.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::sim::net::{SimListener, SimNet};

/// A connection.
pub type Stream = Box<dyn Connection>;

/// What a connection can do.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A network. Clones are the same network.
#[derive(Clone, Debug)]
pub struct Sockets(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Simulated(SimNet),
}

/// Takes connections to one name.
#[derive(Debug)]
pub struct Listener(Listening);

#[derive(Debug)]
enum Listening {
    Real(TcpListener),
    Simulated(SimListener),
}

impl Sockets {
    /// The system's TCP.
    #[must_use]
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    pub(crate) fn simulated(net: SimNet) -> Self {
        Self(Kind::Simulated(net))
    }

    /// Listens at a name: `address:port`, or any text in the simulated world.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there; else what the system says.
    pub async fn listen(&self, name: &str) -> io::Result<Listener> {
        Ok(Listener(match &self.0 {
            Kind::Real => Listening::Real(TcpListener::bind(name).await?),
            Kind::Simulated(net) => Listening::Simulated(net.listen(name)?),
        }))
    }

    /// Connects to a name.
    ///
    /// # Errors
    /// `ConnectionRefused` when nobody listens there; else what the system says.
    pub async fn connect(&self, name: &str) -> io::Result<Stream> {
        Ok(match &self.0 {
            Kind::Real => {
                let stream = TcpStream::connect(name).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Kind::Simulated(net) => Box::new(net.connect(name).await?),
        })
    }
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// What the system says.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        Ok(match &mut self.0 {
            Listening::Real(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Listening::Simulated(listener) => Box::new(listener.accept().await?),
        })
    }
}
