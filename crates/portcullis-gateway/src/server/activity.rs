//! What a connection is doing, so that its waits can end in time.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::body::{Body, BodyError};
use crate::observe::Observation;

/// Cancelled requests that a connection may have in advance of its finished ones.
const CANCELLATIONS: u32 = 100;

/// Requests under way on one connection, and since when it has none.
#[derive(Debug)]
pub(super) struct Activity {
    under_way: Cell<u32>,
    idle_since: Cell<Instant>,
    /// When the first byte of a head came that is not whole yet.
    head_since: Cell<Option<Instant>>,
    /// Cancelled requests less finished ones.
    cancelled: Cell<u32>,
    drains: Cell<bool>,
    /// Whether the caller has yet to take what was written.
    blocked: Cell<bool>,
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
    pub(super) fn begin() -> Rc<Self> {
        Rc::new(Self {
            under_way: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            cancelled: Cell::new(0),
            drains: Cell::new(false),
            blocked: Cell::new(false),
        })
    }

    /// Bytes have come: where no request is under way, they are the head of one.
    pub(super) fn received(&self) {
        if self.under_way.get() == 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// A head is whole. The request is under way until what is returned is dropped.
    pub(super) fn request(self: &Rc<Self>) -> UnderWay {
        self.head_since.set(None);
        self.under_way.set(self.under_way.get() + 1);
        UnderWay {
            activity: Rc::clone(self),
            finished: false,
        }
    }

    /// A write was tried, and waits for the caller or does not.
    pub(super) fn wrote<T>(&self, write: &Poll<T>) {
        self.blocked.set(write.is_pending());
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// The gateway drains: answers from here on say that they are the last.
    pub(super) fn drain(&self) {
        self.drains.set(true);
    }

    pub(super) const fn drains(&self) -> bool {
        self.drains.get()
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.under_way.get() == 0
    }

    pub(super) const fn idle_since(&self) -> Instant {
        self.idle_since.get()
    }

    /// Whether the caller begins requests only to cancel them ("rapid reset", CVE-2023-44487).
    pub(super) const fn is_abused(&self) -> bool {
        self.cancelled.get() > CANCELLATIONS
    }

    /// When the connection has waited for long enough, and why; never while a request is under way.
    pub(super) fn deadline(&self, waits: Waits) -> Option<(Instant, Expired)> {
        if !self.is_idle() {
            return None;
        }
        let idle = (self.idle_since.get() + waits.idle, Expired::Idle);
        let head = self.head_since.get();
        Some(head.map_or(idle, |since| (since + waits.head, Expired::Head)))
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    activity: Rc<Activity>,
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
        let cancelled = activity.cancelled.get();
        activity.cancelled.set(if self.finished {
            cancelled.saturating_sub(1)
        } else {
            cancelled.saturating_add(1)
        });
        activity.under_way.set(activity.under_way.get() - 1);
        activity.idle_since.set(Instant::now());
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
