//! Bodies on their way through: bounded in size, in either direction never silent for too long.

use std::cell::Cell;
use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::forward::function::FunctionBody;
use crate::forward::pool::Lease;

/// How long a caller may send nothing in the middle of a body.
const IDLE: Duration = Duration::from_mins(1);

/// The slowest that a caller's body may come, on average after its first minute.
const LEAST_BYTES_PER_SECOND: u64 = 1024;

/// Why a body ended before its end. The connection it came on is then closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The other side broke off, or framed it wrongly.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    /// More bytes than the limit.
    #[error("the body is larger than the limit")]
    TooLarge,
    /// Nothing came for too long, or next to nothing for longer.
    #[error("the body came too slowly")]
    Idle,
    /// The function that it comes from has failed.
    #[error("the function's answer broke off")]
    Function(#[source] Box<dyn Error + Send + Sync>),
}

impl BodyError {
    /// The failure of a body that `error` is, or was caused by.
    pub(crate) fn find_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        error
            .downcast_ref()
            .or_else(|| Self::find_in(error.source()?))
    }
}

/// What the gateway answers with.
#[derive(Debug)]
pub(crate) enum Body {
    /// A text of our own.
    Full(Full<Bytes>),
    /// What an upstream sends, as it comes, and the connection that it comes on.
    Upstream {
        /// The body.
        body: Timed,
        /// Gives the connection back when the body has ended well.
        lease: Lease,
    },
    /// What a function returns, as it comes.
    Function(FunctionBody),
}

impl Body {
    /// A body of these bytes.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(Full::new(bytes.into()))
    }

    /// Has an upstream's body end by this time, whole or not.
    pub(crate) fn until(mut self, deadline: Instant) -> Self {
        if let Self::Upstream { body, .. } = &mut self {
            body.ends = Some(Box::pin(tokio::time::sleep_until(deadline)));
        }
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Full(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Upstream { body, lease } => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(context));
                if frame.is_none() || body.is_end_stream() {
                    lease.end();
                }
                Poll::Ready(frame)
            }
            Self::Function(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Function)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Upstream { body, .. } => body.is_end_stream(),
            Self::Function(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Upstream { body, .. } => body.size_hint(),
            Self::Function(body) => body.size_hint(),
        }
    }
}

/// A body that fails when nothing comes for too long.
#[derive(Debug)]
pub(crate) struct Timed {
    body: Incoming,
    /// How long it may send nothing.
    patience: Duration,
    /// Runs while the body is waited for; absent until that happens first.
    idle: Option<Pin<Box<Sleep>>>,
    /// When it must have ended, however it moves; absent where there is no such time.
    ends: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    /// Times `body` from the first wait on.
    pub(crate) const fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            patience,
            idle: None,
            ends: None,
        }
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(ends) = &mut self.ends
            && ends.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(BodyError::Idle)));
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.idle = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        let patience = self.patience;
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(idle.as_mut().poll(context));
        Poll::Ready(Some(Err(BodyError::Idle)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A caller's body on its way to an upstream, of at most so many bytes.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// All of it, where it was read before.
    whole: Option<Bytes>,
    /// Absent for one that never had any bytes, or was read before.
    body: Option<Timed>,
    left: u64,
    received: u64,
    began: Instant,
    progress: Progress,
}

/// When a request's body last moved, shared with whoever waits for the answer to it.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Rc<Cell<Instant>>);

impl Progress {
    fn start() -> Self {
        Self(Rc::new(Cell::new(Instant::now())))
    }

    /// When it last moved.
    pub(crate) fn last(&self) -> Instant {
        self.0.get()
    }
}

impl RequestBody {
    /// The body of at most `limit` bytes.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] at once, when its length is announced and beyond the limit.
    pub(crate) fn limited(body: Incoming, limit: u64) -> Result<Self, BodyError> {
        if http_body::Body::size_hint(&body).lower() > limit {
            return Err(BodyError::TooLarge);
        }
        if http_body::Body::is_end_stream(&body) {
            return Ok(Self::empty());
        }
        Ok(Self {
            whole: None,
            body: Some(Timed::new(body, IDLE)),
            left: limit,
            received: 0,
            began: Instant::now(),
            progress: Progress::start(),
        })
    }

    /// The body of a request without one.
    pub(crate) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body that was read before.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            whole: Some(bytes).filter(|bytes| !bytes.is_empty()),
            body: None,
            left: 0,
            received: 0,
            began: Instant::now(),
            progress: Progress::start(),
        }
    }

    /// How the body gets on.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(whole) = self.whole.take() {
            return Poll::Ready(Some(Ok(Frame::data(whole))));
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        self.progress.0.set(Instant::now());
        // What is said after the body escapes the rules for headers: it goes no further.
        if let Some(Ok(frame)) = &frame
            && frame.is_trailers()
        {
            return Poll::Ready(None);
        }
        let data = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref());
        let length = data.map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        self.left = left;
        self.received += length;
        let deserved = IDLE + Duration::from_secs(self.received / LEAST_BYTES_PER_SECOND);
        if self.began.elapsed() > deserved && frame.is_some() {
            return Poll::Ready(Some(Err(BodyError::Idle)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let body = self.body.as_ref();
        self.whole.is_none() && body.is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map(http_body::Body::size_hint);
        let whole = self.whole.as_ref().map_or(0, |whole| whole.len() as u64);
        hint.unwrap_or_else(|| SizeHint::with_exact(whole))
    }
}
