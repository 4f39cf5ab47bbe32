//! Providers that misbehave on real sockets, before and after they have given their keys.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::{Credentials, HttpFetcher, Issuer, Verifier};
use portcullis_testkit::{TestClock, TestIssuer};
use portcullis_token::Reason;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Good,
    Status500,
    Hang,
    Reset,
    SlowDrip,
    Redirect,
    Html,
    FiftyMegabytes,
    EmptySet,
    OtherIssuer,
}

const MISBEHAVIOURS: [Behaviour; 9] = [
    Behaviour::Status500,
    Behaviour::Hang,
    Behaviour::Reset,
    Behaviour::SlowDrip,
    Behaviour::Redirect,
    Behaviour::Html,
    Behaviour::FiftyMegabytes,
    Behaviour::EmptySet,
    Behaviour::OtherIssuer,
];

/// A provider on a socket of its own.
struct Provider {
    issuer: TestIssuer,
    behaviour: Arc<Mutex<Behaviour>>,
    _server: JoinSet<()>,
}

impl Provider {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = TestIssuer::named(&url(listener.local_addr().unwrap()));
        let behaviour = Arc::new(Mutex::new(behaviour));
        let mut server = JoinSet::new();
        server.spawn(accept(listener, issuer.clone(), Arc::clone(&behaviour)));
        Self {
            issuer,
            behaviour,
            _server: server,
        }
    }

    fn verifier(&self, clock: &TestClock) -> Verifier {
        Verifier::builder()
            .issuer(Issuer::discover(self.issuer.name()).audience("api"))
            .fetcher(Arc::new(HttpFetcher::new().unwrap()))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap()
    }

    fn token(&self) -> String {
        self.issuer.token().audience("api").sign()
    }

    fn foreign(&self) -> String {
        let stranger = TestIssuer::named(self.issuer.name());
        stranger.token().audience("api").sign()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_misbehaves_is_503_cold() {
    let mut cases = JoinSet::new();
    for behaviour in MISBEHAVIOURS {
        let provider = Provider::start(behaviour).await;
        cases.spawn(async move {
            let verifier = provider.verifier(&TestClock::default());
            (behaviour, verify(&verifier, &provider.token()).await)
        });
    }
    for (behaviour, answer) in cases.join_all().await {
        assert_eq!(answer, Err(Reason::KeysUnavailable), "{behaviour:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_misbehaves_changes_nothing_warm() {
    let mut cases = JoinSet::new();
    for behaviour in MISBEHAVIOURS {
        let provider = Provider::start(Behaviour::Good).await;
        let (good, foreign) = (provider.token(), provider.foreign());
        let verifier = provider.verifier(&TestClock::default());
        verifier.ready().await.unwrap();
        cases.spawn(async move {
            let before = verify(&verifier, &good).await;
            *provider.behaviour.lock().unwrap() = behaviour;
            let foreign = verify(&verifier, &foreign).await;
            let after = verify(&verifier, &good).await;
            (behaviour, [before, foreign, after])
        });
    }
    for (behaviour, answers) in cases.join_all().await {
        let expected = [Ok(()), Err(Reason::KeysUnavailable), Ok(())];
        assert_eq!(answers, expected, "{behaviour:?}");
    }
}

async fn verify(verifier: &Verifier, token: &str) -> Result<(), Reason> {
    verifier.verify(&Credentials::bearer(token)).await.map(drop)
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

async fn accept(listener: TcpListener, issuer: TestIssuer, behaviour: Arc<Mutex<Behaviour>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let behaviour = *behaviour.lock().unwrap();
        connections.spawn(answer(stream, issuer.clone(), behaviour));
    }
}

/// Answers one request and closes. Clients that go away early are expected.
async fn answer(stream: TcpStream, issuer: TestIssuer, behaviour: Behaviour) {
    let mut stream = BufReader::new(stream);
    let Some(path) = read_request(&mut stream).await else {
        return;
    };
    let mut stream = stream.into_inner();
    let is_key_set = path.ends_with("jwks.json");
    let document = if is_key_set {
        issuer.jwks()
    } else {
        issuer.discovery_document()
    };
    match behaviour {
        Behaviour::Status500 => send(&mut stream, "500 Oops", &document).await,
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Reset => stream.set_zero_linger().unwrap(),
        Behaviour::SlowDrip => drip(&mut stream).await,
        Behaviour::Redirect => redirect(&mut stream, &path).await,
        Behaviour::Html => write(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n<html>").await,
        Behaviour::FiftyMegabytes => flood(&mut stream).await,
        Behaviour::EmptySet if is_key_set => {
            send(&mut stream, "200 OK", &serde_json::json!({ "keys": [] })).await;
        }
        Behaviour::Good | Behaviour::EmptySet => send(&mut stream, "200 OK", &document).await,
        Behaviour::OtherIssuer => {
            let other = TestIssuer::named("http://127.0.0.1:1/").discovery_document();
            send(&mut stream, "200 OK", &other).await;
        }
    }
}

/// The path of the request line; the head is read to its end.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.take(8_192).read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    head.split(' ').nth(1).map(str::to_owned)
}

async fn send(stream: &mut TcpStream, status: &str, document: &Value) {
    let body = document.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    write(stream, (head + &body).as_bytes()).await;
}

/// To a path that gives the same documents, which nobody must follow.
async fn redirect(stream: &mut TcpStream, path: &str) {
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {path}\r\ncontent-length: 0\r\n\r\n");
    write(stream, head.as_bytes()).await;
}

async fn drip(stream: &mut TcpStream) {
    write(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
    while stream.write_all(b" ").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn flood(stream: &mut TcpStream) {
    write(
        stream,
        b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n",
    )
    .await;
    let chunk = vec![b' '; 100_000];
    for _ in 0..500 {
        if stream.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    // The client may have gone away, which is what it is there to do.
    drop(stream.write_all(bytes).await);
}
