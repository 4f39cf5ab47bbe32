//! The lab of Auth0 in `examples/expenses`: its web application and its API, in a real browser.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::{Session, token};
use crate::web::{get, get_as};

/// How long the browser may take, on a machine that does other things too.
const BROWSER: Duration = Duration::from_mins(2);

/// The example, with everything that it consists of running.
struct Example {
    session: Session,
    api: String,
    web: String,
    world: World,
    _servers: [Child; 2],
}

impl Example {
    async fn start() -> Self {
        let world = World::example("expenses");
        let (api_port, web_port) = (free_port().await, free_port().await);
        let (api, web) = (at(api_port), at(web_port));
        let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
        let file = file.replace(&at(3001), &api).replace(&at(3000), &web);
        world.write("portcullis.toml", file);
        let session = Session::start(&world).await;
        let issuer = session.issuer().trim_end_matches('/').to_owned();
        let mut server = node("api/server.js");
        server.env("PORT", api_port.to_string());
        let api_server = started(server.env("ISSUER_BASE_URL", &issuer)).await;
        let mut server = node("web/server.js");
        server.env("PORT", web_port.to_string());
        server.env("API_URL", session.url("/"));
        let web_server = started(server.env("ISSUER_BASE_URL", &issuer)).await;
        Self {
            session,
            api,
            web,
            world,
            _servers: [api_server, web_server],
        }
    }
}

fn at(port: u16) -> String {
    format!("http://localhost:{port}")
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A script of the example, with nothing of the environment of this test.
fn node(script: &str) -> Command {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/expenses");
    assert!(
        example.join("node_modules/express").exists(),
        "this test needs `npm ci --prefix examples/expenses`, as .ci/run does it"
    );
    let mut command = Command::new("node");
    command
        .arg(example.join(script))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

/// Starts a server, and waits until it says where it listens.
async fn started(command: &mut Command) -> Child {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
    read.expect("the server starts in time").unwrap();
    assert!(line.contains(" on http://localhost:"), "{line:?}");
    child
}

#[tokio::test]
async fn people_log_in_consent_see_their_expenses_and_log_out() {
    let example = Example::start().await;
    let home: PathBuf = example.world.elsewhere();
    let mut browser = node("test/login.js");
    browser.env("WEB_URL", &example.web).env("HOME", home);
    let output = timeout(BROWSER, browser.stderr(Stdio::piped()).output()).await;
    let output = output.expect("the browser ends in time").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let said = example.session.stop().await.stderr;
    assert!(said.contains("Wrong email or password."), "{said}");
}

#[tokio::test]
async fn the_api_takes_a_user_s_token_and_nothing_less() {
    let example = Example::start().await;
    let ada = token(&example.world, &["--user", "ada", "--api", "expenses"]).await;
    let bob = token(&example.world, &["--user", "bob", "--api", "expenses"]).await;
    for (name, url) in [
        ("the gateway", example.session.url("/")),
        ("the API itself", format!("{}/", example.api)),
    ] {
        let answer = get_as(&ada, &url).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert!(answer.body.contains("Punched cards"), "{name}: {answer:?}");
        assert_eq!(get_as(&bob, &url).await.status, 403, "{name}");
        assert_eq!(get(&url).await.status, 401, "{name}");
    }
}
