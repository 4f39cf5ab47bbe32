use std::collections::BTreeSet;
use std::time::Duration;

use http_body_util::BodyExt as _;
use portcullis_functions::{Report, Stream};
use tokio::time::timeout;

use crate::world::{PATIENCE, World, ask, call};

#[tokio::test]
async fn fifty_requests_at_a_time_all_answer_with_two_processes() {
    let source = "export const main = async () => {\n\
                  await new Promise((done) => setTimeout(done, 5));\n\
                  return String(process.pid);\n};";
    let mut world = World::with(&[("a.mjs", source)]).await;
    let function = world.function("handler = \"a.main\"\nconcurrency = 2");
    let asked = (0..50).map(|_| {
        let function = function.clone();
        tokio::spawn(async move { ask(&function, "").await.unwrap().1 })
    });
    let asked: Vec<_> = asked.collect();
    let mut processes = BTreeSet::new();
    for answer in asked {
        processes.insert(answer.await.unwrap());
    }
    assert!(processes.len() <= 2, "{processes:?}");
    // One after another they need but one.
    let mut later = BTreeSet::new();
    for _ in 0..5 {
        later.insert(ask(&function, "").await.unwrap().1);
    }
    assert!(later.is_subset(&processes), "{later:?} {processes:?}");
}

#[tokio::test]
async fn a_streamed_response_arrives_in_pieces() {
    let source = r#"
exports.main = awslambda.streamifyResponse(async (event, stream) => {
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-a": "b" } });
  out.write("one");
  await new Promise((done) => (globalThis.go = done, setTimeout(done, 300)));
  out.write("two");
  out.end();
});
exports.broken = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/csv");
  stream.write("one");
  throw new Error("half way");
});
"#;
    let mut world = World::with(&[("a.js", source)]).await;
    let function = world.handler("a.main");
    let response = timeout(PATIENCE, function.call(&call("")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-a"], "b");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        text += str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
        pieces += 1;
    }
    assert_eq!(text, "onetwo");
    assert!(pieces >= 2, "{pieces}");

    let function = world.handler("a.broken");
    let response = timeout(PATIENCE, function.call(&call("")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv");
    let whole = response.into_body().collect().await;
    assert!(whole.is_err(), "it breaks off");
}

#[tokio::test]
async fn an_invocation_is_told_with_its_lines_and_without_tokens() {
    let source = "console.log('starting');\nexport const main = async (event) => {\n\
                  console.log('got', 'Bearer abc.def'); console.error('two');\n\
                  return 'ok';\n};";
    let mut world = World::with(&[("a.mjs", source)]).await;
    let function = world.handler("a.main");
    assert_eq!(ask(&function, "").await.unwrap().1, "ok");
    let invoked = world
        .told(|report| match report {
            Report::Invoked(invoked) => Some(invoked.clone()),
            _ => None,
        })
        .await;
    let mut lines: Vec<_> = invoked
        .lines
        .iter()
        .map(|line| (line.stream, line.text.as_str()))
        .collect();
    lines.sort_by_key(|(stream, _)| *stream == Stream::Err);
    assert_eq!(
        lines,
        [
            (Stream::Out, "starting"),
            (Stream::Out, "got Bearer [token]"),
            (Stream::Err, "two")
        ]
    );
    assert_eq!(&*invoked.request_id, "request-1");
    assert_eq!(&*invoked.function, "hello");
    assert_eq!(invoked.error, None);
    assert_eq!(world.functions.log().lines().len(), 3);
}

/// Whether a process is there that is more than a grave.
pub(crate) fn is_alive(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test]
async fn the_end_leaves_no_process_not_even_a_handler_s_own() {
    let source = r#"
import { spawn } from "node:child_process";
export const main = async () => {
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  return `${process.pid} ${child.pid}`;
};
"#;
    let mut world = World::with(&[("a.mjs", source)]).await;
    let function = world.handler("a.main");
    let processes = ask(&function, "").await.unwrap().1;
    for process in processes.split(' ') {
        assert!(is_alive(process), "{process}");
    }
    world.functions.stop(PATIENCE).await;
    let gone = async {
        while processes.split(' ').any(is_alive) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("all are gone");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn in_production_nobody_looks_into_the_gateway() {
    let _world = World::start(&[], false).await;
    let behavior = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(behavior, rustix::process::DumpableBehavior::NotDumpable);
}
