use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 1024;

/// Sockets to accept connections from, for each thread its own.
#[derive(Debug)]
pub struct Listeners {
    address: SocketAddr,
    /// One list for each thread; never empty, nor is any list.
    pub(super) of_workers: Vec<Vec<TcpListener>>,
}

impl Listeners {
    /// Listens on `address` with a socket for each worker; port 0 takes a free port.
    ///
    /// # Errors
    /// When the address is taken or may not be used.
    pub fn bind(address: SocketAddr, workers: NonZeroUsize) -> io::Result<Self> {
        refuse_taken(address)?;
        let first = listen(address)?;
        let address = first.local_addr()?;
        let mut of_workers = vec![vec![first]];
        for _ in 1..workers.get() {
            of_workers.push(vec![listen(address)?]);
        }
        Ok(Self {
            address,
            of_workers,
        })
    }

    /// Takes sockets that listen already, as systemd hands them over; all workers share them.
    ///
    /// # Errors
    /// When there is none, or one of them is no listening socket.
    pub fn ready(listeners: Vec<TcpListener>, workers: NonZeroUsize) -> io::Result<Self> {
        let Some(first) = listeners.first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let address = first.local_addr()?;
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        let mut of_workers = Vec::new();
        for _ in 1..workers.get() {
            let shared: io::Result<_> = listeners.iter().map(TcpListener::try_clone).collect();
            of_workers.push(shared?);
        }
        of_workers.push(listeners);
        Ok(Self {
            address,
            of_workers,
        })
    }

    /// The address that they listen on; of several, the first.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Fails when somebody listens on `address`: sharing a port is for our own threads, and the
/// system would let another gateway of the same user share it too.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A port whose last connections are still closing is free.
    socket.set_reuse_address(true)?;
    Ok(socket)
}
