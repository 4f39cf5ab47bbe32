//! What `serve` tells of requests: the access log on stderr, and spans to a collector.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt as _;
use portcullis_testkit::{TestServer, text};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::Session;
use crate::signer::{Lifetime, Signer, changed, claims};
use crate::web::{client, get, send};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// What is not told, in pieces of this many characters.
const PIECE: usize = 16;

/// An issuer, and a gateway that trusts it.
struct Trusting {
    signer: Signer,
    issuer: String,
    world: World,
    _server: TestServer,
}

impl Trusting {
    async fn with(settings: &str) -> Self {
        let signer = Signer::generate("key-1");
        let key = signer.jwk();
        let server = TestServer::start(move |request| {
            let host = request.headers()["host"].to_str().unwrap().to_owned();
            let document = match request.uri().path() {
                "/keys" => json!({ "keys": [key] }),
                "/hello" => json!({ "hello": "world" }),
                _ => json!({
                    "issuer": format!("http://{host}/"), "jwks_uri": format!("http://{host}/keys"),
                }),
            };
            async move { Response::new(text(document.to_string())) }
        })
        .await;
        let (url, issuer) = (server.url(), format!("{}/", server.url()));
        let world = World::with_file(&format!(
            "{settings}\n[authorizer.user]\nissuer = \"{issuer}\"\naudience = [\"testing\"]\n\
             [api.main]\nupstream = \"{url}\"\nauth = \"user\"\n\
             [api.main.routes]\n\"GET /word/{{name}}\" = {{ respond = \"12345\", auth = \"none\" }}\n"
        ));
        Self {
            signer,
            issuer,
            world,
            _server: server,
        }
    }

    async fn start(&self, arguments: &[&str]) -> Session {
        let serve = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
        Session::spawn(&mut self.world.command(&[&serve, arguments].concat())).await
    }

    fn token(&self) -> String {
        let mut claims = claims(&self.issuer, "testing", Lifetime::Running);
        claims["azp"] = "app-1".into();
        self.signer.sign(&claims)
    }
}

/// The lines of the access log.
fn access(stderr: &str) -> Vec<Value> {
    let lines = stderr.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    });
    lines
        .filter(|line| line["target"] == "portcullis::access")
        .collect()
}

/// Sends bytes that no client library would, and reads the answer until the connection ends.
async fn send_raw(session: &Session, request: &str) {
    let address = session.api().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the connection ends in time").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
}

