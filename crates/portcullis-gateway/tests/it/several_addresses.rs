use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use portcullis_gateway::{Gateway, UpstreamHealth};
use portcullis_testkit::{TestServer, text};
use tokio::sync::Notify;

use crate::client::{Answer, Client};
use crate::fixture::{World, get, post, start};
use crate::upstream::{Scripted, Wire};

/// How long something may take to come about before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service that answers with its name and the host that it was asked for.
async fn named(name: &'static str) -> TestServer {
    TestServer::start(move |request| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        async move { Response::new(text(format!("{name} {host}"))) }
    })
    .await
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn listed(addresses: &[SocketAddr]) -> String {
    let quoted = addresses
        .iter()
        .map(|address| format!("\"http://{address}\""));
    format!("[{}]", quoted.collect::<Vec<_>>().join(", "))
}

/// A public API whose upstream is a table with these addresses and settings.
fn api(addresses: &[SocketAddr], settings: &str) -> String {
    let url = listed(addresses);
    format!("[api.main]\nauth = \"none\"\nupstream = {{ url = {url}{settings} }}\n")
}

fn serve(addresses: &[SocketAddr], settings: &str) -> Gateway {
    start(World::default().plan(&api(addresses, settings)))
}

async fn connect(gateway: &Gateway) -> Client {
    Client::connect(gateway.address()).await.unwrap()
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status, answer.problem())
}

/// The first words of so many answers on one connection, which is that of one thread.
async fn names(gateway: &Gateway, count: usize) -> BTreeMap<String, usize> {
    let mut client = connect(gateway).await;
    let mut names = BTreeMap::new();
    for _ in 0..count {
        let answer = client.send(get("/", "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let name = text.split(' ').next().unwrap().to_owned();
        *names.entry(name).or_default() += 1;
    }
    names
}

/// The plan that serves, whose view of its upstreams is to be seen by a test.
fn watched(addresses: &[SocketAddr], settings: &str) -> (Gateway, Arc<portcullis_gateway::Plan>) {
    let plan = Arc::new(World::default().plan(&api(addresses, settings)));
    let gateway = {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Gateway::start(Arc::clone(&plan), any_port, std::num::NonZeroUsize::MIN).unwrap()
    };
    (gateway, plan)
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(in_time.is_ok(), "{what} does not come about");
}

fn healthy(health: &[UpstreamHealth], address: SocketAddr) -> bool {
    let address = address.to_string();
    let own = health.iter().find(|own| own.address == address);
    own.unwrap().healthy
}

#[tokio::test]
async fn requests_go_to_one_address_after_the_other_and_each_is_told_its_own_host() {
    let (one, two) = (named("one").await, named("two").await);
    let (a, b) = (one.address(), two.address());
    let list = listed(&[a, b]);
    let gateway =
        start(World::default().plan(&format!("[api.main]\nauth = \"none\"\nupstream = {list}\n")));
    let mut client = connect(&gateway).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(client.send(get("/", "")).await.text());
    }
    let (one, two) = (format!("one {a}"), format!("two {b}"));
    assert_eq!(answers, [&one, &two, &one, &two].map(String::as_str));
}

#[tokio::test]
async fn the_callers_host_goes_to_each_address_where_the_upstream_wants_it() {
    let (one, two) = (named("one").await, named("two").await);
    let gateway = serve(&[one.address(), two.address()], ", preserve_host = true");
    let mut client = connect(&gateway).await;
    for expected in ["one a.example", "two a.example"] {
        assert_eq!(client.send(get("/", "")).await.text(), expected);
    }
}

#[tokio::test]
async fn the_address_with_the_fewest_requests_is_asked() {
    let go_on = Arc::new(Notify::new());
    let arrived = Arc::new(Notify::new());
    let (wait, arrive) = (Arc::clone(&go_on), Arc::clone(&arrived));
    let slow = TestServer::start(move |_| {
        let (wait, arrive) = (Arc::clone(&wait), Arc::clone(&arrive));
        async move {
            arrive.notify_one();
            wait.notified().await;
            Response::new(text("slow"))
        }
    })
    .await;
    let quick = named("quick").await;
    let addresses = [slow.address(), quick.address()];
    let (gateway, _plan) = watched(&addresses, ", balance = \"least_connections\"");
    let mut waiting = connect(&gateway).await;
    waiting.write(get("/", "")).await.unwrap();
    arrived.notified().await;
    let mut others = connect(&gateway).await;
    for _ in 0..6 {
        assert!(others.send(get("/", "")).await.text().starts_with("quick"));
    }
    go_on.notify_one();
    assert_eq!(waiting.answer().await.unwrap().text(), "slow");
}

#[tokio::test]
async fn a_request_for_which_no_connection_is_made_goes_to_another_address() {
    let two = named("two").await;
    let gateway = serve(&[nobody(), two.address()], "");
    let mut client = connect(&gateway).await;
    // With a body too: nobody has seen any of it.
    for request in [get("/", ""), post("/", "", "body"), get("/", "")] {
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("two {}", two.address()))
        );
    }
}

