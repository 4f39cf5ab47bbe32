//! A connection to an upstream that can be asked, while it is kept, whether something came.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One TCP connection, shared by who reads and writes and by who only looks.
///
/// All of them are on one thread: nobody ever waits for the lock, which is held for one call. The
/// stream itself is asked to read, and not a reference to it, because only so does tokio know
/// that a short read has taken everything, and save the read that would say so.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Mutex<TcpStream>>);

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// Whether nothing waits to be read: neither bytes, nor an end, nor an error.
    ///
    /// Bytes that come before a request is sent cannot be the answer to it. Whoever reads the
    /// connection may not have run since they came, so the system is asked.
    pub(super) fn is_quiet(&self) -> bool {
        let peeked = SockRef::from(&*self.stream()).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    // Nothing panics while it holds the lock.
    fn stream(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn until_it_comes(wire: &Wire) {
        poll_fn(|context| {
            wire.stream()
                .poll_peek(context, &mut ReadBuf::new(&mut [0]))
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_quiet_until_something_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut wire = Wire::new(TcpStream::connect(address).await.unwrap());
        let (mut other, _) = listener.accept().await.unwrap();
        assert!(wire.is_quiet());

        other.write_all(b"ab").await.unwrap();
        until_it_comes(&wire).await;
        assert!(!wire.is_quiet(), "bytes");
        assert_eq!(wire.read_u16().await.unwrap(), u16::from_be_bytes(*b"ab"));
        assert!(wire.is_quiet(), "all of them read");

        wire.write_all(b"cd").await.unwrap();
        assert_eq!(other.read_u16().await.unwrap(), u16::from_be_bytes(*b"cd"));
        wire.shutdown().await.unwrap();
        assert_eq!(
            other.read(&mut [0]).await.unwrap(),
            0,
            "our end reaches them"
        );
        drop(other);
        until_it_comes(&wire).await;
        assert!(!wire.is_quiet(), "their end");
    }
}