#[tokio::test]
async fn each_request_is_a_line_with_everything_that_was_found_out() {
    let trusting = Trusting::with("").await;
    let session = trusting.start(&[]).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let request = client()
        .get(session.url("/hello?secret=1"))
        .bearer_auth(trusting.token())
        .header("x-request-id", "request-1")
        .header("traceparent", parent);
    assert_eq!(send(request).await.status, 200);
    get(&session.url("/word/a%62c")).await;
    get(&session.url("/hello")).await;
    let output = session.stop().await;
    let lines = access(&output.stderr);
    let [first, second, third] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    for (key, expected) in [
        ("request_id", json!("request-1")),
        ("trace_id", json!(TRACE)),
        ("method", json!("GET")),
        ("path", json!("/hello")),
        ("status", json!(200)),
        ("bytes", json!(r#"{"hello":"world"}"#.len())),
        ("upstream_status", json!(200)),
        ("api", json!("main")),
        ("authorizer", json!("user")),
        ("issuer", json!(trusting.issuer)),
        ("subject", json!("ada")),
        ("client_id", json!("app-1")),
        ("reason", Value::Null),
    ] {
        assert_eq!(first[key], expected, "{key} of {first}");
    }
    assert!(
        first["timestamp"].is_string() && first["host"].is_string(),
        "{first}"
    );
    let took = |key: &str| first[key].as_u64().unwrap();
    assert!(
        took("upstream_duration_us") <= took("duration_us"),
        "{first}"
    );
    assert_eq!(second["route"], "/word/{name}");
    assert_eq!(
        (&second["path"], &second["bytes"]),
        (&json!("/word/abc"), &json!(5))
    );
    assert_eq!(
        (&third["status"], &third["reason"]),
        (&json!(401), &json!("missing"))
    );
    assert_eq!(third["subject"], Value::Null);
}

#[tokio::test]
async fn a_caller_is_named_as_the_file_says() {
    for (settings, expected) in [
        ("[log]\nsubject = \"plain\"", Some("ada".len())),
        ("[log]\nsubject = \"hash\"", Some(22)),
        ("[log]\nsubject = \"none\"", None),
    ] {
        let trusting = Trusting::with(settings).await;
        let session = trusting.start(&[]).await;
        for _ in 0..2 {
            let request = client().get(session.url("/hello"));
            send(request.bearer_auth(trusting.token())).await;
        }
        let lines = access(&session.stop().await.stderr);
        let subjects: Vec<_> = lines.iter().map(|line| &line["subject"]).collect();
        assert_eq!(subjects[0].as_str().map(str::len), expected, "{settings}");
        assert_eq!(subjects[0], subjects[1], "{settings}");
        assert_eq!(
            subjects[0] == "ada",
            settings.contains("plain"),
            "{settings}"
        );
    }
}

#[tokio::test]
async fn the_log_is_off_or_for_people_where_the_file_or_the_command_says_so() {
    for (settings, arguments, json, access) in [
        ("[log]\naccess = false", &[][..], true, false),
        ("[log]\nformat = \"text\"", &[], false, true),
        (
            "[log]\nformat = \"text\"",
            &["--log-format", "json"],
            true,
            true,
        ),
    ] {
        let trusting = Trusting::with(settings).await;
        let session = trusting.start(arguments).await;
        get(&session.url("/word/seen")).await;
        let said = session.stop().await.stderr;
        assert_eq!(said.contains("/word/seen"), access, "{settings}: {said}");
        let is_json = said
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert_eq!(is_json, json, "{settings}: {said}");
    }
}

#[tokio::test]
async fn nothing_that_a_caller_sends_makes_a_line_or_a_field() {
    let forged = [
        "GET /a%0A%7B%22status%22:200%7D HTTP/1.1\r\nHost: a.example\r\n",
        "GET /a\",\"status\":200,\"x\":\" HTTP/1.1\r\nHost: a.example\r\n",
        "GET /a HTTP/1.1\r\nHost: a\",\"status\":200,\"x\":\"\r\n",
        "GET /a HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: a\",\"status\":200,\"x\":\"\r\n",
        "GET /a HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: a\u{1b}[31mb\r\n",
        "GET /a HTTP/1.1\r\nHost: a.example\r\nTraceparent: \",\"status\":200,\"x\":\"\r\n",
        "STATUS\"200 /a HTTP/1.1\r\nHost: a.example\r\n",
        "GET /a\u{1b}[31m HTTP/1.1\r\nHost: a.example\r\n",
        "GET /a HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer a\tstatus=200\r\n",
    ];
    for format in ["json", "text"] {
        let trusting = Trusting::with("").await;
        let session = trusting.start(&["--log-format", format]).await;
        for request in forged {
            send_raw(&session, &format!("{request}Connection: close\r\n\r\n")).await;
        }
        let said = session.stop().await.stderr;
        assert!(!said.contains('\u{1b}'), "{said}");
        if format == "json" {
            let lines = access(&said);
            assert!((6..=forged.len()).contains(&lines.len()), "{lines:#?}");
            for line in lines {
                assert!(line["status"].as_u64() >= Some(400), "{line}");
                assert_eq!(line["x"], Value::Null, "{line}");
            }
        } else {
            assert!(!said.contains(" 200 "), "{said}");
        }
    }
}

#[tokio::test]
async fn no_piece_of_a_token_is_in_the_access_log() {
    let trusting = Trusting::with("").await;
    let session = trusting.start(&[]).await;
    let good = trusting.token();
    let over = claims(&trusting.issuer, "testing", Lifetime::Over);
    let tokens = [
        changed(&good, 2),
        good.replace('.', "-"),
        trusting.signer.sign(&over),
        good,
    ];
    for token in &tokens {
        for path in ["/hello", "/word/a", "/nowhere"] {
            let url = session.url(path);
            for request in [
                client().get(&url).bearer_auth(token),
                client().get(&url).header("authorization", token),
                client()
                    .get(&url)
                    .header("cookie", format!("token={token}")),
                client().get(format!("{url}?access_token={token}")),
                client().get(&url).header("x-request-id", token),
                client().get(&url).header("traceparent", token),
            ] {
                send(request).await;
            }
        }
    }
    let said = session.stop().await.stderr;
    assert_eq!(access(&said).len(), tokens.len() * 3 * 6);
    for token in &tokens {
        for piece in token.as_bytes().windows(PIECE) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert!(!said.contains(piece), "{piece}");
        }
    }
}

/// A collector, and what it was sent.
async fn collector(status: u16) -> (TestServer, Arc<Mutex<Vec<(String, Value)>>>) {
    let taken = Arc::<Mutex<Vec<_>>>::default();
    let record = Arc::clone(&taken);
    let server = TestServer::start(move |request| {
        let record = Arc::clone(&record);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let kind = head.headers["content-type"].to_str().unwrap();
            let what = format!("{} {} {kind}", head.method, head.uri.path());
            let body = serde_json::from_slice(&body).unwrap();
            record.lock().unwrap().push((what, body));
            let mut answer = Response::new(text("{}"));
            *answer.status_mut() = status.try_into().unwrap();
            answer
        }
    })
    .await;
    (server, taken)
}