#[tokio::test]
async fn without_retries_a_request_is_sent_once() {
    let two = named("two").await;
    let gateway = serve(&[nobody(), two.address()], ", retries = 0");
    let mut client = connect(&gateway).await;
    let answer = client.send(get("/", "")).await;
    assert_eq!(outcome(&answer), (502, "upstream_unreachable".to_owned()));
    assert_eq!(client.send(get("/", "")).await.status, 200);
}

#[tokio::test]
async fn retries_are_counted() {
    let last = named("last").await;
    let addresses = [nobody(), nobody(), nobody(), last.address()];
    for (retries, expected) in [(2, 502), (3, 200)] {
        let gateway = serve(&addresses, &format!(", retries = {retries}"));
        let answer = connect(&gateway).await.send(get("/", "")).await;
        assert_eq!(answer.status, expected, "{retries}");
    }
}

/// Reads a request and closes the connection.
async fn closing(mut wire: Wire) -> io::Result<()> {
    wire.head().await.map(drop)
}

#[tokio::test]
async fn only_what_may_be_repeated_is_sent_to_a_second_address_after_the_first_has_seen_it() {
    let broken = Scripted::start(|wire, _| closing(wire)).await;
    let good = named("good").await;
    let addresses = [broken.address(), good.address()];
    for (name, request, expected) in [
        ("GET", get("/", ""), 200),
        ("DELETE", get("/", "").replacen("GET", "DELETE", 1), 200),
        (
            "PUT with a body",
            post("/", "", "a").replacen("POST", "PUT", 1),
            502,
        ),
        ("POST", post("/", "", ""), 502),
    ] {
        let gateway = serve(&addresses, "");
        let answer = connect(&gateway).await.send(request).await;
        assert_eq!(answer.status, expected, "{name}");
    }
    assert_eq!(broken.connections(), 4);
}

#[tokio::test]
async fn an_address_that_fails_is_left_out_and_tried_again_later() {
    let flaky = nobody();
    let good = named("good").await;
    let addresses = [flaky, good.address()];
    let (gateway, plan) = watched(&addresses, "");
    let health = || plan.upstream_health();
    assert!(healthy(&health(), flaky));
    // Every second request begins at the first address: three failures are six requests.
    assert_eq!(names(&gateway, 6).await.len(), 1);
    assert!(!healthy(&health(), flaky));
    assert!(healthy(&health(), good.address()));
    let page = gateway.metrics().render();
    for (address, healthy) in [(flaky, 0), (good.address(), 1)] {
        let line = format!(
            "portcullis_upstream_healthy{{upstream=\"main\",address=\"{address}\"}} {healthy}"
        );
        assert!(page.lines().any(|own| own == line), "{line}\n{page}");
    }

    // It is well again, and after a second one request finds out.
    let listener = tokio::net::TcpListener::bind(flaky).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nflaky";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    let mut client = connect(&gateway).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while client.send(get("/", "")).await.text() != "flaky" {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it is never tried again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(healthy(&health(), flaky));
    assert_eq!(names(&gateway, 6).await["flaky"], 3);
}

#[tokio::test]
async fn when_all_addresses_are_left_out_they_are_asked_all_the_same() {
    let (a, b) = (nobody(), nobody());
    let (gateway, plan) = watched(&[a, b], "");
    let mut client = connect(&gateway).await;
    for _ in 0..8 {
        let answer = client.send(get("/", "")).await;
        assert_eq!(outcome(&answer), (502, "upstream_unreachable".to_owned()));
    }
    assert!(plan.upstream_health().iter().all(|own| !own.healthy));
    let listener = tokio::net::TcpListener::bind(b).await.unwrap();
    let accepted = tokio::spawn(async move { listener.accept().await.map(drop) });
    client.write(get("/", "")).await.unwrap();
    tokio::time::timeout(PATIENCE, accepted)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_slow_answer_does_not_leave_its_address_out_but_a_check_does() {
    let hanging = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let good = named("good").await;
    let addresses = [hanging.address(), good.address()];
    let (gateway, plan) = watched(&addresses, ", answer_timeout = \"250ms\"");
    let mut client = connect(&gateway).await;
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        outcomes.push(client.send(get("/", "")).await.status);
    }
    assert_eq!(outcomes, [504, 200, 504, 200, 504, 200, 504, 200]);
    assert!(plan.upstream_health().iter().all(|own| own.healthy));

    let health =
        ", health = { path = \"/\", every = \"100ms\", timeout = \"50ms\", unhealthy = 2 }";
    let (gateway, plan) = watched(&addresses, health);
    until("being left out", || {
        !healthy(&plan.upstream_health(), hanging.address())
    })
    .await;
    assert_eq!(names(&gateway, 4).await["good"], 4);
}

