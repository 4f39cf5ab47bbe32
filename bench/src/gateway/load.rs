//! Callers with connections that they keep, each sending its next request when it has an answer.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio::time::timeout;

/// Longer than any number of requests may take.
const PATIENCE: Duration = Duration::from_mins(5);
const LARGEST_ANSWER: usize = 64 * 1024;

/// What the callers send, and how much of it.
#[derive(Debug)]
pub struct Load {
    /// The proxy.
    pub address: SocketAddr,
    /// Taken in turn.
    pub tokens: Vec<String>,
    /// Of all connections together.
    pub requests: u64,
    /// Kept open to the end.
    pub connections: u32,
}

/// What it took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Answers, all of them 200.
    pub answers: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// Why a number would mean nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A connection broke.
    #[error("a connection broke")]
    Broken(#[from] io::Error),
    /// An answer is not 200.
    #[error("a request was answered with `{0}`")]
    Refused(String),
    /// The answers took too long.
    #[error("no end after {} minutes", PATIENCE.as_secs() / 60)]
    Endless,
}

/// What the connections share.
struct Work {
    load: Load,
    /// How many requests were begun.
    begun: Cell<u64>,
}

impl Load {
    /// Sends everything, and ends when everything is answered.
    ///
    /// # Errors
    /// [`LoadError`] for anything but an answer of 200 to each request.
    pub fn run(self) -> Result<Measured, LoadError> {
        let runtime = runtime()?;
        let requests = self.requests;
        let connections = self.connections;
        let work = Rc::new(Work {
            load: self,
            begun: Cell::new(0),
        });
        let began = Instant::now();
        let all = async {
            let mut running = tokio::task::JoinSet::new();
            for _ in 0..connections {
                running.spawn_local(call(Rc::clone(&work)));
            }
            while let Some(ended) = running.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            Ok::<(), LoadError>(())
        };
        LocalSet::new()
            .block_on(&runtime, async { timeout(PATIENCE, all).await })
            .map_err(|_| LoadError::Endless)??;
        Ok(Measured {
            answers: requests,
            elapsed: began.elapsed(),
        })
    }
}

pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// One connection's requests.
async fn call(work: Rc<Work>) -> Result<(), LoadError> {
    let mut stream = TcpStream::connect(work.load.address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    while let Some(token) = work.next() {
        request.clear();
        request.extend_from_slice(
            b"GET /reports/2026 HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer ",
        );
        request.extend_from_slice(token.as_bytes());
        request.extend_from_slice(b"\r\nuser-agent: portcullis-bench\r\naccept: */*\r\n\r\n");
        stream.write_all(&request).await?;
        read_answer(&mut stream, &mut answer).await?;
    }
    Ok(())
}

impl Work {
    fn next(&self) -> Option<&str> {
        let number = self.begun.get();
        if number >= self.load.requests {
            return None;
        }
        self.begun.set(number + 1);
        let count = self.load.tokens.len().max(1);
        let index = usize::try_from(number).unwrap_or_default() % count;
        self.load.tokens.get(index).map(String::as_str)
    }
}

pub(crate) async fn read_answer(
    stream: &mut TcpStream,
    answer: &mut Vec<u8>,
) -> Result<(), LoadError> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 || answer.len() > LARGEST_ANSWER {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default());
        if !text.starts_with("HTTP/1.1 200") {
            let line = text.lines().next().unwrap_or_default();
            return Err(LoadError::Refused(line.to_owned()));
        }
        if answer.len() >= head + 4 + content_length(&text) {
            return Ok(());
        }
    }
}

fn content_length(head: &str) -> usize {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim())
    });
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}
