//! Which version of HTTP a connection speaks, by its first bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::activity::Activity;

/// What an HTTP/2 client sends first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As much as is read at once: most heads are shorter.
const FIRST_READ: usize = 8 * 1024;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until it is clear what the connection speaks.
///
/// An end of the connection is HTTP/1, which is told of it again.
///
/// # Cancel safety
/// The bytes that were read are lost, and the connection with them.
pub(super) async fn detect<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> io::Result<(Protocol, Vec<u8>)> {
    let mut read = Vec::with_capacity(FIRST_READ);
    loop {
        let more = stream.read_buf(&mut read).await?;
        if read.starts_with(PREFACE) {
            return Ok((Protocol::Http2, read));
        }
        if more == 0 || !PREFACE.starts_with(&read) {
            return Ok((Protocol::Http1, read));
        }
    }
}

/// A stream of which some bytes were read already, that tells how it gets on.
#[derive(Debug)]
pub(super) struct Begun<S> {
    first: Vec<u8>,
    /// How many of the first bytes have been read again.
    taken: usize,
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Begun<S> {
    pub(super) const fn new(first: Vec<u8>, stream: S, activity: Arc<Activity>) -> Self {
        Self {
            first,
            taken: 0,
            stream,
            activity,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let left = this.first.get(this.taken..).unwrap_or_default();
        let read = if left.is_empty() {
            Pin::new(&mut this.stream).poll_read(context, buffer)
        } else {
            let length = left.len().min(buffer.remaining());
            buffer.put_slice(left.get(..length).unwrap_or_default());
            this.taken += length;
            if this.taken == this.first.len() {
                this.first = Vec::new();
                this.taken = 0;
            }
            Poll::Ready(Ok(()))
        };
        if buffer.filled().len() > before {
            this.activity.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.activity.wrote(&write);
        write
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.activity.wrote(&write);
        write
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(context);
        self.activity.wrote(&flush);
        flush
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_tell_the_version_and_are_read_again() {
        for (name, pieces, expected) in [
            ("HTTP/1", &["GET / HTTP/1.1\r\n\r\n"][..], Protocol::Http1),
            (
                "a method like it",
                &["P", "RI", "NT / HTTP/1.1\r\n"],
                Protocol::Http1,
            ),
            ("the end", &["PRI * HTTP/2.0\r\n"], Protocol::Http1),
            ("nothing", &[], Protocol::Http1),
            (
                "HTTP/2",
                &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0"],
                Protocol::Http2,
            ),
            (
                "HTTP/2 in pieces",
                &["P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r", "\n\0\0"],
                Protocol::Http2,
            ),
        ] {
            let (mut theirs, mut ours) = duplex(1);
            let send = async {
                for piece in pieces {
                    theirs.write_all(piece.as_bytes()).await.unwrap();
                }
                drop(theirs);
            };
            let check = async {
                let (protocol, first) = detect(&mut ours).await.unwrap();
                assert_eq!(protocol, expected, "{name}");
                let mut again = Vec::new();
                let mut begun = Begun::new(first, ours, Activity::begin());
                begun.read_to_end(&mut again).await.unwrap();
                assert_eq!(again, pieces.concat().as_bytes(), "{name}");
            };
            tokio::join!(send, check);
        }
    }
}
