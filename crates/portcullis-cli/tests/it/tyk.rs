//! The guide of Tyk, step by step: `examples/tyk` in front of a local httpbin.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::Session;
use crate::web::{Answer, client, get, get_as, send};

/// httpbin under gunicorn, and the gateway before it.
struct Guide {
    session: Session,
    _httpbin: Child,
    _world: World,
}

impl Guide {
    /// Starts the example with a piece of its file replaced.
    async fn start(from: &str, to: &str) -> Self {
        let world = World::example("tyk");
        let (httpbin, url) = httpbin().await;
        let env = format!("AUTH0_DOMAIN=a.example\nHTTPBIN={url}\nCLIENT_SECRET=secret\n");
        world.write(".env", env);
        let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
        assert!(file.contains(from), "{from}");
        world.write("portcullis.toml", file.replace(from, to));
        let session = Session::start(&world).await;
        Self {
            session,
            _httpbin: httpbin,
            _world: world,
        }
    }

    fn url(&self, api: &str) -> String {
        self.session.ready["apis"][api].as_str().unwrap().to_owned() + "/"
    }

    /// The token request of the guide.
    async fn token(&self, client_id: &str) -> String {
        let body = json!({
            "client_id": client_id,
            "client_secret": "secret",
            "audience": "https://httpbin-api",
            "grant_type": "client_credentials",
        });
        let url = format!("{}oauth/token", self.session.issuer());
        let answer = send(client().post(url).json(&body)).await;
        assert_eq!(answer.json()["token_type"], "Bearer", "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// Starts the httpbin of `.ci/run` on a free port.
async fn httpbin() -> (Child, String) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/httpbin/bin");
    let gunicorn = target.join("gunicorn");
    assert!(
        gunicorn.exists(),
        "this test needs httpbin: `python3 -m venv target/httpbin && target/httpbin/bin/pip \
         install httpbin gunicorn`, as .ci/run does"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut command = Command::new(gunicorn);
    command
        .args(["--bind", &address.to_string(), "httpbin:app"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let child = command.spawn().unwrap();
    let url = format!("http://{address}");
    let ready = async {
        while client().get(&url).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, ready).await.expect("httpbin starts");
    (child, url)
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

#[tokio::test]
async fn a_token_of_the_tenant_gets_the_page_of_httpbin() {
    let guide = Guide::start("1000/1m", "1000/1m").await;
    let (httpbin, expenses) = (guide.url("httpbin"), guide.url("expenses"));
    let token = guide.token("httpbin").await;
    let answer = get_as(&token, &httpbin).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .body
            .contains("<title>httpbin(1): HTTP Client Testing Service</title>"),
        "{answer:?}"
    );
    assert_eq!(get(&httpbin).await.status, 400);
    // {"alg":"HS256"}.{"sub":"ada"}
    let symmetric = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
    let unexpected = r#"{"error":"Key not authorized:Unexpected signing method."}"#;
    let answer = get_as(symmetric, &httpbin).await;
    assert_eq!(refusal(&answer), (403, unexpected));

    let disallowed = (403, r#"{"error":"Access to this API has been disallowed"}"#);
    assert_eq!(refusal(&get_as(&token, &expenses).await), disallowed);
    // The scope brings the other policy, and the other one only.
    let token = guide.token("reporter").await;
    assert_eq!(get_as(&token, &expenses).await.status, 200);
    assert_eq!(refusal(&get_as(&token, &httpbin).await), disallowed);
}

#[tokio::test]
async fn exactly_as_many_of_64_callers_pass_as_the_rate_allows() {
    let guide = Guide::start("1000/1m", "10/1h").await;
    let token = guide.token("httpbin").await;
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let (token, url) = (token.clone(), guide.url("httpbin"));
        callers.spawn(async move { get_as(&token, &url).await.status });
    }
    let mut statuses = callers.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 10], vec![429; 54]].concat());
    let answer = get_as(&token, &guide.url("httpbin")).await;
    assert_eq!(
        refusal(&answer),
        (429, r#"{"error":"Rate Limit Exceeded"}"#)
    );
    assert_eq!(answer.header("x-ratelimit-limit"), "10");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_403_and_refused_calls_use_nothing() {
    let guide = Guide::start("10000/24h", "1/24h").await;
    let (httpbin, token) = (guide.url("httpbin"), guide.token("httpbin").await);
    assert_eq!(get_as(&token, &guide.url("expenses")).await.status, 403);
    assert_eq!(get_as(&token, &httpbin).await.status, 200);
    let answer = get_as(&token, &httpbin).await;
    assert_eq!(refusal(&answer), (403, r#"{"error":"Quota exceeded"}"#));
    assert_eq!(answer.header("x-ratelimit-limit"), "1");
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
}