#[tokio::test]
async fn spans_reach_the_collector_and_those_of_the_last_requests_too() {
    let (collector, taken) = collector(200).await;
    let settings = format!("[telemetry]\notlp = \"{}/\"\n", collector.url());
    let trusting = Trusting::with(&settings).await;
    let session = trusting.start(&[]).await;
    let request = client().get(session.url("/hello"));
    send(request.bearer_auth(trusting.token())).await;
    let ended = session.stop().await;
    let taken = taken.lock().unwrap().clone();
    let [(what, body)] = taken.as_slice() else {
        panic!("{taken:#?} {}", ended.stderr)
    };
    assert_eq!(what, "POST /v1/traces application/json");
    let resource = &body["resourceSpans"][0];
    assert_eq!(
        resource["resource"]["attributes"][0],
        json!({ "key": "service.name", "value": { "stringValue": "portcullis" } })
    );
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let line = &access(&ended.stderr)[0];
    for span in spans {
        assert_eq!(span["traceId"], line["trace_id"]);
    }
}

#[tokio::test]
async fn a_collector_that_refuses_is_told_once_and_harms_nobody() {
    let (collector, taken) = collector(500).await;
    let settings = format!("[telemetry]\notlp = \"{}\"\n", collector.url());
    let trusting = Trusting::with(&settings).await;
    let session = trusting.start(&[]).await;
    for number in 1..=2 {
        assert_eq!(get(&session.url("/word/a")).await.status, 200);
        let sent = async {
            while taken.lock().unwrap().len() < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, sent)
            .await
            .expect("spans are sent in time");
    }
    let said = session.stop().await.stderr;
    let complaints = said.matches("the collector does not take spans").count();
    assert_eq!(complaints, 1, "{said}");
}

#[tokio::test]
async fn the_collector_and_the_form_of_the_log_take_a_restart_and_the_rest_does_not() {
    let trusting = Trusting::with("").await;
    let file = trusting.world.project().join("portcullis.toml");
    let text = fs::read_to_string(&file).unwrap();
    let session = trusting.start(&["--log-format", "json"]).await;
    get(&session.url("/word/before")).await;
    session.until_said("/word/before").await;
    let settings = "[telemetry]\notlp = \"http://127.0.0.1:1\"\n\
                    [log]\nformat = \"text\"\naccess = false\n";
    fs::write(&file, format!("{settings}{text}")).unwrap();
    session.signal("HUP").await;
    session.until_said("log.format").await;
    get(&session.url("/word/after")).await;
    let said = session.stop().await.stderr;
    assert_eq!(access(&said).len(), 1, "{said}");
    let waits = "changed in the file, and takes a restart";
    for setting in ["telemetry.otlp", "log.format"] {
        let told = said
            .lines()
            .any(|line| line.contains(setting) && line.contains(waits));
        assert!(told, "{setting}: {said}");
    }
}
