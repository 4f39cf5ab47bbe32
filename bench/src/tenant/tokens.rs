use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::{JoinSet, LocalSet};

use super::connection::{AskError, Connection, request};
use crate::gateway::load::runtime;

/// An application that asks for tokens by its client credentials.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The tenant.
    pub address: SocketAddr,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// What its tokens are for.
    pub audience: String,
}

impl Tokens {
    /// Asks so often over so many connections, and returns the time until the last token.
    ///
    /// # Errors
    /// [`AskError`] for anything but a token for each request.
    pub fn run(&self, requests: u32, connections: u8) -> Result<Duration, AskError> {
        let left = Rc::new(Cell::new(requests));
        let body: Rc<[u8]> = self.request().into();
        let began = Instant::now();
        let all = async {
            let mut running = JoinSet::new();
            for number in 1..=connections {
                let call = call(self.address, number, Rc::clone(&left), Rc::clone(&body));
                running.spawn_local(call);
            }
            while let Some(ended) = running.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            Ok(began.elapsed())
        };
        LocalSet::new().block_on(&runtime()?, all)
    }

    pub(super) fn request(&self) -> Vec<u8> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "audience": self.audience,
        });
        request("POST /oauth/token", None, &body)
    }
}

async fn call(
    address: SocketAddr,
    number: u8,
    left: Rc<Cell<u32>>,
    request: Rc<[u8]>,
) -> Result<(), AskError> {
    let mut connection = Connection::open(address, number).await?;
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        connection.ask(&request).await?;
    }
    Ok(())
}
