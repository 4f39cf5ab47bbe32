//! The places of an upstream with a limit of connections, for which all threads queue.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use super::connection::Connection;
use super::pool::Pool;
use super::send_error::SendError;

/// One of so many connections that a thread gives to its own requests, the next goes to another
/// thread that waits.
const OWN_TURNS: u8 = 4;

/// Room for one connection, until the last clone is dropped.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// How many connections there may be, of all threads together.
#[derive(Debug)]
pub(crate) struct Places {
    most: NonZeroUsize,
    free: Arc<Semaphore>,
    /// Requests that wait, on all threads.
    waiting: AtomicUsize,
    /// Told when somebody begins to wait: idle connections take up places.
    wanted: Notify,
}

/// What a request that has waited gets.
pub(super) enum Granted {
    /// Room for a connection.
    Place(Place),
    /// One that another request of the thread has ended with.
    Connection(Connection),
}

/// One thread's part in the queue for places.
pub(super) struct Queue {
    places: Arc<Places>,
    waiting: RefCell<VecDeque<oneshot::Sender<Connection>>>,
    turn: Cell<u8>,
    giving_up: AbortHandle,
}

impl Places {
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most.get())),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
        }
    }

    /// Waits for a place for at most `patience`.
    ///
    /// # Cancel safety
    /// Safe: whoever leaves the queue leaves nothing in it.
    pub(super) async fn wait(self: &Arc<Self>, patience: Duration) -> Result<Place, SendError> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Arc::new(place));
        }
        let _waits = Waits::begin(self);
        let acquired = timeout(patience, Arc::clone(&self.free).acquire_owned()).await;
        let place = acquired.ok().and_then(Result::ok);
        place.map(Arc::new).ok_or(SendError::NoPlace(self.most))
    }
}

/// Somebody waits as long as this is kept.
struct Waits<'p>(&'p Places);

impl<'p> Waits<'p> {
    fn begin(places: &'p Places) -> Self {
        places.waiting.fetch_add(1, Ordering::SeqCst);
        places.wanted.notify_waiters();
        Self(places)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Queue {
    /// The queue for `pool`, whose idle connections it has closed when others need their places.
    pub(super) fn new(places: &Arc<Places>, pool: Weak<Pool>) -> Self {
        Self {
            places: Arc::clone(places),
            waiting: RefCell::default(),
            turn: Cell::new(0),
            giving_up: spawn_local(give_up(Arc::clone(places), pool)).abort_handle(),
        }
    }

    /// Waits for a place, or for a connection of this thread.
    pub(super) async fn wait(&self, patience: Duration) -> Result<Granted, SendError> {
        if let Ok(place) = Arc::clone(&self.places.free).try_acquire_owned() {
            return Ok(Granted::Place(Arc::new(place)));
        }
        let (sender, connection) = oneshot::channel();
        self.waiting.borrow_mut().push_back(sender);
        let waiting = async {
            tokio::select! {
                Ok(connection) = connection => Ok(Granted::Connection(connection)),
                place = self.places.wait(patience) => place.map(Granted::Place),
            }
        };
        waiting.await
    }

    /// Passes a connection on to who waits for one; gives it back when nobody does.
    pub(super) fn pass_on(&self, mut connection: Connection) -> Option<Connection> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|one| !one.is_closed());
        let others = self.places.waiting.load(Ordering::SeqCst) > waiting.len();
        let turn = self.turn.get();
        self.turn.set((turn + 1) % OWN_TURNS);
        if others && (waiting.is_empty() || turn == 0) {
            // Closed, it leaves its place to who waits on another thread.
            return None;
        }
        while let Some(one) = waiting.pop_front() {
            match one.send(connection) {
                Ok(()) => return None,
                Err(unwanted) => connection = unwanted,
            }
        }
        Some(connection)
    }

    /// Lets all who wait use a connection that carries many requests.
    pub(super) fn share(&self, connection: impl Fn() -> Connection) {
        for one in self.waiting.take() {
            // Who no longer waits needs none.
            drop(one.send(connection()));
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.giving_up.abort();
    }
}

/// Closes the idle connections of a pool whenever somebody waits for their places.
async fn give_up(places: Arc<Places>, pool: Weak<Pool>) {
    loop {
        let mut wanted = std::pin::pin!(places.wanted.notified());
        // Who begins to wait from here on is noticed.
        wanted.as_mut().enable();
        if places.waiting.load(Ordering::SeqCst) > 0 {
            let Some(pool) = pool.upgrade() else { return };
            Rc::as_ref(&pool).close_idle();
        }
        wanted.await;
    }
}
