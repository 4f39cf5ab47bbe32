//! The admin listener as those who run a gateway use it, without a socket.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use portcullis::{BoxFuture, Issuer, Verifier};
use portcullis_admin::{
    Admin, AdminToken, AuthorizerKeys, Health, Hosts, LastReload, NotReloaded, Operations,
    Question, Reloaded, UpstreamState,
};
use portcullis_token::{KeySet, UnixTime};
use serde_json::{Value, json};
use tower_service::Service as _;

/// The key of RFC 8037, whose thumbprint is in its appendix A.3, and one that nobody may publish.
const KEYS: &[u8] = br#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"oct","kid":"b","k":"AAAA"}
]}"#;

/// A gateway that tells what it was asked.
#[derive(Default)]
struct Fake {
    ending: AtomicBool,
    reloads: AtomicUsize,
}

impl Operations for Fake {
    fn is_ready(&self) -> bool {
        !self.ending.load(Ordering::SeqCst)
    }

    fn health(&self) -> Health {
        let keys = KeySet::parse(KEYS).unwrap();
        let issuer = Issuer::fixed(Arc::new(keys)).named("https://issuer.example/");
        let verifier = Verifier::builder().issuer(issuer.audience("a"));
        let verifier = verifier.build().unwrap();
        Health {
            generation: 7,
            last_reload: Some(LastReload {
                trigger: "SIGHUP",
                at: UnixTime(1_790_000_000),
                succeeded: true,
            }),
            authorizers: vec![AuthorizerKeys {
                name: "user".to_owned(),
                issuers: verifier.key_status(),
            }],
            upstreams: vec![UpstreamState {
                api: "main".to_owned(),
                address: "127.0.0.1:3001".to_owned(),
                is_healthy: true,
                failures: 0,
            }],
        }
    }

    fn metrics(&self) -> String {
        "portcullis_config_generation 7\n".to_owned()
    }

    fn routes(&self) -> Value {
        json!([{ "path": "/a" }])
    }

    fn reload(&self, peer: Option<SocketAddr>) -> BoxFuture<'_, Result<Reloaded, NotReloaded>> {
        assert_eq!(peer, Some("127.0.0.1:5".parse().unwrap()));
        let reload = self.reloads.fetch_add(1, Ordering::SeqCst);
        let result = match reload {
            0 => Ok(Reloaded {
                generation: 8,
                restart_needed: vec!["server.listen"],
            }),
            1 => Err(NotReloaded::Invalid {
                diagnostics: json!([{ "line": 2 }]),
            }),
            2 => Err(NotReloaded::Failed("there is no file".to_owned())),
            _ => Err(NotReloaded::Ending),
        };
        Box::pin(async move { result })
    }

    fn explain(&self, question: Question) -> BoxFuture<'_, Value> {
        let authorization = question.headers.get("authorization").cloned();
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        let told = json!({
            "method": question.method,
            "path": question.target,
            "authorization": authorization,
        });
        Box::pin(async move { told })
    }
}

