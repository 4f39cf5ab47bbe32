use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::body::Incoming;
use portcullis_testkit::{TestServer, text};
use tokio::time::timeout;

use crate::program::World;
use crate::session::{Session, token};
use crate::web::{client, get, get_as, send};

/// `examples/proxy` in front of an upstream that keeps the heads of the requests it got.
struct Guarded {
    world: World,
    session: Session,
    seen: Arc<Mutex<Vec<http::request::Parts>>>,
    upstream: TestServer,
}

impl Guarded {
    async fn start() -> Self {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let keep = Arc::clone(&seen);
        let upstream = TestServer::start(move |request: Request<Incoming>| {
            let (head, body) = request.into_parts();
            keep.lock().unwrap().push(head);
            async move {
                let body = body.collect().await.unwrap().to_bytes();
                Response::new(text(format!("upstream got {} bytes", body.len())))
            }
        })
        .await;
        let world = world(&upstream);
        let session = Session::start(&world).await;
        Self {
            world,
            session,
            seen,
            upstream,
        }
    }

    /// The head of the only request that arrived since the last call.
    #[track_caller]
    fn only(&self) -> http::request::Parts {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

fn world(upstream: &TestServer) -> World {
    let world = World::example("proxy");
    world.write(".env", format!("UPSTREAM={}\n", upstream.url()));
    world
}

#[tokio::test]
async fn each_route_asks_for_what_the_file_says() {
    let guarded = Guarded::start().await;
    let all = token(&guarded.world, &[]).await;
    let none = token(&guarded.world, &["--client", "monitor"]).await;
    let (all, none) = (Some(&all), Some(&none));
    for (path, token, expected) in [
        ("/health", None, (200, "")),
        ("/health", none, (200, "")),
        ("/other", None, (401, "missing")),
        ("/other", none, (200, "")),
        ("/reports/1", None, (401, "missing")),
        ("/reports/1", none, (403, "scope")),
        ("/reports/1", all, (200, "")),
        ("/reports/2026/summary", all, (200, "")),
    ] {
        let url = guarded.session.url(path);
        let answer = match token {
            Some(token) => get_as(token, &url).await,
            None => get(&url).await,
        };
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            expected,
            "{path} {answer:?}"
        );
        let arrived = std::mem::take(&mut *guarded.seen.lock().unwrap()).len();
        assert_eq!(arrived, usize::from(expected.0 == 200), "{path}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let guarded = Guarded::start().await;
    let token = token(&guarded.world, &["--client", "monitor"]).await;
    let answer = get_as(&token, &guarded.session.url("/reports/1")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"reports\", error=\"insufficient_scope\", \
         error_description=\"The access token lacks a required scope\", scope=\"read:reports\""
    );
    assert_eq!(
        answer.json()["type"],
        "urn:portcullis:problem:insufficient_scope"
    );
}

#[tokio::test]
async fn the_upstream_learns_who_calls_from_the_gateway_alone() {
    let guarded = Guarded::start().await;
    let token = token(&guarded.world, &[]).await;
    for (path, user, scopes) in [
        (
            "/reports/1",
            Some("development@clients"),
            Some("read:reports"),
        ),
        ("/health", None, None),
    ] {
        let request = client()
            .get(guarded.session.url(path))
            .bearer_auth(&token)
            .header("x-user", "eve")
            .header("X-Scopes", "everything")
            .header("x_user", "eve")
            .header("cookie", "kept=yes");
        assert_eq!(send(request).await.status, 200, "{path}");
        let headers = guarded.only().headers;
        let all = |name| {
            let values = headers.get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap())
                .collect::<Vec<_>>()
        };
        if let (Some(user), Some(scopes)) = (user, scopes) {
            assert_eq!((all("x-user"), all("x-scopes")), (vec![user], vec![scopes]));
        }
        assert!(!all("x-user").contains(&"eve"), "{path}: {headers:?}");
        assert!(
            !all("x-scopes").contains(&"everything"),
            "{path}: {headers:?}"
        );
        assert!(all("x_user").is_empty(), "{path}: {headers:?}");
        assert!(all("authorization").is_empty(), "{path}: {headers:?}");
        assert_eq!(all("cookie"), ["kept=yes"], "{path}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_bad_gateway() {
    let Guarded {
        world,
        session,
        upstream,
        ..
    } = Guarded::start().await;
    drop(upstream);
    let token = token(&world, &[]).await;
    let answer = get_as(&token, &session.url("/reports/1")).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (502, "upstream_unreachable")
    );
    assert_eq!(get(&session.url("/reports/1")).await.status, 401);
}

#[tokio::test]
async fn a_request_s_body_arrives_whole() {
    let guarded = Guarded::start().await;
    let token = token(&guarded.world, &[]).await;
    let request = client()
        .post(guarded.session.url("/upload"))
        .bearer_auth(&token);
    let answer = send(request.body(vec![b'x'; 3_000_000])).await;
    assert_eq!(answer.body, "upstream got 3000000 bytes");
    let head = guarded.only();
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/upload"));
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let (mut pieces, body) = Channel::<Bytes>::new(1);
    let body = Arc::new(Mutex::new(Some(body.boxed())));
    let upstream = TestServer::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::new(body) }
    })
    .await;
    let world = world(&upstream);
    let session = Session::start(&world).await;

    pieces.send_data(Bytes::from("first")).await.unwrap();
    let mut response = client().get(session.url("/health")).send().await.unwrap();
    let patience = Duration::from_secs(10);
    let first = timeout(patience, response.chunk())
        .await
        .expect("it comes before the end");
    assert_eq!(first.unwrap().as_deref(), Some(&b"first"[..]));
    pieces.send_data(Bytes::from("second")).await.unwrap();
    assert_eq!(
        response.chunk().await.unwrap().as_deref(),
        Some(&b"second"[..])
    );
    drop(pieces);
    assert_eq!(response.chunk().await.unwrap(), None);
}
