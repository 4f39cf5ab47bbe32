//! One kept connection to the tenant.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

use crate::gateway::LoadError;
use crate::gateway::load::read_answer;

/// Why a number would mean nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A request was not answered with 200.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The connection could not be made.
    #[error("could not connect")]
    Connect(#[from] io::Error),
    /// An answer lacks what it should have.
    #[error("an answer has no `{0}`")]
    Lacking(&'static str),
}

/// A connection from an address of its own.
pub(super) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects from 127.0.1.`number`.
    pub(super) async fn open(address: SocketAddr, number: u8) -> Result<Self, AskError> {
        let socket = TcpSocket::new_v4()?;
        let own = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
        socket.bind(SocketAddr::new(own, 0))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: Vec::new(),
        })
    }

    /// Sends a request as it is, and waits for an answer of 200.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<(), AskError> {
        use tokio::io::AsyncWriteExt as _;
        self.stream.write_all(request).await?;
        Ok(read_answer(&mut self.stream, &mut self.answer).await?)
    }

    /// The text of this name in the last answer, which is JSON.
    pub(super) fn find(&self, name: &'static str) -> Result<String, AskError> {
        let head = self.answer.windows(4).position(|end| end == b"\r\n\r\n");
        let body = head.and_then(|head| self.answer.get(head + 4..));
        let body: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
        let found = body.and_then(|body| Some(body.get(name)?.as_str()?.to_owned()));
        found.ok_or(AskError::Lacking(name))
    }
}

/// A request with JSON.
pub(super) fn request(line: &str, token: Option<&str>, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let authorization = token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{authorization}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
