//! A thread per core, each with its own listener, runtime and connections.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinSet, LocalSet};

use crate::patience::Patient;
use crate::plan::Plan;
use crate::request::{self, Deps};

const BACKLOG: i32 = 1024;
/// How long a caller may take to send a request's head, or to begin the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// Connections of one thread at the same time; further ones wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 16 * 1024;
/// How long to wait when no connection can be accepted, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a thread may take to end once it was told to.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    plan: Arc<ArcSwap<Plan>>,
    phase: watch::Sender<Phase>,
    /// Closed when the last thread has ended.
    ended: mpsc::Receiver<Infallible>,
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
    /// Listens on `address` with `workers` threads; port 0 takes a free port.
    ///
    /// # Errors
    /// When the address is taken or may not be used, or a thread cannot be started.
    pub fn start(plan: Plan, address: SocketAddr, workers: NonZeroUsize) -> io::Result<Self> {
        refuse_taken(address)?;
        let first = listen(address)?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..workers.get() {
            listeners.push(listen(address)?);
        }
        let plan = Arc::new(ArcSwap::from_pointee(plan));
        let phase = watch::Sender::new(Phase::Serving);
        let (alive, ended) = mpsc::channel(1);
        for (index, listener) in listeners.into_iter().enumerate() {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (plan, phase) = (Arc::clone(&plan), phase.subscribe());
            let alive = alive.clone();
            thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || {
                    LocalSet::new().block_on(&runtime, work(listener, plan, phase));
                    // A slow lookup of a host name must not hold the end up.
                    runtime.shutdown_background();
                    drop(alive);
                })?;
        }
        Ok(Self {
            address,
            plan,
            phase,
            ended,
        })
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves by `plan` from the next request on.
    pub fn replace(&self, plan: Plan) {
        self.plan.store(Arc::new(plan));
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

/// Fails when somebody listens on `address`: sharing a port is for our own threads, and the
/// system would let another gateway of the same user share it too.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A port whose last connections are still closing is free.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// One thread: accepts connections until the end.
async fn work(listener: StdListener, plan: Arc<ArcSwap<Plan>>, mut phase: watch::Receiver<Phase>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a thread of the gateway cannot listen");
            return;
        }
    };
    let deps = Rc::new(Deps::default());
    let mut connections = JoinSet::new();
    {
        let accepting = accept(&listener, &plan, &deps, &phase, &mut connections);
        tokio::select! {
            () = accepting => {}
            () = reached(phase.clone(), Phase::Draining) => {}
        }
    }
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = reached_mut(&mut phase, Phase::Ended) => {}
    }
}

async fn accept(
    listener: &TcpListener,
    plan: &Arc<ArcSwap<Plan>>,
    deps: &Rc<Deps>,
    phase: &watch::Receiver<Phase>,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (plan, deps, phase) = (Arc::clone(plan), Rc::clone(deps), phase.clone());
                connections.spawn_local(async move {
                    serve_connection(stream, peer.ip(), plan, deps, phase).await;
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

async fn serve_connection(
    stream: TcpStream,
    peer: IpAddr,
    plan: Arc<ArcSwap<Plan>>,
    deps: Rc<Deps>,
    phase: watch::Receiver<Phase>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let service = service_fn(|request| {
        let (plan, deps) = (plan.load_full(), Rc::clone(&deps));
        async move { Ok::<_, Infallible>(request::serve(&plan, &deps, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = reached(phase, Phase::Draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Waits until the gateway is as far as `wanted`.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    reached_mut(&mut phase, wanted).await;
}

async fn reached_mut(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A gateway that was dropped without being stopped has ended too: then this is an error.
    drop(phase.wait_for(|phase| *phase >= wanted).await);
}
