//! What was acknowledged is there after `kill -9`, at whatever moment it came.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use portcullis_store::tenant::{
    CodeSpending, Database, DeviceCode, DeviceCodeState, Hash, Poll, RefreshFamily, RefreshToken,
    Rotated, Rotation, SpentCode,
};
use tokio::runtime::Runtime;

use crate::external::start_server;
use crate::fixture::{Fixture, NOW, SqliteFile, code, family};

/// Tells the program of the tests that it is the child, and of which database.
const CHILD: &str = "PORTCULLIS_STORE_KILLED_CHILD";
const ROUNDS: u32 = 8;
/// A round ends after so many acknowledgements; the number differs so that the moment does.
const ACKNOWLEDGED: usize = 10;

#[test]
fn sqlite_keeps_what_it_acknowledged_through_kill_9() {
    if let Some(url) = child_url() {
        return work(&url);
    }
    let file = SqliteFile::create();
    kill_and_check(
        &file.url(),
        "kill::sqlite_keeps_what_it_acknowledged_through_kill_9",
    );
}

mod external {
    use super::{child_url, kill_and_check, start_server, work};

    #[test]
    fn postgresql_keeps_what_it_acknowledged_through_kill_9() {
        if let Some(url) = child_url() {
            return work(&url);
        }
        let Some(server) = start_server() else {
            return;
        };
        kill_and_check(
            &server.create_database("killed"),
            "kill::external::postgresql_keeps_what_it_acknowledged_through_kill_9",
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a child of the test is told apart by its environment"
)]
fn child_url() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// Starts children that spend and rotate, kills them, and looks for all that they have told.
fn kill_and_check(url: &str, test: &str) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let fixture = Fixture::open(url).await;
        fixture.seed().await;
        let (family, token) = endless(&number_hash(0));
        let refresh_tokens = fixture.database.refresh_tokens();
        refresh_tokens.insert(&family, &token).await.unwrap();
        fixture.database.close().await;
    });
    let mut first = 0;
    for round in 0..ROUNDS {
        let acknowledged = kill_child(url, test, first, ACKNOWLEDGED + round as usize);
        runtime.block_on(check(url, &acknowledged));
        first = acknowledged.last().map_or(first, |last| last + 1);
    }
}

/// Runs a child until it has acknowledged `enough`, kills it, and gives all that it acknowledged.
fn kill_child(url: &str, test: &str, first: u64, enough: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, format!("{first} {url}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| {
        line.ok()?
            .strip_prefix("acknowledged ")?
            .parse::<u64>()
            .ok()
    };
    let mut acknowledged: Vec<u64> = lines.by_ref().filter_map(number).take(enough).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told before it died counts, even if nobody had read it.
    acknowledged.extend(lines.filter_map(number));
    assert!(acknowledged.len() >= enough, "the child ended by itself");
    acknowledged
}

/// The child: for each number a code is spent, a token rotated, a device served; then it is told.
fn work(first_and_url: &str) {
    let (first, url) = first_and_url.split_once(' ').unwrap();
    let first: u64 = first.parse().unwrap();
    Runtime::new().unwrap().block_on(async {
        let database = Database::open(url).await.unwrap();
        for number in first..first + 100_000 {
            let mut code = code(0);
            code.hash = number_hash(number);
            code.family_id = format!("family of code {number}");
            // The last child may have come as far as this.
            drop(database.codes().insert(&code).await);
            spend(&database, number).await;
            rotate(&database, number).await;
            redeem(&database, number).await;
            let told = writeln!(std::io::stdout(), "acknowledged {number}");
            if told.and_then(|()| std::io::stdout().flush()).is_err() {
                return;
            }
        }
    });
}

async fn check(url: &str, acknowledged: &[u64]) {
    let database = Database::open(url).await.unwrap();
    for &number in acknowledged {
        let spent = spend(&database, number).await;
        assert!(
            matches!(spent, SpentCode::Replayed(_)),
            "{number}: {spent:?}"
        );
        let rotated = rotate(&database, number).await;
        assert!(
            matches!(rotated, Rotated::Again(_)),
            "{number}: {rotated:?}"
        );
    }
    database.close().await;
}

async fn spend(database: &Database, number: u64) -> SpentCode {
    let spending = CodeSpending {
        hash: &number_hash(number),
        client_id: "web",
        signed_token: None,
        family: None,
        opaque_token: None,
        now: NOW,
    };
    database.codes().spend(&spending).await.unwrap()
}

/// Spends token `number` for the next one; the leeway has no end.
async fn rotate(database: &Database, number: u64) -> Rotated {
    let rotation = Rotation {
        hash: &number_hash(number),
        client_id: "web",
        successor: &number_hash(number + 1),
        expires_at: None,
        leeway: 1000,
        signed_token: None,
        opaque_token: None,
        now: NOW,
    };
    database.refresh_tokens().rotate(&rotation).await.unwrap()
}

/// Approves a device and gives it what it waits for.
async fn redeem(database: &Database, number: u64) {
    let codes = database.device_codes();
    let user_code = format!("code {number}");
    let code = DeviceCode {
        hash: number_hash(number),
        user_code: user_code.clone(),
        client_id: "web".to_owned(),
        scopes: Vec::new(),
        audience: None,
        state: DeviceCodeState::Pending,
        user_id: None,
        sid: None,
        auth_time: None,
        poll_interval: 0,
        created_at: NOW,
        expires_at: NOW + 60,
    };
    // The last child may have come as far as this, or further.
    drop(codes.insert(&code).await);
    let approved = codes.approve(&user_code, "auth0|ada", None, NOW, NOW).await;
    let polled = codes.poll(&code.hash, "web", NOW).await.unwrap();
    let is_served = matches!(polled, Poll::Approved(_) | Poll::Unknown);
    assert!(approved.is_ok() && is_served, "{number}: {polled:?}");
}

fn endless(hash: &Hash) -> (RefreshFamily, RefreshToken) {
    let token = RefreshToken {
        hash: *hash,
        expires_at: None,
    };
    (family("family"), token)
}

fn number_hash(number: u64) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    hash
}
