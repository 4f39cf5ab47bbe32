//! Libraries that log people in, unmodified: the code flow with PKCE at a running `portcullis dev`.
//!
//! Each is driven by a small script of its own, which prints `open URL` where it would send a
//! browser, reads the address at which the browser ends, and prints at last what it has learned.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::person::{EMAIL, Person};
use crate::program::World;
use crate::session::Session;

/// How long a script may take, on a machine that does other things too.
const SCRIPT: Duration = Duration::from_mins(1);

const CALLBACK: &str = "http://localhost:5678/callback";
const HOME: &str = "http://localhost:5678";

/// With characters that HTTP Basic and forms need encoded.
const SECRET: &str = "a+b %/: secret";

const PROJECT: &str = r#"
[authorizer.expenses]
issuer = "https://tenant.example.com/"
audience = ["https://expenses-api"]

[api.expenses]
auth = { expenses = ["read:reports"] }
routes = { "GET /" = { respond = "expenses" } }

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
name = "Ada Lovelace"

[[tenant.application]]
name = "Site"
type = "regular_web"
client_id = "site"
client_secret = "a+b %/: secret"
callbacks = ["http://localhost:5678/callback"]
logout_urls = ["http://localhost:5678"]

[[tenant.application]]
name = "Desk"
type = "native"
client_id = "desk"
callbacks = ["http://localhost:5678/callback"]
logout_urls = ["http://localhost:5678"]
"#;

/// A folder beside this one.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// A script of `tests/node-clients`.
fn node(script: &str) -> Command {
    let clients = folder("node-clients");
    assert!(
        clients.join("node_modules/openid-client").exists(),
        "this test needs `npm ci --prefix crates/portcullis-cli/tests/node-clients`, as .ci/run \
         does it"
    );
    let mut command = Command::new("node");
    command.env_clear().arg(clients.join(script));
    command
}

/// A script of `tests/python-clients`.
fn python(script: &str) -> Command {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/authlib/bin/python");
    assert!(
        python.exists(),
        "this test needs authlib: `python3 -m venv target/authlib && target/authlib/bin/pip install \
         authlib flask requests`, as .ci/run does"
    );
    let mut command = Command::new(python);
    command
        .env_clear()
        .arg(folder("python-clients").join(script));
    command
}

/// Runs a script as the application `client_id`, with a browser, and returns what it reports.
async fn run(mut command: Command, session: &Session, person: &mut Person) -> Value {
    let mut child = command
        .env("ISSUER", session.issuer())
        .env("CALLBACK", CALLBACK)
        .env("HOME_PAGE", HOME)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut report = Value::Null;
    let talk = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let Some(url) = line.strip_prefix("open ") else {
                report = serde_json::from_str(&line).unwrap();
                continue;
            };
            let end = person.open(url).await;
            stdin
                .write_all(format!("{end}\n").as_bytes())
                .await
                .unwrap();
        }
        child.wait().await.unwrap()
    };
    let status = timeout(SCRIPT, talk).await;
    let status = status.expect("the script ends in time");
    assert!(status.success(), "the script ended with {status}");
    report
}

/// What every library finds, whatever its own checks of the tokens are.
fn expected(session: &Session, client_id: &str, rotates: bool) -> Value {
    json!({
        "id_token": {
            "iss": session.issuer(),
            "aud": client_id,
            "email": EMAIL,
            "name": "Ada Lovelace",
        },
        "userinfo": { "email": EMAIL, "name": "Ada Lovelace" },
        "scope": "openid profile email read:reports offline_access",
        "refreshed": { "same_user": true, "rotated": rotates },
        "after_revocation": "invalid_grant",
        "logged_out": format!("{HOME}/?state=bye"),
    })
}

/// Has a library log in at an application, and checks what it found.
async fn log_in(client_id: &str, rotates: bool, mut command: Command) {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let mut person = Person::at(session.issuer());
    command.env("CLIENT_ID", client_id);
    let report = run(command, &session, &mut person).await;
    assert_eq!(report, expected(&session, client_id, rotates));
    // The ID token vouches for the logout, which asks nothing.
    assert_eq!(person.seen, ["Welcome", "Authorize App"]);
}

/// By `client_secret_basic`, for which the secret has to be encoded.
#[tokio::test]
async fn openid_client_logs_in() {
    let mut command = node("openid-client.js");
    command.env("CLIENT_SECRET", SECRET);
    log_in("site", false, command).await;
}

/// Without a secret, so that its refresh tokens are rotated.
#[tokio::test]
async fn oauth4webapi_logs_in() {
    log_in("desk", true, node("oauth4webapi.js")).await;
}

/// By `client_secret_post`, within Flask.
#[tokio::test]
async fn authlib_logs_in() {
    let mut command = python("authlib_client.py");
    command.env("CLIENT_SECRET", SECRET);
    log_in("site", false, command).await;
}
