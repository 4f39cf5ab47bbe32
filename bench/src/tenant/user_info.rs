use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval};

use super::connection::{AskError, Connection, request};
use super::tokens::Tokens;
use crate::gateway::load::runtime;

/// How often a token is shown: far less than what a core can do.
const PACE: Duration = Duration::from_millis(4);

/// Asks for a user's claims, while others log in.
#[derive(Clone, Debug)]
pub struct UserInfo {
    /// The application that people log in at, by its secret; its audience is the Management API,
    /// by which it is first allowed to take passwords.
    pub application: Tokens,
    /// What the user's token is for.
    pub audience: String,
    /// Who logs in.
    pub username: String,
    /// The right one, so that every login goes all the way.
    pub password: String,
}

/// How long the answers took, the longest last.
#[derive(Clone, Debug)]
pub struct Latencies {
    sorted: Vec<Duration>,
    /// How many logins ended meanwhile.
    pub logins: u32,
}

impl Latencies {
    /// That which so many of a hundred answers did not take longer than.
    pub fn percentile(&self, percent: usize) -> Duration {
        let index = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(index).copied().unwrap_or_default()
    }
}

impl UserInfo {
    /// Asks at an even pace, while so many connections log in one after another.
    ///
    /// # Errors
    /// [`AskError`] for anything but an answer to each request.
    pub fn run(&self, requests: u32, logins: u8) -> Result<Latencies, AskError> {
        LocalSet::new().block_on(&runtime()?, self.measure(requests, logins))
    }

    async fn measure(&self, requests: u32, logins: u8) -> Result<Latencies, AskError> {
        let address = self.application.address;
        let mut connection = Connection::open(address, 1).await?;
        self.allow_passwords(&mut connection).await?;
        let login: Rc<[u8]> = self.login().into();
        connection.ask(&login).await?;
        let token = connection.find("access_token")?;
        let claims = format!(
            "GET /userinfo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        let ended = Rc::new(Cell::new(0));
        let flood: Vec<_> = (2..logins.saturating_add(2))
            .map(|number| flood(address, number, Rc::clone(&login), Rc::clone(&ended)))
            .map(tokio::task::spawn_local)
            .collect();
        let mut sorted = Vec::new();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..requests {
            pace.tick().await;
            let began = Instant::now();
            connection.ask(claims.as_bytes()).await?;
            sorted.push(began.elapsed());
        }
        for task in flood {
            task.abort();
        }
        sorted.sort_unstable();
        let logins = ended.get();
        Ok(Latencies { sorted, logins })
    }

    async fn allow_passwords(&self, connection: &mut Connection) -> Result<(), AskError> {
        connection.ask(&self.application.request()).await?;
        let token = connection.find("access_token")?;
        let line = format!("PATCH /api/v2/clients/{}", self.application.client_id);
        let body = json!({ "grant_types": ["client_credentials", "password"] });
        connection.ask(&request(&line, Some(&token), &body)).await
    }

    fn login(&self) -> Vec<u8> {
        let body = json!({
            "grant_type": "password",
            "client_id": self.application.client_id,
            "client_secret": self.application.client_secret,
            "username": self.username,
            "password": self.password,
            "audience": self.audience,
            "scope": "openid profile email",
        });
        request("POST /oauth/token", None, &body)
    }
}

async fn flood(
    address: SocketAddr,
    number: u8,
    login: Rc<[u8]>,
    ended: Rc<Cell<u32>>,
) -> Result<(), AskError> {
    let mut connection = Connection::open(address, number).await?;
    loop {
        connection.ask(&login).await?;
        ended.set(ended.get() + 1);
    }
}
