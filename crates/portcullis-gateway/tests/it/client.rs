use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer may take, so that a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that sends the bytes it is given and nothing else.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer of the gateway.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        in_time(self.stream.write_all(bytes.as_ref())).await
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn send(&mut self, request: impl AsRef<[u8]>) -> Answer {
        let request = request.as_ref();
        // A gateway that refuses a request need not read all of it.
        drop(self.write(request).await);
        let answer = self.answer_to(request.starts_with(b"HEAD ")).await;
        answer.unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(request)))
    }

    /// Reads one whole answer; an error when it breaks off.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        self.answer_to(false).await
    }

    async fn answer_to(&mut self, to_head: bool) -> io::Result<Answer> {
        let mut answer = self.head().await?;
        if to_head || matches!(answer.status, 100..=199 | 204 | 304) {
            return Ok(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let chunk = self.chunk().await?;
                if chunk.is_empty() {
                    return Ok(answer);
                }
                answer.body.extend(chunk);
            }
        }
        answer.body = match answer.header("content-length") {
            Some(length) => self.take(length.parse().map_err(io::Error::other)?).await?,
            None => self.rest().await?,
        };
        Ok(answer)
    }

    /// Reads an answer's head.
    pub(crate) async fn head(&mut self) -> io::Result<Answer> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        Answer::parse(&lines).ok_or_else(|| io::Error::other(format!("not HTTP: {lines:?}")))
    }

    /// Reads one chunk of a chunked body (RFC 9112 section 7.1); empty for the last one.
    pub(crate) async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let size = self.line().await?;
        let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
        let chunk = self.take(size).await?;
        let end = self.line().await?;
        if end.is_empty() {
            Ok(chunk)
        } else {
            Err(io::Error::other(format!("{end:?} after a chunk")))
        }
    }

    /// Reads the last chunk, and the trailers after it.
    pub(crate) async fn trailers(&mut self) -> io::Result<Vec<String>> {
        assert_eq!(self.line().await?, "0", "the last chunk");
        let mut trailers = Vec::new();
        loop {
            match self.line().await? {
                end if end.is_empty() => return Ok(trailers),
                line => trailers.push(line),
            }
        }
    }

    /// Reads whatever comes until the other side closes the connection.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.receive().await? {}
        Ok(std::mem::take(&mut self.received))
    }

    /// Reads until `enough` of what came, or the other side closes the connection.
    pub(crate) async fn rest_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        while !enough(&self.received) && self.receive().await.is_ok_and(|more| more) {}
        std::mem::take(&mut self.received)
    }

    /// Whether the other side has closed the connection, or closes it without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.rest().await.as_deref(), Ok([]) | Err(_))
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\r\n") {
                let line = self.received.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.receive_more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            self.receive_more().await?;
        }
        Ok(self.received.drain(..length).collect())
    }

    async fn receive_more(&mut self) -> io::Result<()> {
        if self.receive().await? {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    async fn receive(&mut self) -> io::Result<bool> {
        let received = in_time(self.stream.read_buf(&mut self.received)).await?;
        Ok(received > 0)
    }
}

impl Answer {
    fn parse(lines: &[String]) -> Option<Self> {
        let (first, headers) = lines.split_first()?;
        let (version, rest) = first.split_once(' ')?;
        let status = rest.split(' ').next()?.parse().ok()?;
        let headers = headers
            .iter()
            .map(|line| line.split_once(": ").or_else(|| line.split_once(':')))
            .map(|line| line.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<_>>()?;
        Some(Self {
            version: version.to_owned(),
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// The value of the header, which must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "a second `{name}`");
        values.first().copied()
    }

    /// The values of all lines of this name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter();
        lines
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is not.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The last part of the problem's `type`; empty when the body is no problem.
    pub(crate) fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.rsplit(':').next().unwrap_or_default().to_owned()
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
