use std::time::Duration;

use portcullis_functions::{InvokeError, Report};

use crate::life::is_alive;
use crate::world::{PATIENCE, World, ask};

/// Does what the body says.
const HANDLER: &str = r#"
export const main = async (event) => {
  switch (event.body) {
    case "throw": throw new TypeError("no such thing");
    case "exit": process.exit(7);
    case "loop": for (;;);
    case "status": return { statusCode: "ok" };
    case "large": return "a".repeat(12 << 20);
    case "log": for (let i = 0; i < 6 << 10; i++) console.log("x".repeat(1023)); break;
    case "reject": Promise.reject(new Error("nobody waits")); await new Promise(() => {}); break;
    case "children":
      (await import("node:child_process")).spawn("sleep", ["600"], { stdio: "ignore" });
      break;
  }
  return "fine";
};
"#;

#[tokio::test]
async fn a_handler_that_fails_is_explained_and_harms_no_other_request() {
    let mut world = World::with(&[("a.mjs", HANDLER)]).await;
    let function = world.function("handler = \"a.main\"\ntimeout = \"1500ms\"\nconcurrency = 2");
    assert_eq!(ask(&function, "warm").await.unwrap().1, "fine");
    for (body, status, expected) in [
        ("throw", 500, "TypeError: no such thing"),
        (
            "exit",
            500,
            "the function's process ended before it answered: exit status: 7",
        ),
        ("loop", 503, "Task timed out after 1.50 seconds"),
        (
            "status",
            500,
            "`statusCode` must be a whole number from 200 to 599",
        ),
        ("large", 500, "the function returned more than 6 MiB"),
        ("reject", 500, "Error: nobody waits"),
    ] {
        let (failed, other) = tokio::join!(ask(&function, body), ask(&function, "other"));
        let error = failed.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.status(), status, "{body}");
        assert_eq!(other.unwrap().1, "fine", "{body}");
    }
    assert_eq!(ask(&function, "log").await.unwrap().1, "fine");
    assert_eq!(ask(&function, "after").await.unwrap().1, "fine");
    let (lines, left_out) = world
        .told(|report| match report {
            Report::Invoked(invoked) if invoked.left_out > 0 => {
                Some((invoked.lines.len(), invoked.left_out))
            }
            _ => None,
        })
        .await;
    assert!(lines <= 1000, "{lines} lines");
    assert!(lines + left_out <= 6 << 10, "{lines} and {left_out}");
}

#[tokio::test]
async fn what_does_not_start_is_not_tried_again_until_a_file_changes() {
    let mut world = World::with(&[
        ("a.mjs", "export const main = ;"),
        ("b.py", "import nonsense"),
    ])
    .await;
    for (handler, expected) in [
        ("a.main", "SyntaxError: Unexpected token ';'"),
        ("b.main", "ModuleNotFoundError: No module named 'nonsense'"),
    ] {
        let function = world.handler(handler);
        let before = world.reports().len();
        for _ in 0..3 {
            let error = ask(&function, "").await.unwrap_err();
            assert!(matches!(error, InvokeError::Init(_)), "{error:?}");
            let expected = format!("the function does not start: {expected}");
            assert_eq!(error.to_string(), expected);
        }
        let failed = world.reports()[before..]
            .iter()
            .filter(|report| matches!(report, Report::Failed { .. }))
            .count();
        assert_eq!(failed, 1, "{handler}");
    }
    let function = world.handler("a.main");
    assert!(ask(&function, "").await.is_err());
    world.write("a.mjs", "export const main = () => 'mended';");
    let mended = async {
        while ask(&function, "").await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ask(&function, "").await.unwrap().1
    };
    let mended = tokio::time::timeout(Duration::from_secs(30), mended).await;
    assert_eq!(mended.expect("it is mended"), "mended");
}

/// Says that it cannot start, and stays.
const LINGERER: &str = r#"
import http.client, os, time
address, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
open("process", "w").write(str(os.getpid()))
connection = http.client.HTTPConnection(address)
connection.request("POST", "/" + prefix + "/2018-06-01/runtime/init/error", "{}")
connection.getresponse().read()
time.sleep(600)
"#;

#[tokio::test]
async fn a_process_that_cannot_start_and_stays_is_killed() {
    let mut world = World::with(&[("a.py", LINGERER)]).await;
    let function = world.function("command = [\"python3\", \"a.py\"]");
    let error = ask(&function, "").await.unwrap_err();
    assert!(matches!(error, InvokeError::Init(_)), "{error:?}");
    let process = std::fs::read_to_string(world.folder.path().join("process")).unwrap();
    let ended = async {
        while is_alive(&process) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    assert_eq!(ended, Ok(()), "{process} is still there");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut world = World::with(&[("a.mjs", "export const other = 1;")]).await;
    for (lines, expected) in [
        (
            "handler = \"a.main\"",
            "a.mjs exports other, and no function main",
        ),
        ("handler = \"b.main\"", "b with one of the endings .ts .tsx"),
        (
            "command = [\"./nobody\"]",
            "nobody cannot be started: No such file or directory",
        ),
        (
            "command = [\"sh\", \"-c\", \"echo oops >&2; exit 3\"]",
            "its process ended before it asked for work: exit status: 3",
        ),
        ("binary = \"nobody\"", "could not find `Cargo.toml`"),
    ] {
        let function = world.function(lines);
        let error = ask(&function, "").await.unwrap_err().to_string();
        assert!(error.contains(expected), "{lines}: {error}");
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_goes_nowhere() {
    let mut world = World::with(&[("a.mjs", HANDLER)]).await;
    let function = world.handler("a.main");
    let body = "a".repeat(6 << 20);
    let error = ask(&function, &body).await.unwrap_err();
    assert!(matches!(error, InvokeError::EventTooLarge), "{error:?}");
    assert_eq!(error.status(), 413);
    assert!(world.reports().is_empty(), "nothing was started");
}
