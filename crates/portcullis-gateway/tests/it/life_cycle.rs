use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_gateway::{Gateway, Listeners};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::fixture::{Fixture, Scripting, World, get, public, start};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);
const HELLO: &str =
    "[api.main]\nauth = \"none\"\nroutes = { \"GET /\" = { respond = \"Hello\" } }\n";

/// A gateway whose upstream tells when a request has arrived, and answers when it is told to.
struct Waiting {
    scripting: Scripting,
    arrivals: mpsc::UnboundedReceiver<()>,
    go_on: Arc<Notify>,
}

impl Waiting {
    async fn start() -> Self {
        let go_on = Arc::new(Notify::new());
        let wait = Arc::clone(&go_on);
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let scripting = Scripting::start(move |mut wire, _| {
            let (arrived, wait) = (arrived.clone(), Arc::clone(&wait));
            async move {
                wire.head().await?;
                arrived.send(()).map_err(io::Error::other)?;
                wait.notified().await;
                wire.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
                    .await
            }
        })
        .await;
        Self {
            scripting,
            arrivals,
            go_on,
        }
    }
}

/// Waits until nobody listens on the address.
pub(crate) async fn refuses_connections(address: std::net::SocketAddr) -> bool {
    let began = Instant::now();
    while began.elapsed() < LONG {
        if TcpStream::connect(address).await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_takes_nothing_more() {
    let mut waiting = Waiting::start().await;
    let address = waiting.scripting.gateway.address();
    let mut idle = waiting.scripting.connect().await;
    let mut client = waiting.scripting.connect().await;
    client.write(get("/", "")).await.unwrap();
    waiting.arrivals.recv().await.unwrap();

    let stopping = tokio::spawn(waiting.scripting.gateway.stop(LONG));
    assert!(refuses_connections(address).await);
    assert!(
        idle.is_closed().await,
        "a connection without a request is closed at once"
    );
    assert!(!stopping.is_finished());
    waiting.go_on.notify_one();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert!(client.is_closed().await);
    stopping.await.unwrap();
}

#[tokio::test]
async fn stopping_waits_no_longer_than_it_was_told() {
    let mut waiting = Waiting::start().await;
    let mut client = waiting.scripting.connect().await;
    client.write(get("/", "")).await.unwrap();
    waiting.arrivals.recv().await.unwrap();

    let began = Instant::now();
    waiting.scripting.gateway.stop(SHORT).await;
    let took = began.elapsed();
    assert!((SHORT..LONG / 4).contains(&took), "{took:?}");
    assert!(client.answer().await.is_err(), "the request is cut");
}

#[tokio::test]
async fn stopping_an_idle_gateway_takes_no_time() {
    let fixture = Fixture::start(HELLO).await;
    let mut client = fixture.connect().await;
    assert_eq!(client.send(get("/", "")).await.text(), "Hello");
    let began = Instant::now();
    fixture.gateway.stop(LONG).await;
    assert!(began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_gateway_that_is_dropped_ends() {
    let gateway = start(World::default().plan(HELLO));
    let address = gateway.address();
    drop(gateway);
    assert!(refuses_connections(address).await);
}

#[tokio::test]
async fn another_plan_holds_from_the_next_request_on() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let mut client = fixture.connect().await;
    assert_eq!(client.send(get("/", "")).await.status, 200);

    let guarded = public(&fixture.upstream.url()).replace("none", "user");
    fixture.gateway.replace(fixture.world.plan(&guarded));
    assert_eq!(
        client.send(get("/", "")).await.status,
        401,
        "on the same connection"
    );
    assert_eq!(fixture.get("/", "").await.status, 401, "on another one");
    let token = fixture.world.token().sign();
    assert_eq!(fixture.get_with("/", &token).await.status, 200);

    fixture.gateway.replace(fixture.world.plan(HELLO));
    assert_eq!(client.send(get("/", "")).await.text(), "Hello");
    assert_eq!(client.send(get("/other", "")).await.status, 404);
}

#[tokio::test]
async fn a_request_under_way_keeps_its_plan() {
    let mut waiting = Waiting::start().await;
    let mut client = waiting.scripting.connect().await;
    client.write(get("/", "")).await.unwrap();
    waiting.arrivals.recv().await.unwrap();
    waiting
        .scripting
        .gateway
        .replace(World::default().plan(HELLO));
    waiting.go_on.notify_one();
    assert_eq!(client.answer().await.unwrap().text(), "done");
    assert_eq!(client.send(get("/", "")).await.text(), "Hello");
}

#[tokio::test]
async fn a_port_that_somebody_listens_on_is_an_error() {
    let plan = || World::default().plan(HELLO);
    let one = NonZeroUsize::MIN;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = listener.local_addr().unwrap();
    let gateway = start(plan());
    let ours = gateway.address();
    for (name, address) in [("another program's", theirs), ("another gateway's", ours)] {
        let error = Gateway::start(plan(), address, one).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{name}");
    }
    gateway.stop(LONG).await;
    let again = Gateway::start(plan(), ours, one).unwrap();
    assert_eq!(
        again.address(),
        ours,
        "a port is free once its gateway has stopped"
    );
}

/// 2,000 requests a second for two seconds, while the plan is replaced a hundred times a second.
#[tokio::test]
async fn replacing_the_plan_under_load_fails_no_request_and_mixes_no_answer() {
    const CALLERS: usize = 8;
    const EACH_TICK: usize = 25;
    const TICKS: usize = 20;
    let world = World::default();
    // The words differ in length, so that half of one answer does not pass for the other.
    let plan = |word: &str| {
        world.plan(&format!(
            "[api.main]\nauth = \"none\"\nroutes = {{ \"GET /\" = {{ respond = \"{word}\" }} }}\n"
        ))
    };
    let gateway = start(plan("one"));
    let address = gateway.address();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(async move {
            let mut client = crate::client::Client::connect(address).await.unwrap();
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            let (mut first, mut second) = (0, 0);
            for _ in 0..TICKS {
                ticks.tick().await;
                client.write(get("/", "").repeat(EACH_TICK)).await.unwrap();
                for _ in 0..EACH_TICK {
                    let answer = client.answer().await.unwrap();
                    match (answer.status, answer.text().as_str()) {
                        (200, "one") => first += 1,
                        (200, "the second") => second += 1,
                        other => panic!("{other:?}"),
                    }
                }
            }
            (first, second)
        });
    }
    let mut words = ["the second", "one"].into_iter().cycle();
    let mut told = Vec::new();
    while told.len() < CALLERS {
        let pause = tokio::time::sleep(Duration::from_millis(10));
        tokio::select! {
            Some(counted) = callers.join_next() => told.push(counted.unwrap()),
            () = pause => drop(gateway.replace(plan(words.next().unwrap()))),
        }
    }
    let (first, second) = told
        .iter()
        .fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    assert_eq!(first + second, CALLERS * EACH_TICK * TICKS);
    assert!(first > 0 && second > 0, "{first} and {second}");
}

/// Callers that send one request after the other while the gateway stops.
#[tokio::test]
async fn stopping_under_load_resets_no_request() {
    let fixture = Fixture::start(HELLO).await;
    let address = fixture.gateway.address();
    let mut callers = tokio::task::JoinSet::new();
    let (told, mut running) = mpsc::unbounded_channel();
    for _ in 0..20 {
        let told = told.clone();
        callers.spawn(async move {
            let mut client = crate::client::Client::connect(address).await.unwrap();
            for index in 0.. {
                client.write(get("/", "")).await.unwrap();
                let answer = client.answer().await.unwrap();
                assert_eq!(answer.text(), "Hello");
                if index == 10 {
                    told.send(()).unwrap();
                }
                if answer.header("connection") == Some("close") {
                    assert!(client.is_closed().await);
                    return;
                }
            }
        });
    }
    for _ in 0..20 {
        running.recv().await.unwrap();
    }
    fixture.gateway.stop(LONG).await;
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn sockets_that_listen_already_are_taken_by_all_threads() {
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [&first, &second].map(|listener| listener.local_addr().unwrap());
    let workers = NonZeroUsize::new(2).unwrap();
    let listeners = Listeners::ready(vec![first, second], workers).unwrap();
    assert_eq!(listeners.address(), addresses[0]);
    let plan = World::default().plan(HELLO);
    let gateway = Gateway::with_listeners(plan, listeners, None).unwrap();
    for address in addresses {
        for _ in 0..10 {
            let mut client = crate::client::Client::connect(address).await.unwrap();
            assert_eq!(client.send(get("/", "")).await.text(), "Hello");
        }
    }
    gateway.stop(LONG).await;
    for address in addresses {
        assert!(refuses_connections(address).await);
    }
    let none = Listeners::ready(Vec::new(), workers).unwrap_err();
    assert_eq!(none.kind(), io::ErrorKind::InvalidInput);
}
