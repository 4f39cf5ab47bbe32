use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, World, bearer, get, post, start};
use crate::upstream::Scripted;

/// A gRPC server of sorts: HTTP/2 by prior knowledge, and a status after each answer.
struct Grpc {
    address: SocketAddr,
    task: AbortHandle,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<(Request<()>, Bytes, HeaderMap)>,
}

impl Grpc {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let record = Arc::clone(&seen);
        let accept = async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                record.lock().unwrap().connections += 1;
                let record = Arc::clone(&record);
                let service = service_fn(move |request| answer(request, Arc::clone(&record)));
                let server = http2::Builder::new(TokioExecutor::new());
                tasks.spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        };
        Self {
            address,
            task: tokio::spawn(accept).abort_handle(),
            seen,
        }
    }

    /// The configuration of an API that it stands behind.
    fn api(&self, auth: &str) -> String {
        let address = self.address;
        format!(
            "[api.main]\nauth = \"{auth}\"\nidentity = {{ \"x-user\" = \"sub\" }}\n\
             upstream = {{ url = \"http://{address}/base\", protocol = \"http2\" }}\n"
        )
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<impl http_body::Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let request = Request::from_parts(head, ());
    seen.lock()
        .unwrap()
        .requests
        .push((request, body.to_bytes(), trailers));
    let mut status = HeaderMap::new();
    status.insert("grpc-status", HeaderValue::from_static("5"));
    let body = Full::new(Bytes::from("reply"))
        // Nobody knows its length, so none is announced.
        .map_frame(|frame| frame)
        .with_trailers(async { Some(Ok(status)) });
    let mut response = Response::new(body);
    // HTTP/1.1 callers are told of what was announced only.
    response
        .headers_mut()
        .insert("trailer", HeaderValue::from_static("grpc-status"));
    Ok(response)
}

#[tokio::test]
async fn a_grpc_call_goes_over_http2_and_its_status_comes_back() {
    let grpc = Grpc::start().await;
    let world = World::default();
    let gateway = start(world.plan(&grpc.api("user")));
    let lines = bearer(&world.token().subject("ada").sign())
        + "TE: trailers\r\nContent-Type: application/grpc\r\nX-User: mallory\r\n";
    let mut client = Client::connect(gateway.address()).await.unwrap();
    for _ in 0..3 {
        client
            .write(post("/pkg.Service/Method?q=1", &lines, "call"))
            .await
            .unwrap();
        let head = client.head().await.unwrap();
        assert_eq!((head.version.as_str(), head.status), ("HTTP/1.1", 200));
        assert_eq!(client.chunk().await.unwrap(), b"reply");
        assert_eq!(client.trailers().await.unwrap(), ["grpc-status: 5"]);
    }
    let seen = grpc.seen.lock().unwrap();
    assert_eq!((seen.connections, seen.requests.len()), (1, 3));
    for (request, body, trailers) in &seen.requests {
        assert_eq!(body.as_ref(), b"call");
        assert!(trailers.is_empty());
        assert_eq!(
            request.uri().to_string(),
            format!("http://{}/base/pkg.Service/Method?q=1", grpc.address)
        );
        let header = |name| request.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(header("te"), ["trailers"]);
        assert_eq!(header("content-type"), ["application/grpc"]);
        assert_eq!(header("x-user"), ["ada"]);
        assert!(header("host").is_empty() && header("authorization").is_empty());
    }
}

#[tokio::test]
async fn a_callers_trailers_do_not_reach_an_http2_upstream() {
    let grpc = Grpc::start().await;
    let gateway = start(World::default().plan(&grpc.api("none")));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let request = "POST /a HTTP/1.1\r\nHost: a.example\r\nTrailer: x-user\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-user: mallory\r\n\r\n";
    for _ in 0..2 {
        assert_eq!(client.send(request).await.status, 200);
    }
    for (request, body, trailers) in &grpc.seen.lock().unwrap().requests {
        assert_eq!(body.as_ref(), b"abc");
        assert_eq!(trailers, &HeaderMap::new());
        assert!(!request.headers().contains_key("te"));
    }
}

