//! WebSocket (RFC 6455): authorised like any request, then bytes both ways.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::{Instant, sleep_until, timeout};

use super::sending::Held;

/// How long one side may go on when the other has ended.
const LINGER: Duration = Duration::from_secs(5);
/// How long the caller may take to receive our consent.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes on their way, for each direction.
const BUFFER: usize = 8 * 1024;

/// Whether the request asks to switch to WebSocket, and to nothing else (RFC 6455 section 4.1).
///
/// Only then is the wish passed on. A body would be read as frames by one side and as a body by
/// the other.
pub(crate) fn is_asked_for(head: &Parts) -> bool {
    let has_body = head.headers.contains_key(TRANSFER_ENCODING)
        || head
            .headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0");
    head.method == Method::GET
        && head.version == Version::HTTP_11
        && !has_body
        && switches(&head.headers)
}

/// Whether `Connection` and `Upgrade` say together: to WebSocket (RFC 9110 section 7.8).
pub(super) fn switches(headers: &HeaderMap) -> bool {
    let mut wishes = headers.get_all(UPGRADE).iter();
    let is_websocket = |wish: &HeaderValue| {
        wish.as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"websocket")
    };
    let listed = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("upgrade"));
    listed && wishes.next().is_some_and(is_websocket) && wishes.next().is_none()
}

/// Says it on the next connection.
pub(crate) fn say(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// When a `WebSocket` ends that its sides do not end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// After so long a silence of both.
    pub(super) idle: Duration,
    /// At this time, whatever is being said: there may be half a frame on the way, in which a
    /// closing one cannot be put.
    pub(super) until: Option<Instant>,
}

/// Passes bytes both ways until a side ends, or it [`Ends`].
///
/// What is held is dropped after that.
pub(super) async fn relay(caller: OnUpgrade, upstream: OnUpgrade, ends: Ends, held: Held) {
    let both = async { tokio::try_join!(caller, upstream) };
    match timeout(SWITCH_TIMEOUT, both).await {
        Ok(Ok((caller, upstream))) => {
            let ended = pass(TokioIo::new(caller), TokioIo::new(upstream), ends).await;
            tracing::debug!(reason = ended, "a WebSocket ended");
        }
        Ok(Err(error)) => tracing::debug!(%error, "a WebSocket did not begin"),
        Err(_) => tracing::debug!("a WebSocket did not begin in time"),
    }
    drop(held);
}

/// Why bytes are passed no longer.
async fn pass<A, B>(caller: A, upstream: B, ends: Ends) -> &'static str
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Rc::new(Deadline {
        idle: ends.idle,
        at: Cell::new(Instant::now() + ends.idle),
        ends: Cell::new(false),
    });
    let mut caller = Watched::new(caller, &deadline);
    let mut upstream = Watched::new(upstream, &deadline);
    let passing = copy_bidirectional_with_sizes(&mut caller, &mut upstream, BUFFER, BUFFER);
    tokio::select! {
        passed = passing => if passed.is_ok() { "both ended" } else { "broken" },
        () = reached(ends.until) => "expired",
        () = deadline.reached() => if deadline.ends.get() { "one ended" } else { "idle" },
    }
}

/// Never, without a time.
async fn reached(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// When to give up, which moves as long as bytes do.
struct Deadline {
    idle: Duration,
    at: Cell<Instant>,
    /// One side has ended: nothing moves the time any more.
    ends: Cell<bool>,
}

impl Deadline {
    fn moved(&self) {
        if !self.ends.get() {
            self.at.set(Instant::now() + self.idle);
        }
    }

    fn ended(&self) {
        if !self.ends.replace(true) {
            self.at.set(Instant::now() + LINGER);
        }
    }

    async fn reached(&self) {
        // An end brings the time forward, so it is looked at more often than it is reached.
        loop {
            let now = Instant::now();
            if now >= self.at.get() {
                return;
            }
            sleep_until(self.at.get().min(now + LINGER)).await;
        }
    }
}

/// A stream whose bytes move a deadline.
struct Watched<S> {
    stream: S,
    deadline: Rc<Deadline>,
}

impl<S> Watched<S> {
    fn new(stream: S, deadline: &Rc<Deadline>) -> Self {
        Self {
            stream,
            deadline: Rc::clone(deadline),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.deadline.moved();
        } else {
            self.deadline.ended();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const IDLE: Ends = Ends {
        idle: Duration::from_mins(5),
        until: None,
    };

    #[tokio::test(start_paused = true)]
    async fn a_websocket_ends_with_its_token_however_much_is_said() {
        let ((ours, mut caller), (theirs, _upstream)) = (duplex(64), duplex(1 << 20));
        let began = Instant::now();
        let ends = Ends {
            until: Some(began + Duration::from_mins(10)),
            ..IDLE
        };
        let speaking = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                caller.write_all(b"a").await.unwrap();
            }
        };
        let ended =
            tokio::select! { ended = pass(ours, theirs, ends) => ended, () = speaking => "" };
        assert_eq!((ended, began.elapsed().as_secs()), ("expired", 600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_websocket_that_is_silent_for_too_long_ends() {
        let ((ours, mut caller), (theirs, _upstream)) = (duplex(64), duplex(64));
        let began = Instant::now();
        let speaking = async {
            tokio::time::sleep(Duration::from_mins(4)).await;
            caller.write_all(b"a").await.unwrap();
            // It stays open, and says nothing more.
            std::future::pending::<()>().await;
        };
        let ended =
            tokio::select! { ended = pass(ours, theirs, IDLE) => ended, () = speaking => "" };
        assert_eq!((ended, began.elapsed().as_secs()), ("idle", 540));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_stays_is_cut_off_five_seconds_after_the_other_has_ended() {
        let ((ours, mut caller), (theirs, mut upstream)) = (duplex(64), duplex(64));
        upstream.write_all(b"bye").await.unwrap();
        upstream.shutdown().await.unwrap();
        let began = Instant::now();
        let ended = pass(ours, theirs, IDLE).await;
        assert_eq!(ended, "one ended");
        assert!(began.elapsed() <= LINGER * 2, "{:?}", began.elapsed());
        let mut received = Vec::new();
        caller.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"bye");
    }
}
