use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::World;
use crate::session::Session;
use crate::web::{Answer, client, get, send};

const FILE: &str = r#"
[server]
admin = "127.0.0.1:0"
[authorizer.user]
issuer = "http://127.0.0.1:1/"
audience = ["testing"]
[api.main]
auth = "none"
[api.main.routes]
"GET /word" = { respond = "one" }
"GET /mine" = { respond = "mine", auth = "user" }
"GET /away" = { upstream = ["http://127.0.0.1:1", "http://127.0.0.2:1"] }
"#;

/// A session with an admin listener.
struct Administered {
    world: World,
    session: Session,
    token: String,
}

impl Administered {
    async fn start() -> Self {
        let world = World::with_file(FILE);
        let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
        let session = Session::spawn(&mut world.command(&arguments)).await;
        let file = session.ready["admin"]["token_file"].as_str().unwrap();
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let token = fs::read_to_string(file).unwrap().trim().to_owned();
        Self {
            world,
            session,
            token,
        }
    }

    fn url(&self, path: &str) -> String {
        let url = self.session.ready["admin"]["url"].as_str().unwrap();
        format!("{url}{path}")
    }

    async fn get(&self, path: &str) -> Answer {
        send(client().get(self.url(path)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = client().post(self.url(path)).bearer_auth(&self.token);
        send(request.body(body.to_string())).await
    }

    /// Writes the file as it is wanted, where the session looks for it.
    fn write(&self, text: &str) {
        self.world.write("portcullis.toml", text);
    }
}

#[tokio::test]
async fn the_addresses_of_upstreams_are_shown_and_one_that_fails_is_not_well() {
    let gateway = Administered::start().await;
    let states = async || gateway.get("/health").await.json()["upstreams"].clone();
    let state = |address, is_well, failures| json!({ "api": "main", "address": address, "healthy": is_well, "failures": failures });
    let (one, two) = ("127.0.0.1:1", "127.0.0.2:1");
    let expected = json!([state(one, true, 0), state(two, true, 0)]);
    assert_eq!(states().await, expected);
    // Nobody listens at either, and each is tried once for a request.
    for _ in 0..2 {
        assert_eq!(get(&gateway.session.url("/away")).await.status, 502);
    }
    let expected = json!([state(one, true, 2), state(two, true, 2)]);
    assert_eq!(states().await, expected);
    assert_eq!(get(&gateway.session.url("/away")).await.status, 502);
    let health = gateway.get("/health").await.json();
    let expected = json!([state(one, false, 3), state(two, false, 3)]);
    assert_eq!(
        (&health["status"], &health["upstreams"]),
        (&json!("degraded"), &expected)
    );
}

#[tokio::test]
async fn a_reload_is_asked_for_and_a_broken_file_is_told_with_its_line() {
    let gateway = Administered::start().await;
    gateway.write(&FILE.replace("\"one\"", "\"two\""));
    let answer = gateway.post("/reload", &Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The watch may have seen the change before.
    let generation = answer.json()["generation"].as_u64().unwrap();
    assert!(generation >= 2, "{answer:?}");
    assert_eq!(get(&gateway.session.url("/word")).await.body, "two");

    gateway.write("[api.main]\nauth = 1\n");
    let refused = gateway.post("/reload", &Value::Null).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let diagnostics = &refused.json()["diagnostics"];
    assert_eq!(diagnostics[1]["line"], 2, "{diagnostics}");
    assert_eq!(get(&gateway.session.url("/word")).await.body, "two");
    let health = gateway.get("/health").await.json();
    assert_eq!(health["generation"], generation);
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["last_reload"]["succeeded"], false);

    let output = gateway.session.stop().await;
    assert_eq!(output.status, Some(0));
    let audit: Vec<Value> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["target"] == "portcullis::audit" && event["by"] == "admin")
        .collect();
    let results: Vec<_> = audit.iter().map(|event| &event["result"]).collect();
    assert_eq!(results, [&json!("done"), &json!("refused")], "{audit:?}");
    for event in &audit {
        let peer = event["peer"].as_str().unwrap();
        assert!(peer.starts_with("127.0.0.1:"), "{event}");
    }
    assert!(!output.stderr.contains(&gateway.token));
}

#[tokio::test]
async fn a_decision_is_explained_as_the_program_does() {
    let gateway = Administered::start().await;
    let question = json!({ "path": "/mine", "token": "not.a.token" });
    let answer = gateway.post("/explain", &question).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    let arguments = [
        "explain",
        "GET /mine",
        "--token",
        "not.a.token",
        "--issuer",
        "real",
        "--format",
        "json",
    ];
    let output = gateway.world.run(&arguments).await;
    let printed: Value = serde_json::from_str(output.data()).unwrap();
    assert_eq!(told, printed);
    assert_eq!(told["allowed"], false);

    let allowed = gateway.post("/explain", &json!({ "path": "/word" })).await;
    assert_eq!(allowed.json()["allowed"], true);
    assert_eq!(allowed.json()["route"], "GET /word");
}

#[tokio::test]
async fn routes_and_keys_are_listed() {
    let gateway = Administered::start().await;
    let routes = gateway.get("/routes").await.json();
    assert_eq!(routes["routes"][0]["path"], "/word");
    assert_eq!(routes["routes"][1]["auth"], "user");
    let keys = gateway.get("/keys").await.json();
    assert_eq!(keys["authorizers"][0]["name"], "user");
    let issuer = &keys["authorizers"][0]["issuers"][0];
    assert_eq!(issuer["source"], "http://127.0.0.1:1/");
    assert_eq!(issuer["usable"], false);
    let metrics = gateway.get("/metrics").await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(metrics.header("content-type"), kind);
    let generation = "portcullis_config_generation 1\n";
    assert!(metrics.body.contains(generation), "{}", metrics.body);
    // No keys have ever come of that issuer.
    for (path, expected) in [("/live", 200), ("/ready", 503)] {
        assert_eq!(get(&gateway.url(path)).await.status, expected, "{path}");
    }
    for path in ["/health", "/keys", "/routes", "/metrics"] {
        let answer = get(&gateway.url(path)).await;
        assert_eq!(answer.status, 401, "{path}");
        let expected = "Bearer realm=\"portcullis admin\"";
        assert_eq!(answer.header("www-authenticate"), expected, "{path}");
    }
    let data_plane = get(&gateway.session.url("/health")).await;
    assert_eq!(data_plane.status, 404);
}

#[tokio::test]
async fn a_token_file_is_the_owners_alone() {
    let file = FILE.replace(
        "admin = \"127.0.0.1:0\"",
        "admin = { listen = \"127.0.0.1:0\", token_file = \"secret\" }",
    );
    let world = World::with_file(&file);
    let token = "0123456789abcdef0123456789abcdef";
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    let said = world.run(&arguments).await.failure().to_owned();
    assert!(said.contains("secret cannot be read"), "{said}");

    world.write("secret", token);
    let path = world.project().join("secret");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let said = world.run(&arguments).await.failure().to_owned();
    assert!(said.contains("its mode is 640, not 600"), "{said}");
    assert!(
        said.contains("hint: if nobody has read it: `chmod 600"),
        "{said}"
    );

    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    world.write("secret", "short");
    let said = world.run(&arguments).await.failure().to_owned();
    assert!(said.contains("does not hold a token"), "{said}");
    assert!(!said.contains("short"), "{said}");

    world.write("secret", token);
    let session = Session::spawn(&mut world.command(&arguments)).await;
    let url = session.ready["admin"]["url"].as_str().unwrap();
    let answer = send(client().get(format!("{url}/health")).bearer_auth(token)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn there_is_no_admin_listener_unless_the_file_asks_for_one() {
    let world = World::with_file(&FILE.replace("admin = \"127.0.0.1:0\"", ""));
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    let session = Session::spawn(&mut world.command(&arguments)).await;
    assert_eq!(session.ready["admin"], Value::Null);
    assert!(!world.project().join(".portcullis").exists());
}
