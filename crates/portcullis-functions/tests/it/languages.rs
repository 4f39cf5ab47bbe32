use serde_json::json;

use crate::world::{World, ask, ask_json};

const NODE: &str = r"
exports.main = async (event, context) => ({
  statusCode: 200,
  body: JSON.stringify({
    path: event.rawPath,
    who: event.queryStringParameters.who,
    sub: event.requestContext.authorizer.jwt.claims.sub,
    roles: event.requestContext.authorizer.portcullis.claims.roles,
    body: event.body,
    name: context.functionName,
    left: context.getRemainingTimeInMillis() > 1000,
    variable: process.env.WHO,
    secret: process.env.CARGO_MANIFEST_DIR ?? null,
  }),
});
";

const PYTHON: &str = r#"
import json, os

def main(event, context):
    return {
        "statusCode": 200,
        "body": json.dumps({
            "path": event["rawPath"],
            "who": event["queryStringParameters"]["who"],
            "sub": event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"],
            "roles": event["requestContext"]["authorizer"]["portcullis"]["claims"]["roles"],
            "body": event["body"],
            "name": context.function_name,
            "left": context.get_remaining_time_in_millis() > 1000,
            "variable": os.environ.get("WHO"),
            "secret": os.environ.get("CARGO_MANIFEST_DIR"),
        }),
    }
"#;

/// What speaks the Runtime API by itself.
const BARE: &str = r#"
import http.client, json, os, time
address, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
base = "/" + prefix + "/2018-06-01/runtime/invocation/"
connection = http.client.HTTPConnection(address)
while True:
    connection.request("GET", base + "next")
    response = connection.getresponse()
    event = json.loads(response.read())
    left = int(response.headers["Lambda-Runtime-Deadline-Ms"]) - time.time() * 1000
    claims = event["requestContext"]["authorizer"]
    body = json.dumps({
        "path": event["rawPath"],
        "who": event["queryStringParameters"]["who"],
        "sub": claims["jwt"]["claims"]["sub"],
        "roles": claims["portcullis"]["claims"]["roles"],
        "body": event["body"],
        "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        "left": 1000 < left < 6001,
        "variable": os.environ.get("WHO"),
        "secret": os.environ.get("CARGO_MANIFEST_DIR"),
    })
    id = response.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", base + id + "/response", json.dumps({"statusCode": 200, "body": body}))
    connection.getresponse().read()
"#;

#[tokio::test]
async fn every_language_answers_the_same_event() {
    let module = NODE.replace("exports.main =", "export const main =");
    let mut world = World::with(&[
        ("functions/common.js", NODE),
        ("functions/module.mjs", &module),
        ("functions/snake.py", PYTHON),
        ("bare.py", BARE),
    ])
    .await;
    for run in [
        "handler = \"functions/common.main\"",
        "handler = \"functions/module.main\"",
        "handler = \"functions/snake.main\"",
        "command = [\"python3\", \"bare.py\"]",
    ] {
        let function = world.function(&format!("{run}\nenvironment = {{ WHO = \"world\" }}"));
        // Twice, by the same process.
        for body in ["{\"a\":1}", "{}"] {
            let expected = json!({
                "path": "/hello",
                "who": "ada",
                "sub": "auth0|ada",
                "roles": ["a", "b"],
                "body": body,
                "name": "hello",
                "left": true,
                "variable": "world",
                "secret": null,
            });
            assert_eq!(ask_json(&function, body).await, expected, "{run}");
        }
    }
}

/// One file without dependencies, so that nothing need be fetched.
const RUST: &str = r#"
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let api = api.strip_prefix("http://").unwrap();
    let (address, secret) = api.split_once('/').unwrap();
    let base = format!("/{secret}/2018-06-01/runtime/invocation");
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    loop {
        let head = format!("GET {base}/next HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let (id, event) = ask(&mut stream, head);
        let path = event.split("\"rawPath\":\"").nth(1).unwrap();
        let body = format!("\"{}\"", path.split('"').next().unwrap());
        let length = body.len();
        let head = format!("POST {base}/{id}/response HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}");
        ask(&mut stream, head);
    }
}

