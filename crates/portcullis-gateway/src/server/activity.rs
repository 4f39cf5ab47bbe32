//! What a connection is doing, so that its waits can end in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::body::{Body, BodyError};
use crate::observe::Observation;

/// Cancelled requests that a connection may have in advance of its finished ones.
const CANCELLATIONS: u32 = 100;

/// No head has begun.
const NEVER: u64 = u64::MAX;

/// Requests under way on one connection, and since when it has none.
///
/// One thread alone uses it; it could go to another one because an upgraded connection may.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    under_way: AtomicU32,
    /// In nanoseconds after `began`.
    idle_since: AtomicU64,
    /// When the first byte of a head came that is not whole yet, in nanoseconds after `began`.
    head_since: AtomicU64,
    /// Cancelled requests less finished ones.
    cancelled: AtomicU32,
    drains: AtomicBool,
    /// Whether the caller has yet to take what was written.
    blocked: AtomicBool,
}

/// How long a connection may wait for a caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

/// Why a connection waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// A request's head did not end in time.
    Head,
    /// No request began.
    Idle,
}

impl Activity {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            under_way: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(NEVER),
            cancelled: AtomicU32::new(0),
            drains: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
        })
    }

    /// Now, in nanoseconds after `began`: five centuries fit.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(NEVER - 1)
    }

    /// Bytes have come: where no request is under way, they are the head of one.
    pub(super) fn received(&self) {
        if self.is_idle() && self.head_since.load(Relaxed) == NEVER {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// A head is whole. The request is under way until what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> UnderWay {
        self.head_since.store(NEVER, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        UnderWay {
            activity: Arc::clone(self),
            finished: false,
        }
    }

    /// A write was tried, and waits for the caller or does not.
    pub(super) fn wrote<T>(&self, write: &Poll<T>) {
        self.blocked.store(write.is_pending(), Relaxed);
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Relaxed)
    }

    /// The gateway drains: answers from here on say that they are the last.
    pub(super) fn drain(&self) {
        self.drains.store(true, Relaxed);
    }

    pub(super) fn drains(&self) -> bool {
        self.drains.load(Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.load(Relaxed) == 0
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.began + Duration::from_nanos(self.idle_since.load(Relaxed))
    }

    /// Whether the caller begins requests only to cancel them ("rapid reset", CVE-2023-44487).
    pub(super) fn is_abused(&self) -> bool {
        self.cancelled.load(Relaxed) > CANCELLATIONS
    }

    /// When the connection has waited for long enough, and why; never while a request is under way.
    pub(super) fn deadline(&self, waits: Waits) -> Option<(Instant, Expired)> {
        if !self.is_idle() {
            return None;
        }
        match self.head_since.load(Relaxed) {
            NEVER => Some((self.idle_since() + waits.idle, Expired::Idle)),
            since => {
                let since = self.began + Duration::from_nanos(since);
                Some((since + waits.head, Expired::Head))
            }
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    finished: bool,
}

impl UnderWay {
    const fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let activity = &self.activity;
        let cancelled = activity.cancelled.load(Relaxed);
        let cancelled = if self.finished {
            cancelled.saturating_sub(1)
        } else {
            cancelled.saturating_add(1)
        };
        activity.cancelled.store(cancelled, Relaxed);
        activity.under_way.fetch_sub(1, Relaxed);
        activity.idle_since.store(activity.now(), Relaxed);
    }
}

/// An answer's body, until the end of which its request is under way.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    under_way: UnderWay,
    /// Tells of the request when the answer ends.
    seen: Observation,
    /// Ends the answer where a request has a time in all.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn new(
        mut under_way: UnderWay,
        seen: Observation,
        body: Body,
        deadline: Option<Instant>,
    ) -> Self {
        if http_body::Body::is_end_stream(&body) {
            under_way.finish();
        }
        // What we say ourselves needs no time, least of all that there was too little of it.
        let deadline = deadline.filter(|_| matches!(body, Body::Upstream { .. }));
        Self {
            body,
            under_way,
            seen,
            deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            self.seen.broke_off();
            return Poll::Ready(Some(Err(BodyError::Idle)));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let data = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref());
        if let Some(length) = data.map(Bytes::len) {
            self.seen.sent(length);
        }
        if matches!(frame, Some(Err(_))) {
            self.seen.broke_off();
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.under_way.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Waits = Waits {
        head: Duration::from_secs(10),
        idle: Duration::from_mins(1),
    };

    #[tokio::test(start_paused = true)]
    async fn a_connection_waits_for_a_head_from_its_first_byte_and_else_for_a_request() {
        let activity = Activity::begin();
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(activity.deadline(WAITS), Some((after(60), Expired::Idle)));
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.received();
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.received();
        assert_eq!(activity.deadline(WAITS), Some((after(15), Expired::Head)));
        let request = activity.request();
        activity.received();
        assert_eq!(activity.deadline(WAITS), None);
        drop(request);
        assert_eq!(activity.deadline(WAITS), Some((after(70), Expired::Idle)));
    }

    #[tokio::test]
    async fn a_caller_may_cancel_as_many_requests_as_it_lets_finish_and_a_hundred() {
        let activity = Activity::begin();
        for _ in 0..CANCELLATIONS {
            drop(activity.request());
        }
        assert!(!activity.is_abused());
        activity.request().finish();
        drop(activity.request());
        assert!(!activity.is_abused());
        drop(activity.request());
        assert!(activity.is_abused());
    }
}