#[tokio::test]
async fn requests_share_one_http2_connection_which_is_replaced_when_it_ends() {
    let mut grpc = Grpc::start().await;
    let gateway = start(World::default().plan(&grpc.api("none")));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    assert_eq!(client.send(get("/a", "")).await.status, 200);
    // Another server takes the port of the first, whose connections end with it.
    let address = grpc.address;
    grpc.task.abort();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let answer = client.send(get("/a", "")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (502, "upstream_unreachable")
    );
    grpc = Grpc::start().await;
    gateway.replace(World::default().plan(&grpc.api("none")));
    for _ in 0..2 {
        assert_eq!(client.send(get("/a", "")).await.status, 200);
    }
    assert_eq!(grpc.seen.lock().unwrap().connections, 1);
}

#[tokio::test]
async fn each_address_over_http2_is_told_its_own_authority() {
    let (one, two) = (Grpc::start().await, Grpc::start().await);
    let (a, b) = (one.address, two.address);
    let text = format!(
        "[api.main]\nauth = \"none\"\n\
         upstream = {{ url = [\"http://{a}/base\", \"http://{b}/base\"], protocol = \"http2\" }}\n"
    );
    let gateway = start(World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(client.send(get("/a?b", "")).await.status, 200);
    }
    for grpc in [&one, &two] {
        let seen = grpc.seen.lock().unwrap();
        assert_eq!((seen.connections, seen.requests.len()), (1, 2));
        for (request, ..) in &seen.requests {
            let expected = format!("http://{}/base/a?b", grpc.address);
            assert_eq!(request.uri().to_string(), expected);
            assert!(!request.headers().contains_key("host"));
        }
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http2_is_502() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            .await
    })
    .await;
    let url = upstream.url();
    let text = format!(
        "[api.main]\nauth = \"none\"\nupstream = {{ url = \"{url}\", protocol = \"http2\" }}\n"
    );
    let gateway = start(World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let answer = client.send(get("/a", "")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (502, "upstream_unreachable")
    );
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_its_upstream_may_is_504() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let url = upstream.url();
    let text = format!(
        "[api.main]\nauth = \"none\"\nupstream = {{ url = \"{url}\", answer_timeout = \"50ms\" }}\n"
    );
    let gateway = start(World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let answer = client.send(get("/a", "")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "upstream_timeout")
    );
}

#[tokio::test]
async fn the_callers_host_goes_on_where_the_upstream_wants_it() {
    for (preserve, expected) in [(false, None), (true, Some("a.example"))] {
        let fixture = Fixture::start(&format!(
            "[api.main]\nauth = \"none\"\n\
             upstream = {{ url = \"UPSTREAM\", preserve_host = {preserve} }}\n"
        ))
        .await;
        assert_eq!(fixture.get("/a", "").await.status, 200);
        let seen = fixture.upstream.seen().pop().unwrap();
        let own = fixture.upstream.address().to_string();
        let expected = expected.unwrap_or(&own);
        assert_eq!(crate::upstream::values(&seen, "host"), [expected]);
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_not_taken_for_the_next_answer() {
    for first in [
        "204 No Content\r\n\r\n",
        "304 Not Modified\r\n\r\n",
        "200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let scripting = Scripting::start(move |mut wire, index| async move {
            wire.head().await?;
            if index > 0 {
                return wire
                    .write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
                    .await;
            }
            wire.write(format!("HTTP/1.1 {first}")).await?;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                .await?;
            wire.rest().await;
            Ok(())
        })
        .await;
        let mut client = scripting.connect().await;
        client.send(get("/", "")).await;
        // The late bytes are there before the next request is.
        tokio::task::yield_now().await;
        let answer = client.send(get("/", "")).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "good"),
            "{first}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_pauses_longer_than_its_upstream_may_is_not_completed() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let url = upstream.url();
    let text = format!(
        "[api.main]\nauth = \"none\"\nupstream = {{ url = \"{url}\", idle_timeout = \"50ms\" }}\n"
    );
    let gateway = start(World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    client.write(get("/a", "")).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 200);
    assert_eq!(client.chunk().await.unwrap(), b"first");
    assert!(client.is_closed().await, "the last chunk never comes");
}