fn ask(stream: &mut BufReader<TcpStream>, head: String) -> (String, String) {
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim().split_once(": ") {
            Some(("lambda-runtime-aws-request-id", value)) => id = value.to_owned(),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (id, String::from_utf8(body).unwrap())
}
"#;

#[tokio::test]
async fn a_binary_is_built_by_cargo_and_told_where_to_ask_as_its_libraries_want_it() {
    let manifest =
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    let mut world = World::with(&[("rust/Cargo.toml", manifest), ("rust/src/main.rs", RUST)]).await;
    let function = world.function("binary = \"hello\"\ndirectory = \"rust\"");
    let answer = ask(&function, "{}").await.unwrap();
    assert_eq!(answer, (200, "/hello".to_owned()));

    world.write("rust/src/main.rs", "fn main() { nonsense }");
    world
        .told(|report| match report {
            portcullis_functions::Report::NotBuilt { message, .. } => message
                .contains("cannot find value `nonsense`")
                .then_some(()),
            _ => None,
        })
        .await;
}

/// In the place of esbuild, which would have to be fetched: it copies, and writes the metafile.
const ESBUILD: &str = r#"#!/usr/bin/env node
const fs = require("fs");
const path = require("path");
const [entry, ...options] = process.argv.slice(2);
const option = (name) => options.find((it) => it.startsWith(`--${name}=`)).slice(name.length + 3);
const source = fs.readFileSync(entry, "utf8");
if (source.includes("}}")) {
  console.error("✘ [ERROR] Unexpected \"}\"\n\n    hello.ts:1:2:");
  process.exit(1);
}
if (!options.includes("--bundle") || option("format") !== "esm") process.exit(2);
fs.writeFileSync(option("outfile"), source.replace(/: \w+/g, ""));
const inputs = { [path.relative(process.cwd(), entry)]: {} };
fs.writeFileSync(option("metafile"), JSON.stringify({ inputs }));
"#;

fn install(world: &World) {
    use std::os::unix::fs::PermissionsExt as _;
    world.write("node_modules/.bin/esbuild", ESBUILD);
    let file = world.folder.path().join("node_modules/.bin/esbuild");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn typescript_goes_through_the_project_s_own_esbuild() {
    let source = "export const main = async (event: any) => `Hello ${event.rawPath}`;";
    let mut world = World::with(&[("src/hello.ts", source)]).await;
    let function = world.handler("src/hello.main");
    let missing = ask(&function, "").await.unwrap_err().to_string();
    assert!(
        missing.ends_with("`npm install --save-dev esbuild`"),
        "{missing}"
    );

    install(&world);
    // What was missing is no source: the next change of one has it built again.
    world.write("src/hello.ts", &format!("{source}\n"));
    world
        .told(|report| match report {
            portcullis_functions::Report::Built { .. } => Some(()),
            _ => None,
        })
        .await;
    let answer = ask(&function, "").await.unwrap();
    assert_eq!(answer, (200, "Hello /hello".to_owned()));
}

#[tokio::test]
async fn handlers_that_return_at_once_or_call_back_answer_too() {
    let source = r#"
exports.now = () => "now";
exports.back = (event, context, callback) => setTimeout(() => callback(null, "back"), 1);
exports.nothing = () => {};
exports.nested = { deep: async () => "deep" };
"#;
    let mut world = World::with(&[("a.cjs", source)]).await;
    for (export, expected) in [
        ("now", "now"),
        ("back", "back"),
        ("nothing", "null"),
        ("nested.deep", "deep"),
    ] {
        let function = world.handler(&format!("a.{export}"));
        assert_eq!(ask(&function, "").await.unwrap().1, expected, "{export}");
    }
}
