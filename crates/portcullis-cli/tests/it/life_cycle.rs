use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Response;
use portcullis_testkit::{TestServer, text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::program::World;
use crate::session::{Session, token};
use crate::web::{get, get_as};

const FOREVER: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// `examples/proxy` with a request under way.
struct Waiting {
    world: World,
    session: Session,
    /// Everything that comes back for the request, until the connection ends.
    answer: JoinHandle<String>,
    _upstream: TestServer,
}

impl Waiting {
    /// A request that has arrived at an upstream, which answers after `delay`.
    async fn for_answer_after(delay: Duration) -> Self {
        let arrived = Arc::new(Notify::new());
        let notify = Arc::clone(&arrived);
        let upstream = TestServer::start(move |_| {
            notify.notify_one();
            async move {
                tokio::time::sleep(delay).await;
                Response::new(text("late"))
            }
        })
        .await;
        let world = World::example("proxy");
        world.write(".env", format!("UPSTREAM={}\n", upstream.url()));
        let session = Session::start(&world).await;
        let mut stream = ask(session.api(), "/health").await;
        let answer = tokio::spawn(async move {
            let mut answer = Vec::new();
            // A connection that is cut off ends too.
            drop(stream.read_to_end(&mut answer).await);
            String::from_utf8(answer).unwrap()
        });
        arrived.notified().await;
        Self {
            world,
            session,
            answer,
            _upstream: upstream,
        }
    }
}

/// Where a URL's server listens.
fn address(url: &str) -> String {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    authority.replace("localhost", "127.0.0.1")
}

/// A connection on which a request was sent.
async fn ask(url: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(url)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A connection that was used and is kept open.
async fn idle(url: &str) -> TcpStream {
    let mut stream = ask(url, "/nowhere").await;
    let mut version = [0; 9];
    stream.read_exact(&mut version).await.unwrap();
    assert_eq!(&version, b"HTTP/1.1 ");
    stream
}

fn notes(world: &World) -> usize {
    fs::read_dir(world.notes()).unwrap().count()
}

#[tokio::test]
async fn ctrl_c_ends_everything_within_a_second() {
    let waiting = Waiting::for_answer_after(FOREVER).await;
    let session = waiting.session;
    let _silent = TcpStream::connect(address(session.api())).await.unwrap();
    let _idle = idle(session.api()).await;
    let _idle_too = idle(session.issuer()).await;
    assert_eq!(notes(&waiting.world), 1);

    session.signal("INT").await;
    let began = Instant::now();
    let output = session.end().await;
    let took = began.elapsed();
    assert!(took < SECOND, "{took:?}");
    assert_eq!(output.status, Some(0), "{output:?}");
    assert_eq!(waiting.answer.await.unwrap(), "");
    assert_eq!(notes(&waiting.world), 0);
}

#[tokio::test]
async fn sigterm_finishes_what_is_under_way_and_takes_nothing_more() {
    let waiting = Waiting::for_answer_after(Duration::from_millis(300)).await;
    let session = waiting.session;
    let api = address(session.api());
    let _idle = idle(session.api()).await;

    session.signal("TERM").await;
    let refused = async {
        while TcpStream::connect(&api).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    refused.await;
    assert!(
        !waiting.answer.is_finished(),
        "connections are refused before the answer"
    );
    let answer = waiting.answer.await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("late"),
        "{answer}"
    );
    assert_eq!(session.end().await.status, Some(0));
    assert_eq!(notes(&waiting.world), 0);
}

#[tokio::test]
async fn ctrl_c_ends_the_patience_of_sigterm() {
    let waiting = Waiting::for_answer_after(FOREVER).await;
    let session = waiting.session;
    let api = address(session.api());
    session.signal("TERM").await;
    while TcpStream::connect(&api).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    session.signal("INT").await;
    let began = Instant::now();
    let output = session.end().await;
    let took = began.elapsed();
    assert!(took < SECOND, "{took:?}");
    assert_eq!(output.status, Some(0), "{output:?}");
    assert_eq!(notes(&waiting.world), 0);
}

#[tokio::test]
async fn a_signal_counts_from_the_line_that_says_ready() {
    let world = World::example("hello");
    for name in ["TERM", "INT"] {
        let session = Session::start(&world).await;
        session.signal(name).await;
        assert_eq!(session.end().await.status, Some(0), "{name}");
        assert_eq!(notes(&world), 0, "{name}");
    }
}

#[tokio::test]
async fn tokens_outlive_the_session() {
    let world = World::example("hello");
    // An address of its own, so that nobody takes the port in between.
    let session = Session::start_with(&world, &["--tenant-listen", "127.0.0.3:0"]).await;
    let token = token(&world, &[]).await;
    let issuer = session.issuer().to_owned();
    session.stop().await;

    let again = ["--tenant-listen", &address(&issuer)];
    let session = Session::start_with(&world, &again).await;
    assert_eq!(session.issuer(), issuer);
    let answer = get_as(&token, &session.url("/hello/world")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn sessions_of_two_projects_do_not_meet() {
    let hello = World::example("hello");
    let mut other = World::example("hello");
    other.share_user(&hello);
    let (first, second) = (Session::start(&hello).await, Session::start(&other).await);
    assert_eq!(notes(&hello), 2);
    for (name, world, own, others) in [
        ("first", &hello, &first, &second),
        ("second", &other, &second, &first),
    ] {
        let token = token(world, &[]).await;
        let answer = get_as(&token, &own.url("/hello/world")).await;
        assert_eq!(answer.status, 200, "{name}");
        let answer = get_as(&token, &others.url("/hello/world")).await;
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (401, "iss_unknown"),
            "{name}"
        );
    }
    first.stop().await;
    assert_eq!(notes(&hello), 1);
    assert_eq!(get(&second.url("/hello/world")).await.status, 401);
}

#[tokio::test]
async fn a_clean_end_leaves_the_database_in_one_file() {
    for signal in ["INT", "TERM"] {
        let world = World::example("hello");
        let session = Session::start(&world).await;
        token(&world, &[]).await;
        let database = world.project().join(".portcullis/tenant/tenant.db");
        let log = database.with_extension("db-wal");
        assert!(log.metadata().unwrap().len() > 0, "{signal}");
        session.signal(signal).await;
        assert_eq!(session.end().await.status, Some(0), "{signal}");
        assert!(database.exists(), "{signal}");
        assert!(!log.exists(), "{signal}");
    }
}
