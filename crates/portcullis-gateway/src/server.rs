//! A thread per core, each with its own listener, runtime and connections.

mod activity;
mod connection;
mod listeners;
mod open_files;
mod preface;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use portcullis_store::MemoryLimits;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, LocalOptions};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use self::connection::Context;
pub use self::listeners::Listeners;
use crate::observe::{Instruments, Metrics, Spans};
use crate::plan::Plan;
use crate::request::Deps;
use crate::tls::Tls;

/// How long to wait when no connection can be accepted, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a thread may take to end once it was told to.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    spans: Option<Spans>,
    /// Closed when the last thread has ended.
    ended: mpsc::Receiver<Infallible>,
}

/// What all threads read, and what may be replaced while they run.
#[derive(Debug)]
struct Shared {
    plan: Arc<ArcSwap<Plan>>,
    /// What callers have used of their limits, whatever the plan.
    limits: Arc<MemoryLimits>,
    /// Connections are accepted in the clear without it.
    tls: ArcSwapOption<Tls>,
    instruments: Arc<Instruments>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// No new connections; requests under way are finished.
    Draining,
    /// Everything is dropped.
    Ended,
}

impl Gateway {
    /// Listens on `address` with `workers` threads, in the clear; port 0 takes a free port.
    ///
    /// # Errors
    /// When the address is taken or may not be used, or a thread cannot be started.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where the plan has upstreams that are asked how they are.
    pub fn start(
        plan: impl Into<Arc<Plan>>,
        address: SocketAddr,
        workers: NonZeroUsize,
    ) -> io::Result<Self> {
        Self::with_listeners(plan, Listeners::bind(address, workers)?, None)
    }

    /// Accepts connections from `listeners`, in the clear where there is no `tls`.
    ///
    /// Raises the process's limit on open files as far as it may, and takes no more connections
    /// than that allows.
    ///
    /// # Errors
    /// When a thread cannot be started.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where the plan has upstreams that are asked how they are.
    pub fn with_listeners(
        plan: impl Into<Arc<Plan>>,
        listeners: Listeners,
        tls: Option<Tls>,
    ) -> io::Result<Self> {
        let plan = plan.into();
        plan.start_checks();
        let address = listeners.address();
        let places = open_files::connections_of_a_worker(
            plan.limits.connections,
            listeners.of_workers.len(),
            open_files::raise_limit(),
        );
        let (instruments, spans) = Instruments::new();
        let shared = Arc::new(Shared {
            plan: Arc::new(ArcSwap::new(plan)),
            limits: Arc::default(),
            tls: ArcSwapOption::from_pointee(tls),
            instruments,
        });
        let phase = watch::Sender::new(Phase::Serving);
        let (alive, ended) = mpsc::channel(1);
        for (index, listeners) in listeners.of_workers.into_iter().enumerate() {
            let (shared, phase) = (Arc::clone(&shared), phase.subscribe());
            let alive = alive.clone();
            let (told, started) = sync_channel(1);
            thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || {
                    run(&told, work(listeners, places, shared, phase));
                    drop(alive);
                })?;
            // A thread that ends without a word has panicked.
            started
                .recv()
                .unwrap_or_else(|error| Err(io::Error::other(error)))?;
        }
        Ok(Self {
            address,
            shared,
            phase,
            spans: Some(spans),
            ended,
        })
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves by `plan` from the next request on; its limits of connections, by the next ones.
    ///
    /// Upstreams that are in both plans keep their connections, and what is known of them.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where the plan has upstreams that are asked how they are.
    pub fn replace(&self, mut plan: Plan) -> Arc<Plan> {
        plan.continue_from(&self.shared.plan.load());
        plan.start_checks();
        let plan = Arc::new(plan);
        self.shared.plan.store(Arc::clone(&plan));
        self.shared.instruments.reloaded();
        plan
    }

    /// Has the metrics say that another plan was wanted, and could not be had.
    pub fn keep_after_failure(&self) {
        self.shared.instruments.reload_failed();
    }

    /// Has the path of `ready` refuse from here on, while everything else is served as before.
    pub fn announce_end(&self) {
        self.shared.instruments.end();
    }

