//! A timer that is kept from one wait to the next, since hardly any wait is as long as it may be.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a time that is said anew whenever it is asked.
///
/// The timer below it is set for the first such time, and set again only for an earlier one, or
/// when it has gone off too early. So a request that is answered at once sets none.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether `deadline` has come; if not, the task is woken when it has, or before.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_time_of_the_wait_whatever_it_was_set_for() {
        let mut alarm = Alarm::default();
        for (name, patience) in [("first", 60), ("later", 90), ("earlier", 30), ("same", 30)] {
            let deadline = Instant::now() + Duration::from_secs(patience);
            let waits = poll_fn(|context| Poll::Ready(alarm.poll(context, deadline).is_pending()));
            assert!(waits.await, "{name}");
            let set = alarm.0.as_ref().map(|timer| timer.deadline());
            assert!(set <= Some(deadline), "{name}");

            poll_fn(|context| alarm.poll(context, deadline)).await;
            assert_eq!(Instant::now(), deadline, "{name}");
        }
    }
}
