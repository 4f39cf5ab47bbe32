//! Scripts of other languages, which use libraries as their applications do.
//!
//! A script prints `open URL` where it would send a browser, reads the address at which the browser
//! ends, and prints at last what it has learned.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::person::{EMAIL, PASSWORD, Person};
use crate::session::Session;

/// How long a script may take, on a machine that does other things too.
const SCRIPT: Duration = Duration::from_mins(2);

/// Where a login returns to. Nobody listens there.
pub(crate) const CALLBACK: &str = "http://localhost:5678/callback";
/// Where a logout returns to.
pub(crate) const HOME: &str = "http://localhost:5678";

/// A folder beside this one.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// A script of `tests/node-clients`.
pub(crate) fn node(script: &str) -> Command {
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

/// The program of `tests/openidconnect-client`.
pub(crate) fn openidconnect() -> Command {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/openidconnect");
    let program = target.join("debug/openidconnect-client");
    assert!(
        program.exists(),
        "this test needs `cargo build --target-dir target/openidconnect --manifest-path \
         crates/portcullis-cli/tests/openidconnect-client/Cargo.toml`, as .ci/run does it"
    );
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// A script of `tests/python-clients`.
pub(crate) fn python(script: &str) -> Command {
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

/// Runs a script with a browser, and returns what it has learned.
pub(crate) async fn converse(
    mut command: Command,
    session: &Session,
    person: &mut Person,
) -> Value {
    let mut child = command
        .env("ISSUER", session.issuer())
        .env("CALLBACK", CALLBACK)
        .env("HOME_PAGE", HOME)
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
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
