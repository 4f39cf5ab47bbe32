//! Connections to upstreams: kept per thread, so that a request takes no lock.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::balance::Group;
use super::connection::Connection;
use super::places::{Places, Queue};
use super::upstream::Upstream;
use crate::body::RequestBody;

/// Kept per thread and address; more are closed after use.
const MAX_IDLE: usize = 64;
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
/// `WebSocket`s of one thread at the same time, to all upstreams.
pub(super) const MAX_WEBSOCKETS: usize = 4096;

/// One thread's connections to all upstreams.
#[derive(Debug)]
pub(crate) struct Pools {
    /// By where the upstream is in memory, which stays taken as long as it is a key.
    groups: RefCell<HashMap<*const Upstream, Rc<Group>>>,
    /// Upstreams at one address share its connections, unless their number is limited.
    by_key: RefCell<HashMap<Arc<str>, Weak<Pool>>>,
    pub(super) websockets: Arc<Semaphore>,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            groups: RefCell::default(),
            by_key: RefCell::default(),
            websockets: Arc::new(Semaphore::new(MAX_WEBSOCKETS)),
        }
    }
}

/// One thread's connections to one address that may carry another request.
#[derive(Default)]
pub(super) struct Pool {
    /// Those that carry none; the one used last comes first.
    idle: RefCell<Vec<Idle>>,
    /// The one that carries several at the same time.
    shared: RefCell<Option<http2::SendRequest<RequestBody>>>,
    /// Requests under way.
    active: Cell<usize>,
    /// Where connections are limited.
    pub(super) queue: Option<Queue>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A request under way at one address, until this is dropped.
pub(super) struct Active(Rc<Pool>);

/// A connection in use, which goes back to its pool when the answer's body has ended.
///
/// Dropped before that, it is closed: what is left on it is not the beginning of an answer.
pub(crate) struct Lease {
    pub(super) active: Active,
    pub(super) connection: Option<Connection>,
}

impl Pools {
    /// The connections to this upstream.
    pub(super) fn group(&self, upstream: &Arc<Upstream>) -> Rc<Group> {
        let key = Arc::as_ptr(upstream);
        if let Some(group) = self.groups.borrow().get(&key) {
            return Rc::clone(group);
        }
        let pools = upstream.addresses.iter();
        let pools = pools
            .map(|address| match &upstream.places {
                Some(places) => Pool::limited(places),
                None => self.shared_pool(&address.key),
            })
            .collect();
        let group = Rc::new(Group::new(Arc::downgrade(upstream), pools));
        let mut groups = self.groups.borrow_mut();
        // No plan has them any more.
        groups.retain(|_, group| group.is_used());
        groups.insert(key, Rc::clone(&group));
        drop(groups);
        let mut by_key = self.by_key.borrow_mut();
        by_key.retain(|_, pool| pool.strong_count() > 0);
        group
    }

    fn shared_pool(&self, key: &Arc<str>) -> Rc<Pool> {
        let mut pools = self.by_key.borrow_mut();
        if let Some(pool) = pools.get(key).and_then(Weak::upgrade) {
            return pool;
        }
        let pool = Rc::default();
        pools.insert(Arc::clone(key), Rc::downgrade(&pool));
        pool
    }
}

impl Pool {
    fn limited(places: &Arc<Places>) -> Rc<Self> {
        Rc::new_cyclic(|pool| Self {
            queue: Some(Queue::new(places, Weak::clone(pool))),
            ..Self::default()
        })
    }

    /// A connection for one more request, when there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        if let Some(shared) = self.shared.borrow().clone() {
            return Some(Connection::Http2(shared)).filter(Connection::is_usable);
        }
        let mut idle = self.idle.borrow_mut();
        // Whatever is not usable now never will be: it ended, is too old, or says what nobody asked.
        while let Some(Idle { connection, since }) = idle.pop() {
            if since.elapsed() < MAX_IDLE_TIME && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    fn put(&self, connection: Connection) {
        let Some(connection) = (match &self.queue {
            None => Some(connection),
            Some(queue) => queue.pass_on(connection),
        }) else {
            return;
        };
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MAX_IDLE {
            idle.retain(|idle| {
                !idle.connection.is_closed() && idle.since.elapsed() < MAX_IDLE_TIME
            });
        }
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    /// Lets others use the connection at the same time, where its protocol can do that.
    pub(super) fn share(&self, connection: &Connection) {
        if let Connection::Http2(sender) = connection {
            self.shared.replace(Some(sender.clone()));
            if let Some(queue) = &self.queue {
                queue.share(|| Connection::Http2(sender.clone()));
            }
        }
    }

    /// Has others take another connection than the one that is shared.
    pub(super) fn stop_sharing(&self) {
        self.shared.replace(None);
    }

    /// Closes the connections that carry no request.
    pub(super) fn close_idle(&self) {
        self.idle.take();
        self.stop_sharing();
    }

    /// How many requests are under way.
    pub(super) const fn active(&self) -> usize {
        self.active.get()
    }
}

impl Active {
    pub(super) fn begin(pool: &Rc<Pool>) -> Self {
        pool.active.set(pool.active.get() + 1);
        Self(Rc::clone(pool))
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let active = &self.0.active;
        active.set(active.get().saturating_sub(1));
    }
}

impl Lease {
    /// The answer has ended: the connection may carry another request.
    pub(crate) fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.active.pool().put(connection);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} idle", self.idle.borrow().len())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("ended", &self.connection.is_none())
            .finish_non_exhaustive()
    }
}