struct World {
    router: Router,
    gateway: Arc<Fake>,
    token: String,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let admin_token = AdminToken::create(&path).unwrap();
        let token = fs::read_to_string(&path).unwrap().trim().to_owned();
        let gateway = Arc::new(Fake::default());
        let hosts = Hosts::this_machine_and(vec!["gateway.internal".to_owned()]);
        let operations = Arc::clone(&gateway) as Arc<dyn Operations>;
        let router = Admin::new(operations, admin_token, hosts).router();
        Self {
            router,
            gateway,
            token,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().call(request).await.unwrap();
        let header = |name| {
            let value = response.headers().get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let (challenge, kind) = (header("www-authenticate"), header("content-type"));
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer {
            status,
            challenge,
            kind,
            json: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let request = request(method, path, "localhost", &[&bearer]);
        self.send(request.map(|()| Body::from(body.to_owned())))
            .await
    }
}

struct Answer {
    status: StatusCode,
    challenge: String,
    kind: String,
    json: Value,
}

fn request(method: &str, path: &str, host: &str, credentials: &[&str]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("host", host);
    for line in credentials {
        request = request.header("authorization", *line);
    }
    let peer: SocketAddr = "127.0.0.1:5".parse().unwrap();
    request.extension(peer).body(()).unwrap()
}

/// Every route, and some paths that are none.
const GUARDED: [(&str, &str); 9] = [
    ("GET", "/health"),
    ("GET", "/keys"),
    ("GET", "/routes"),
    ("POST", "/reload"),
    ("POST", "/explain"),
    ("GET", "/metrics"),
    ("GET", "/"),
    ("GET", "/live/"),
    ("GET", "//ready"),
];

#[tokio::test]
async fn nothing_but_a_status_is_told_without_the_token() {
    let world = World::start();
    let good = format!("Bearer {}", world.token);
    let wrong = format!("Bearer {}a", world.token);
    let basic = format!("Basic {}", world.token);
    let bare = "Bearer realm=\"portcullis admin\"";
    let invalid = "Bearer realm=\"portcullis admin\", error=\"invalid_token\"";
    let malformed = "Bearer realm=\"portcullis admin\", error=\"invalid_request\"";
    for (method, path) in GUARDED {
        for (credentials, challenge) in [
            (&[][..], bare),
            (&[&*basic], bare),
            (&[&*wrong], invalid),
            (&["Bearer x"], invalid),
            (&["Bearer"], malformed),
            (&[&*world.token], bare),
            (&[&*good, &*good], malformed),
        ] {
            let request = request(method, path, "localhost:9901", credentials);
            let answer = world.send(request.map(|()| Body::empty())).await;
            let got = (answer.status.as_u16(), &*answer.challenge, &*answer.kind);
            let expected = (401, challenge, "application/problem+json");
            assert_eq!(got, expected, "{method} {path} {credentials:?}");
        }
    }
    assert_eq!(world.gateway.reloads.load(Ordering::SeqCst), 0);
    for path in ["/live", "/ready"] {
        let request = request("GET", path, "10.0.0.9:9901", &[]);
        let answer = world.send(request.map(|()| Body::empty())).await;
        assert_eq!((answer.status, answer.json), (StatusCode::OK, Value::Null));
    }
}

#[tokio::test]
async fn another_host_is_refused_whatever_it_shows() {
    let world = World::start();
    let good = format!("Bearer {}", world.token);
    for (host, expected) in [
        ("localhost:9901", 200),
        ("gateway.internal", 200),
        ("evil.example", 421),
        ("localhost.evil.example:9901", 421),
    ] {
        let request = request("GET", "/health", host, &[&good]);
        let answer = world.send(request.map(|()| Body::empty())).await;
        assert_eq!(answer.status.as_u16(), expected, "{host}");
    }
}

#[tokio::test]
async fn the_end_is_told_at_once() {
    let world = World::start();
    world.gateway.ending.store(true, Ordering::SeqCst);
    for (path, expected) in [("/live", 200), ("/ready", 503)] {
        assert_eq!(world.ask("GET", path, "").await.status.as_u16(), expected);
    }
    assert_eq!(world.ask("GET", "/health", "").await.json["ready"], false);
}

#[tokio::test]
async fn the_state_is_told_to_those_who_show_the_token() {
    let world = World::start();
    let health = world.ask("GET", "/health", "").await;
    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(
        health.json,
        json!({
            "status": "ok",
            "ready": true,
            "generation": 7,
            "last_reload": {
                "trigger": "SIGHUP", "at": "2026-09-21T14:13:20Z", "succeeded": true,
            },
            "authorizers": [{ "name": "user", "issuers": [{
                "issuer": "https://issuer.example/", "keys": 1, "usable": true, "stale": false,
                "age_s": null, "failures": 0, "last_error": null,
            }]}],
            "upstreams": [{
                "api": "main", "address": "127.0.0.1:3001", "healthy": true, "failures": 0,
            }],
        })
    );
    let keys = world.ask("GET", "/keys", "").await.json;
    assert_eq!(
        keys,
        json!({ "authorizers": [{ "name": "user", "issuers": [{
            "issuer": "https://issuer.example/", "source": null,
            "origin": "given", "fetched_at": null, "age_s": null, "usable": true,
            "keys": [{
                "kid": "a", "alg": "EdDSA", "distrusted": false,
                "thumbprint": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            }],
            "skipped": [{ "kid": "b", "why": "a symmetric key" }],
        }]}]})
    );
    let routes = world.ask("GET", "/routes", "").await.json;
    assert_eq!(routes, json!({ "routes": [{ "path": "/a" }] }));
}

#[tokio::test]
async fn a_reload_tells_how_it_went() {
    let world = World::start();
    let answer = world.ask("POST", "/reload", "").await;
    let expected = json!({ "generation": 8, "restart_needed": ["server.listen"] });
    assert_eq!((answer.status, answer.json), (StatusCode::OK, expected));
    for (status, code, detail, diagnostics) in [
        (
            422,
            "configuration",
            "the configuration has errors",
            json!([{ "line": 2 }]),
        ),
        (422, "configuration", "there is no file", Value::Null),
        (503, "ending", "the gateway is ending", Value::Null),
    ] {
        let answer = world.ask("POST", "/reload", "").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.kind),
            (status, "application/problem+json")
        );
        let kind = format!("urn:portcullis:problem:{code}");
        assert_eq!(answer.json["type"], kind);
        assert_eq!(answer.json["detail"], detail);
        assert_eq!(answer.json["diagnostics"], diagnostics);
    }
}

#[tokio::test]
async fn what_reads_changes_nothing_and_what_changes_is_not_read() {
    let world = World::start();
    for (method, path, expected) in [
        ("GET", "/reload", 405),
        ("HEAD", "/reload", 405),
        ("GET", "/explain", 405),
        ("POST", "/health", 405),
        ("POST", "/ready", 405),
        ("GET", "/nothing", 404),
        ("HEAD", "/health", 200),
    ] {
        let answer = world.ask(method, path, "").await;
        assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
    }
    assert_eq!(world.gateway.reloads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_question_has_a_size() {
    let world = World::start();
    let body = r#"{"path":"/a","token":"t"}"#;
    let answer = world.ask("POST", "/explain", body).await;
    let expected = json!({ "method": "GET", "path": "/a", "authorization": "Bearer t" });
    assert_eq!((answer.status, answer.json), (StatusCode::OK, expected));
    let limit = 256 * 1024;
    let longest = format!("{body}{}", " ".repeat(limit - body.len()));
    for (body, expected) in [
        (longest.clone(), 200),
        (longest + " ", 413),
        ("{".to_owned(), 400),
    ] {
        let answer = world.ask("POST", "/explain", &body).await;
        assert_eq!(answer.status.as_u16(), expected, "{} bytes", body.len());
    }
}
