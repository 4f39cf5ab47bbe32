//! A connection to an upstream that can be asked, while it is kept, whether something came.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One TCP connection, shared by who reads and writes and by who only looks.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<TcpStream>);

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    /// Whether nothing waits to be read: neither bytes, nor an end, nor an error.
    ///
    /// Bytes that come before a request is sent cannot be the answer to it. Whoever reads the
    /// connection may not have run since they came, so the system is asked.
    pub(super) fn is_quiet(&self) -> bool {
        let peeked = SockRef::from(&*self.0).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn poll_writing(
        &self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match write(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(context, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(context, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_quiet_until_something_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut wire = Wire::new(TcpStream::connect(address).await.unwrap());
        let (mut other, _) = listener.accept().await.unwrap();
        assert!(wire.is_quiet());

        other.write_all(b"ab").await.unwrap();
        wire.0.readable().await.unwrap();
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
        wire.0.readable().await.unwrap();
        assert!(!wire.is_quiet(), "their end");
    }
}