#[tokio::test]
async fn checks_leave_an_address_out_and_let_it_in_again() {
    let is_well = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let (state, record) = (Arc::clone(&is_well), Arc::clone(&asked));
    let checked = TestServer::start(move |request| {
        let is_check = request.uri().path() == "/health";
        if is_check {
            let line = format!(
                "{} {} {:?}",
                request.method(),
                request.uri(),
                request.headers()
            );
            record.lock().unwrap().push(line);
        }
        let status = if !is_check || state.load(std::sync::atomic::Ordering::SeqCst) {
            200
        } else {
            500
        };
        async move {
            Response::builder()
                .status(status)
                .body(text("checked"))
                .unwrap()
        }
    })
    .await;
    let other = named("other").await;
    let settings =
        ", health = { path = \"/health?a\", every = \"100ms\", healthy = 1, unhealthy = 2 }";
    let addresses = [checked.address(), other.address()];
    let (gateway, plan) = watched(&addresses, settings);
    assert_eq!(names(&gateway, 4).await["checked"], 2);

    is_well.store(false, std::sync::atomic::Ordering::SeqCst);
    until("being left out", || {
        !healthy(&plan.upstream_health(), checked.address())
    })
    .await;
    let answers = names(&gateway, 4).await;
    assert_eq!(answers, BTreeMap::from([("other".to_owned(), 4)]));

    is_well.store(true, std::sync::atomic::Ordering::SeqCst);
    until("being let in", || {
        healthy(&plan.upstream_health(), checked.address())
    })
    .await;
    assert_eq!(names(&gateway, 4).await["checked"], 2);
    let asked = asked.lock().unwrap();
    let host = checked.address();
    let expected =
        format!("GET /health?a {{\"user-agent\": \"portcullis-health\", \"host\": \"{host}\"}}");
    assert!(
        asked.iter().all(|question| *question == expected),
        "{asked:?}"
    );
}

#[tokio::test]
async fn checks_notice_an_address_at_which_nobody_listens_or_nobody_answers() {
    let hanging = Scripted::start(|wire, _| async move {
        wire.rest().await;
        Ok(())
    })
    .await;
    let good = named("good").await;
    let settings =
        ", health = { path = \"/\", every = \"100ms\", timeout = \"50ms\", unhealthy = 1 }";
    let (dead, hung) = (nobody(), hanging.address());
    let (gateway, plan) = watched(&[dead, hung, good.address()], settings);
    until("being left out", || {
        let health = plan.upstream_health();
        !healthy(&health, dead) && !healthy(&health, hung)
    })
    .await;
    assert_eq!(names(&gateway, 3).await["good"], 3);
}

#[tokio::test]
async fn a_reload_keeps_connections_and_what_is_known_where_nothing_differs() {
    let counted = Scripted::start(|mut wire, _| async move {
        loop {
            wire.head().await?;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncounted")
                .await?;
        }
    })
    .await;
    let addresses = [nobody(), counted.address()];
    let (gateway, plan) = watched(&addresses, "");
    let mut client = connect(&gateway).await;
    for _ in 0..6 {
        assert_eq!(client.send(get("/", "")).await.text(), "counted");
    }
    assert!(!healthy(&plan.upstream_health(), addresses[0]));
    assert_eq!(counted.connections(), 1);

    // Something else differs in the file.
    let other = "routes = { \"GET /hello\" = { respond = \"Hello\" } }\n";
    let text = api(&addresses, "") + other;
    let plan = gateway.replace(World::default().plan(&text));
    assert!(!healthy(&plan.upstream_health(), addresses[0]));
    assert_eq!(client.send(get("/hello", "")).await.text(), "Hello");
    assert_eq!(client.send(get("/", "")).await.text(), "counted");
    assert_eq!(counted.connections(), 1);

    // The upstream does.
    let text = api(&addresses, ", retries = 2");
    let plan = gateway.replace(World::default().plan(&text));
    assert!(healthy(&plan.upstream_health(), addresses[0]));
    assert_eq!(client.send(get("/", "")).await.text(), "counted");
    drop(plan);
}
