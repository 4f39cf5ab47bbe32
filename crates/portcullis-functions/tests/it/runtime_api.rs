use serde_json::json;

use crate::world::{World, ask_json};

/// Tells in its answer what it was told when it did the wrong thing.
const WORKER: &str = r#"
import http.client, json, os
address, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
base = "/2018-06-01/runtime/"

def ask(method, path, body=None, prefix="/" + prefix):
    connection = http.client.HTTPConnection(address)
    connection.request(method, prefix + base + path, body)
    response = connection.getresponse()
    text = response.read().decode()
    return response.status, response.headers, json.loads(text)

def told(answer):
    return [answer[0], answer[2].get("errorType", answer[2].get("status"))]

seen = {}
seen["stranger"] = told(ask("GET", "invocation/next", prefix="/" + "0" * 32))
seen["early"] = told(ask("POST", "invocation/1/response", "{}"))
while True:
    _, headers, event = ask("GET", "invocation/next")
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    seen["next"] = told(ask("GET", "invocation/next"))
    seen["init"] = told(ask("POST", "init/error", "{}"))
    seen["unknown"] = told(ask("POST", "invocation/" + id[:-1] + "/response", "{}"))
    seen["nothing"] = told(ask("GET", "invocation/" + id + "/response"))
    ask("POST", "invocation/" + id + "/response", json.dumps(seen))
    seen["again"] = told(ask("POST", "invocation/" + id + "/response", "{}"))
    seen["error"] = told(ask("POST", "invocation/" + id + "/error", "{}"))
"#;

#[tokio::test]
async fn a_worker_that_asks_out_of_turn_is_told_so() {
    let mut world = World::with(&[("worker.py", WORKER)]).await;
    let function = world.function("command = [\"python3\", \"worker.py\"]\nconcurrency = 1");
    let mut expected = json!({
        "stranger": [404, "NotFound"],
        "early": [400, "InvalidRequestID"],
        "next": [403, "InvalidStateTransition"],
        "init": [403, "InvalidStateTransition"],
        "unknown": [400, "InvalidRequestID"],
        "nothing": [404, "NotFound"],
    });
    assert_eq!(ask_json(&function, "").await, expected);
    expected["again"] = json!([403, "InvalidStateTransition"]);
    expected["error"] = json!([403, "InvalidStateTransition"]);
    assert_eq!(ask_json(&function, "").await, expected);
}
