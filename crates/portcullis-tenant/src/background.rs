//! Work that takes a core for long, on threads that give way to the rest of the tenant.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// By how much: where every core is busy, such a thread still has a tenth of one, and whoever
/// wakes up need not wait for it.
const NICENESS: i32 = 10;

/// Does the work on a thread of its own. An error when there is none, or when the work panics.
///
/// A thread that has given way cannot take it back without rights that nobody should have, so
/// that it is not one of the runtime's. To make one takes a thousandth of a password's hash; who
/// calls bounds how many there are.
///
/// # Cancel safety
/// Safe; work that is under way ends first, and nobody hears of it.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        give_way();
        // Whoever asked may have left.
        drop(answer.send(work()));
    };
    thread::Builder::new()
        .name("background".to_owned())
        .spawn(work)?;
    answered.await.map_err(io::Error::other)
}

/// Where the system does not do that for a thread, the work has an equal share.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        let thread = rustix::thread::gettid();
        if let Err(error) = rustix::process::setpriority_process(Some(thread), NICENESS) {
            tracing::debug!(%error, "a thread cannot give way to others");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_thread_of_the_work_gives_way() {
        let niceness = || rustix::process::getpriority_process(Some(rustix::thread::gettid()));
        let own = niceness().unwrap();
        let other = run(niceness).await.unwrap().unwrap();
        assert_eq!(other, NICENESS.max(own));
        assert_eq!(niceness().unwrap(), own);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let outcome = run(|| -> u8 { panic!("on purpose") }).await;
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::Other);
    }
}
