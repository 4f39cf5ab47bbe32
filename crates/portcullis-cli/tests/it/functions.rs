use std::env;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::{Session, token};
use crate::web::{client, get, get_as};

/// The guide's file, by which functions stand beside it.
const GUIDE: &str = r#"
name = "api-auth-jwt-auth0"
[authorizer.auth0]
issuer   = "https://tenant.auth0.com/"
audience = ["https://tenant.auth0.com/api/v2/"]
[api.Api]
auth   = "auth0"
errors = "aws"
cors   = true
[api.Api.routes]
"GET /private"     = "functions/private.main"
"GET /public"      = { function = "functions/public.main", auth = "none" }
"GET /event/{id}"  = { function = "functions/event.main", auth = "none" }
"GET /broken"      = { function = "functions/broken.main", auth = "none" }
"GET /stream"      = { function = "functions/stream.main", auth = "none" }
"GET /stuck"       = { function = "functions/stuck.main", auth = "none" }
"#;

const PRIVATE: &str = r"
export async function main(event) {
  console.log('asked by', event.requestContext.authorizer.jwt.claims.sub);
  return { statusCode: 200, body: `Hello ${event.requestContext.authorizer.jwt.claims.sub}!` };
}
";

const PUBLIC: &str = r"
export async function main() {
  return { statusCode: 200, body: 'Hello stranger!' };
}
";

const STREAM: &str = r"
export const main = awslambda.streamifyResponse(async (event, stream) => {
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 200 });
  out.write('one');
  await new Promise((done) => setTimeout(done, 500));
  out.end('two');
});
";

/// Never answers, nor listens to anybody.
const STUCK: &str = r"
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
export const main = async () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  writeFileSync('processes', `${process.pid} ${child.pid}`);
  for (;;);
};
";

fn guide() -> World {
    let world = World::with_file(GUIDE);
    fs::create_dir(world.project().join("functions")).unwrap();
    for (name, source) in [
        ("private", PRIVATE),
        ("public", PUBLIC),
        ("event", "export const main = async (event) => event;"),
        ("broken", "export const main = async () => missing;"),
        ("stream", STREAM),
        ("stuck", STUCK),
    ] {
        world.write(&format!("functions/{name}.mjs"), source);
    }
    world
}

/// The program, where it finds Node.
fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("PATH", env::var_os("PATH").unwrap());
    command
}

async fn start(world: &World) -> Session {
    let arguments = ["dev", "--format", "json", "--listen", "127.0.0.1:0"];
    let arguments = [&arguments[..], &["--tenant-listen", "127.0.0.1:0"]].concat();
    Session::spawn(&mut command(world, &arguments)).await
}

#[tokio::test]
async fn the_guide_s_functions_are_asked_by_whoever_may() {
    let world = guide();
    let session = start(&world).await;
    let public = get(&session.url("/public")).await;
    assert_eq!(
        (public.status, public.body.as_str()),
        (200, "Hello stranger!")
    );
    assert_eq!(public.header("content-type"), "text/plain; charset=utf-8");
    let refused = get(&session.url("/private")).await;
    assert_eq!(
        (refused.status, &refused.json()["message"]),
        (401, &json!("Unauthorized"))
    );

    let token = token(&world, &[]).await;
    let answer = get_as(&token, &session.url("/private")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.starts_with("Hello ") && answer.body.ends_with('!'),
        "{answer:?}"
    );
    session
        .until_said("➜ functions/private.main\n   asked by ")
        .await;
    session.until_said("   Done in ").await;
}

#[tokio::test]
async fn the_event_tells_what_was_decided_and_no_credential() {
    let world = guide();
    let session = start(&world).await;
    let url = session.url("/event/a%20b?q=1&q=2");
    let event = get_as("not-asked-for", &url).await.json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "GET /event/{id}");
    assert_eq!(event["rawPath"], "/event/a%20b");
    assert_eq!(event["pathParameters"], json!({ "id": "a b" }));
    assert_eq!(event["queryStringParameters"], json!({ "q": "1,2" }));
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["requestContext"].get("authorizer"), None);
    assert_eq!(event["headers"].get("authorization"), None);
    assert_ne!(event["requestContext"]["requestId"], Value::from(""));
}

#[tokio::test]
async fn a_failure_is_explained_in_dev_and_to_nobody_in_production() {
    let world = guide();
    let session = start(&world).await;
    let shown = get(&session.url("/broken")).await;
    assert_eq!(shown.status, 500);
    assert_eq!(shown.json()["message"], "Internal Server Error");
    let told = &shown.json()["function"];
    assert_eq!(told["message"], "ReferenceError: missing is not defined");
    assert!(told["trace"].is_array(), "{told}");
    session
        .until_said("ReferenceError: missing is not defined")
        .await;
    // An edit mends it.
    world.write(
        "functions/broken.mjs",
        "export const main = () => 'mended';",
    );
    let edited = Instant::now();
    while get(&session.url("/broken")).await.body != "mended" {
        assert!(edited.elapsed() < PATIENCE, "it is never mended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    world.write(
        "functions/broken.mjs",
        "export const main = async () => missing;",
    );
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    let production = Session::spawn(&mut command(&world, &arguments)).await;
    let hidden = get(&production.url("/broken")).await;
    let body = r#"{"message":"Internal Server Error"}"#;
    assert_eq!((hidden.status, hidden.body.as_str()), (500, body));
    production
        .until_said("ReferenceError: missing is not defined")
        .await;
}

#[tokio::test]
async fn a_streamed_answer_is_passed_on_as_it_comes() {
    let world = guide();
    let session = start(&world).await;
    let request = client().get(session.url("/stream"));
    let mut response = request.send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    let came = Instant::now();
    assert_eq!(&first[..], b"one");
    let second = response.chunk().await.unwrap().unwrap();
    assert_eq!(&second[..], b"two");
    assert!(came.elapsed() > Duration::from_millis(200), "not in pieces");
}

/// Whether a process is there that is more than a grave.
fn is_alive(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test]
async fn a_gateway_that_ends_or_is_killed_leaves_no_process() {
    for signal in ["KILL", "TERM", "INT"] {
        let world = guide();
        let session = start(&world).await;
        let url = session.url("/stuck");
        let asked = tokio::spawn(async move { client().get(url).send().await.is_ok() });
        let file = world.project().join("processes");
        let begun = async {
            loop {
                let processes = fs::read_to_string(&file).unwrap_or_default();
                if processes.split(' ').count() == 2 {
                    return processes;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let processes = timeout(PATIENCE, begun).await.expect("the handler runs");
        assert!(processes.split(' ').all(is_alive), "{processes}");
        session.signal(signal).await;
        let gone = async {
            while processes.split(' ').any(is_alive) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = timeout(PATIENCE, gone).await;
        assert!(gone.is_ok(), "{signal}: {processes} are left");
        // Whatever became of the request, it is over.
        asked.await.unwrap();
    }
}

#[tokio::test]
async fn a_reload_takes_functions_in_and_out() {
    let world = guide();
    let session = start(&world).await;
    assert_eq!(get(&session.url("/public")).await.status, 200);
    let file = GUIDE
        .replace("\"GET /stuck\"  ", "\"GET /more\"  ")
        .replace("stuck.main", "public.main");
    world.write("portcullis.toml", file);
    let reloaded = Instant::now();
    while get(&session.url("/more")).await.body != "Hello stranger!" {
        assert!(reloaded.elapsed() < PATIENCE, "it is never served");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(get(&session.url("/stuck")).await.status, 404);
}
