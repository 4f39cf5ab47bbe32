//! The least that a proxy of hyper does: a thread, its own connections, no checks.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

struct Upstream {
    address: SocketAddr,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

/// Forwards every request that comes to `address` until the process ends.
///
/// # Errors
/// When the address is taken.
pub fn run(address: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let runtime = super::load::runtime()?;
    let upstream = Rc::new(Upstream {
        address: upstream,
        idle: RefCell::default(),
    });
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let upstream = Rc::clone(&upstream);
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| {
                    let upstream = Rc::clone(&upstream);
                    async move { Ok::<_, Infallible>(upstream.forward(request).await) }
                });
                if stream.set_nodelay(true).is_ok() {
                    // A caller that leaves is how each connection ends.
                    drop(
                        http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                }
            });
        }
    })
}

impl Upstream {
    async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        self.send(request).await.unwrap_or_else(|_| {
            let mut response =
                Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        })
    }

    async fn send(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let kept = self.idle.borrow_mut().pop();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answer = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.idle.borrow_mut().push(sender);
        let body = http_body_util::Full::new(body).map_err(|never| match never {});
        Ok(Response::from_parts(head, body.boxed_unsync()))
    }

    async fn connect(&self) -> io::Result<SendRequest<Incoming>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = client::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}
