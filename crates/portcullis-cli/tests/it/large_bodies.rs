//! Large bodies pass in constant memory: the program's own, as the system counts it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::body::Incoming;
use portcullis_testkit::TestServer;

use crate::program::World;
use crate::session::Session;
use crate::web::client;

const MEBIBYTE: u64 = 1024 * 1024;
/// How many there are each way, 64 where the one who builds this says nothing: a gibibyte, which
/// `LARGE_BODY_MIB=1024 cargo test large` sends, takes ten seconds and shows the same.
const MEBIBYTES: Option<&str> = option_env!("LARGE_BODY_MIB");
/// What is on the way at most: buffers of two connections and the chunks between them.
const MOST_MORE: u64 = 32 * MEBIBYTE;

/// An upstream that takes whatever comes, and answers with as much.
async fn upstream(size: u64, taken: Arc<AtomicU64>) -> TestServer {
    TestServer::start(move |request: Request<Incoming>| {
        let taken = Arc::clone(&taken);
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                if let Some(data) = frame.unwrap().data_ref() {
                    taken.fetch_add(u64::try_from(data.len()).unwrap(), Ordering::Relaxed);
                }
            }
            let (mut sender, body) = Channel::new(1);
            tokio::spawn(async move {
                let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
                for _ in 0..size / (64 * 1024) {
                    if sender.send_data(chunk.clone()).await.is_err() {
                        return;
                    }
                }
            });
            Response::new(body.boxed())
        }
    })
    .await
}

/// The most memory that the process has had at once, in bytes.
fn most_memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kibibytes.parse::<u64>().unwrap() * 1024
}

async fn pass_both_ways(size: u64) -> (u64, u64) {
    let taken = Arc::<AtomicU64>::default();
    let upstream = upstream(size, Arc::clone(&taken)).await;
    let world = World::with_file(&format!(
        "[server.limits]\nbody = \"4GiB\"\nrequest_timeout = \"10m\"\n[api.main]\nauth = \"none\"\nupstream = \"{}\"\n",
        upstream.url()
    ));
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    let session = Session::spawn(&mut world.command(&arguments)).await;
    let before = most_memory(session.id());
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let sending = async move {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..size / (64 * 1024) {
            sender.send_data(chunk.clone()).await.unwrap();
        }
    };
    let body = reqwest::Body::wrap(body);
    let receiving = async {
        let request = client().post(session.url("/")).body(body);
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut received = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            received += u64::try_from(chunk.len()).unwrap();
        }
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    assert_eq!((taken.load(Ordering::Relaxed), received), (size, size));
    (before, most_memory(session.id()))
}

#[tokio::test]
async fn a_large_body_each_way_passes_in_constant_memory() {
    let mebibytes = MEBIBYTES.map_or(64, |size| size.parse().unwrap());
    let (before, after) = pass_both_ways(mebibytes * MEBIBYTE).await;
    assert!(after - before < MOST_MORE, "{before} bytes, then {after}");
}