    /// What is counted, to be shown.
    pub fn metrics(&self) -> Metrics {
        let Shared {
            plan, instruments, ..
        } = &*self.shared;
        Metrics::new(Arc::clone(instruments), Arc::clone(plan))
    }

    /// The spans of requests, for whoever sends them to a collector; there is one receiver only.
    ///
    /// There are spans where the configuration says `otlp`. Without a receiver they are dropped
    /// when the gateway is.
    pub fn take_spans(&mut self) -> Option<Spans> {
        self.spans.take()
    }

    /// Meets callers with these certificates from the next connection on.
    ///
    /// `None` accepts the next connections in the clear.
    pub fn replace_tls(&self, tls: Option<Tls>) {
        self.shared.tls.store(tls.map(Arc::new));
    }

    /// Stops accepting, finishes requests for at most `patience`, then ends.
    pub async fn stop(mut self, patience: Duration) {
        self.phase.send_replace(Phase::Draining);
        if tokio::time::timeout(patience, self.ended.recv())
            .await
            .is_err()
        {
            self.phase.send_replace(Phase::Ended);
            if tokio::time::timeout(END_TIMEOUT, self.ended.recv())
                .await
                .is_err()
            {
                tracing::warn!("a thread of the gateway did not end in time");
            }
        }
    }
}

/// Runs `work` on a runtime of this thread's own, and tells first whether there is one.
///
/// Tasks of a local runtime are woken without the second queue, and its lock, of a `LocalSet`.
fn run(told: &SyncSender<io::Result<()>>, work: impl Future<Output = ()>) {
    let mut builder = runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default());
    let (runtime, result) = match runtime {
        Ok(runtime) => (Some(runtime), Ok(())),
        Err(error) => (None, Err(error)),
    };
    if told.send(result).is_err() {
        return;
    }
    if let Some(runtime) = runtime {
        runtime.block_on(work);
        // A slow lookup of a host name must not hold the end up.
        runtime.shutdown_background();
    }
}

/// One thread: accepts connections until the end.
async fn work(
    listeners: Vec<StdListener>,
    places: usize,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
) {
    let listeners = listeners.into_iter().map(TcpListener::from_std);
    let listeners: Vec<_> = match listeners.collect::<io::Result<_>>() {
        Ok(listeners) => listeners,
        Err(error) => {
            tracing::error!(%error, "a thread of the gateway cannot listen");
            return;
        }
    };
    let deps = Deps::new(Arc::clone(&shared.limits), Arc::clone(&shared.instruments));
    let context = Context {
        shared,
        deps: Rc::new(deps),
        phase: phase.clone(),
        // Callers that never end their handshakes leave places to others.
        handshakes: Rc::new(Semaphore::new(places.div_ceil(2))),
    };
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(places));
    {
        let accepting = accept(&listeners, &context, &places, &mut connections);
        tokio::select! {
            () = accepting => {}
            () = reached(phase.clone(), Phase::Draining) => {}
        }
    }
    accept_waiting(listeners, &context, &places, &mut connections);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = reached(phase, Phase::Ended) => {}
    }
}

async fn accept(
    listeners: &[TcpListener],
    context: &Context,
    places: &Arc<Semaphore>,
    connections: &mut JoinSet<()>,
) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return;
        };
        match next(listeners).await {
            Ok((stream, peer)) => {
                let serving = connection::serve(context.clone(), stream, peer.ip());
                connections.spawn_local(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn next(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|context| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Takes the connections that wait in the listeners, which closing would reset, and closes those.
fn accept_waiting(
    listeners: Vec<TcpListener>,
    context: &Context,
    places: &Arc<Semaphore>,
    connections: &mut JoinSet<()>,
) {
    for listener in listeners.into_iter().map(TcpListener::into_std) {
        let Ok(listener) = listener else { continue };
        while let Ok(place) = Arc::clone(places).try_acquire_owned()
            && let Ok((stream, peer)) = listener.accept()
            && stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            let serving = connection::serve(context.clone(), stream, peer.ip());
            connections.spawn_local(async move {
                serving.await;
                drop(place);
            });
        }
    }
}

/// Waits until the gateway is as far as `wanted`.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // A gateway that was dropped without being stopped has ended too: then this is an error.
    drop(phase.wait_for(|phase| *phase >= wanted).await);
}
