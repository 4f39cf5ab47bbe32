use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use portcullis_testkit::TestServer;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::Session;
use crate::web::{client, get, send};

const CLIENTS: usize = 4;

fn file(server: &str) -> String {
    format!(
        "[server]\nadmin = \"127.0.0.1:0\"\n{server}\n\
         [api.main]\nauth = \"none\"\n\
         [api.main.routes]\n\"GET /word\" = {{ respond = \"one\" }}\n"
    )
}

async fn start(world: &World) -> Session {
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    Session::spawn(&mut world.command(&arguments)).await
}

fn address(session: &Session) -> SocketAddr {
    let url = session.api();
    url.trim_start_matches("http://").parse().unwrap()
}

/// Sends one request, and reads its answer to the end; tells whether the connection goes on.
///
/// # Panics
/// When the connection breaks or ends before the whole answer.
async fn ask(stream: &mut TcpStream) -> bool {
    let request = b"GET /word HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("a request is taken");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\none") {
        let read = stream.read_buf(&mut answer).await;
        let read = read.expect("no connection is reset");
        assert!(read > 0, "an answer is missing: {answer:?}");
    }
    let head = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    !head.contains("\r\nconnection: close\r\n")
}

/// What the clients of one session have seen.
#[derive(Default)]
struct Load {
    /// No request is begun on a connection of its own from here on.
    leave: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    /// Asks over one connection until the gateway says that the answer is the last.
    async fn keep_alive(self: Arc<Self>, address: SocketAddr) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        while ask(&mut stream).await {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks over one connection for each request, as long as a load balancer would send any.
    async fn one_by_one(self: Arc<Self>, address: SocketAddr) {
        while !self.leave.load(Ordering::SeqCst) {
            let stream = TcpStream::connect(address).await;
            let mut stream = stream.expect("a connection is accepted");
            ask(&mut stream).await;
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn until_answered(&self, count: usize) {
        let answered = async {
            while self.answered.load(Ordering::Relaxed) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, answered).await.expect("the load runs");
    }
}

#[tokio::test]
async fn the_end_under_load_leaves_no_request_without_an_answer() {
    let world = World::with_file(&file("drain_delay = \"300ms\"\ndrain = \"10s\""));
    let session = start(&world).await;
    let (load, address) = (Arc::new(Load::default()), address(&session));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(tokio::spawn(Arc::clone(&load).keep_alive(address)));
        clients.push(tokio::spawn(Arc::clone(&load).one_by_one(address)));
    }
    load.until_answered(100).await;
    let ready = format!("{}/ready", session.ready["admin"]["url"].as_str().unwrap());
    assert_eq!(get(&ready).await.status, 200);

    session.signal("TERM").await;
    let refused = async {
        while get(&ready).await.status != 503 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("/ready refuses");
    // Everything goes on meanwhile.
    let before = load.answered.load(Ordering::Relaxed);
    load.until_answered(before + 20).await;
    load.leave.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.expect("every request is answered");
    }
    assert_eq!(session.end().await.status, Some(0));
}

#[tokio::test]
async fn without_a_delay_connections_in_use_are_told_and_not_broken() {
    let world = World::with_file(&file(""));
    let session = start(&world).await;
    let (load, address) = (Arc::new(Load::default()), address(&session));
    let clients: Vec<_> = (0..2 * CLIENTS)
        .map(|_| tokio::spawn(Arc::clone(&load).keep_alive(address)))
        .collect();
    load.until_answered(100).await;
    session.signal("TERM").await;
    for client in clients {
        client.await.expect("every request is answered");
    }
    assert_eq!(session.end().await.status, Some(0));
}

#[tokio::test]
async fn the_delay_is_as_long_as_the_file_says_and_a_second_signal_ends_it() {
    let world = World::with_file(&file("drain_delay = \"1h\""));
    let session = start(&world).await;
    session.signal("TERM").await;
    session.until_said("finishing the requests under way").await;
    assert_eq!(get(&session.url("/word")).await.body, "one");
    // An hour would be longer than the patience of the test.
    session.signal("TERM").await;
    assert_eq!(session.end().await.status, Some(0));
}

#[tokio::test]
async fn requests_that_take_longer_than_the_drain_are_cut_off() {
    let arrived = Arc::new(Notify::new());
    let notify = Arc::clone(&arrived);
    let upstream = TestServer::start(move |_| {
        notify.notify_one();
        std::future::pending::<Response<_>>()
    })
    .await;
    let world = World::with_file(&format!(
        "[server]\ndrain = \"100ms\"\n[api.main]\nauth = \"none\"\nupstream = \"{}\"\n",
        upstream.url()
    ));
    let session = start(&world).await;
    let url = session.url("/");
    let request = tokio::spawn(async move { client().get(url).send().await.map(drop) });
    let arrival = timeout(PATIENCE, arrived.notified()).await;
    arrival.expect("the request arrives in time");
    session.signal("TERM").await;
    // The default would be longer than the patience of the test.
    assert_eq!(session.end().await.status, Some(0));
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn sockets_are_taken_from_a_supervisor() {
    let world = World::with_file(&file(""));
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // The shell becomes the program, and keeps its process id, which the variable must name.
    let script =
        "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec portcullis serve --format json";
    let program = world.command(&[]);
    let mut command = tokio::process::Command::new("/bin/sh");
    command
        .args(["-c", script])
        .current_dir(world.project())
        .env_clear()
        .envs(
            program
                .as_std()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let session = Session::spawn(&mut command).await;
    assert_eq!(session.api(), format!("http://{address}"));
    assert_eq!(get(&session.url("/word")).await.body, "one");
    let output = session.stop().await;
    assert!(
        output.stderr.contains("taking the sockets of LISTEN_FDS"),
        "{output:?}"
    );
}

fn write_certificate(world: &World) -> String {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    world.write("cert.pem", cert.pem());
    world.write("key.pem", signing_key.serialize_pem());
    cert.pem()
}

/// Whether the gateway shows the certificate `pem`.
async fn shows(session: &Session, pem: &str) -> bool {
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = client.tls_certs_only([certificate]).build().unwrap();
    let url = format!("https://localhost:{}/word", port(session));
    client.get(url).send().await.is_ok()
}

fn port(session: &Session) -> u16 {
    let url = reqwest::Url::parse(session.api()).unwrap();
    url.port().unwrap()
}

#[tokio::test]
async fn certificates_are_replaced_as_soon_as_their_files_are() {
    let tls = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }";
    let world = World::with_file(&file(tls));
    let first = write_certificate(&world);
    let session = start(&world).await;
    assert!(shows(&session, &first).await);
    let second = write_certificate(&world);
    assert_ne!(first, second);
    let replaced = async {
        while !shows(&session, &second).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, replaced)
        .await
        .expect("the certificate is replaced");
    assert!(!shows(&session, &first).await);

    // A key that does not fit changes nothing.
    world.write("key.pem", "no key");
    let file = session.ready["admin"]["token_file"].as_str().unwrap();
    let token = std::fs::read_to_string(file).unwrap();
    let reload = format!("{}/reload", session.ready["admin"]["url"].as_str().unwrap());
    let answer = send(client().post(reload).bearer_auth(token.trim())).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("key.pem"), "{detail}");
    assert!(shows(&session, &second).await);
}

#[tokio::test]
async fn dev_follows_the_file_and_says_what_differs() {
    let text = |routes: &str| {
        format!(
            "[authorizer.user]\nissuer = \"https://issuer.example/\"\naudience = [\"testing\"]\n\
             [api.main]\nauth = \"user\"\n[api.main.routes]\n{routes}"
        )
    };
    let world = World::with_file(&text("\"GET /a\" = { respond = \"a\" }\n"));
    let session = Session::start(&world).await;
    world.write(
        "portcullis.toml",
        text("\"GET /b\" = { respond = \"b\", auth = { user = [\"read:b\"] } }\n"),
    );
    session
        .until_said("reloaded: added GET /b; removed GET /a\n")
        .await;
    // The tenant knows the scope that the file asks for from here on.
    let token = crate::session::token(&world, &["--scope", "read:b"]).await;
    let answer = crate::web::get_as(&token, &session.url("/b")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "b"));
    assert_eq!(get(&session.url("/a")).await.status, 404);

    world.write("portcullis.toml", "[api.main]\nauth = 1\n");
    session
        .until_said("warning: the file has errors: what was served before still is\n")
        .await;
    let answer = crate::web::get_as(&token, &session.url("/b")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(session.stop().await.status, Some(0));
}
