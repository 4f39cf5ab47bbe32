//! An upstream that costs next to nothing: one answer to every request.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nHello world\n";
const LARGEST_HEAD: usize = 16 * 1024;

/// Answers on `address` until the process ends; `/jwks.json` with `jwks`.
///
/// # Errors
/// When the address is taken.
pub fn run(address: SocketAddr, jwks: &str) -> io::Result<()> {
    let length = jwks.len();
    let keys = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{jwks}"
    );
    let keys: &'static [u8] = keys.into_bytes().leak();
    let runtime = super::load::runtime()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                // A caller that leaves is how each connection ends.
                drop(serve(stream, keys).await);
            });
        }
    })
}

async fn serve(mut stream: TcpStream, keys: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::with_capacity(LARGEST_HEAD);
    while stream.read_buf(&mut head).await? > 0 {
        if head.ends_with(b"\r\n\r\n") {
            let answer = if head.starts_with(b"GET /jwks.json") {
                keys
            } else {
                ANSWER
            };
            stream.write_all(answer).await?;
            head.clear();
        } else if head.len() > LARGEST_HEAD {
            return Ok(());
        }
    }
    Ok(())
}
