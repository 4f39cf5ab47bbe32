use serde_json::json;

use crate::program::World;
use crate::session::{Session, token};
use crate::web::{Answer, client, get_as, send};

const APPLICATIONS: &str = r#"
[[tenant.application]]
name = "Nightly Job"
type = "non_interactive"
client_id = "nightly"
client_secret = "${NIGHTLY_SECRET}"

[[tenant.application]]
name = "Made Up"
type = "non_interactive"

[[tenant.application]]
name = "site"
type = "spa"
web_origins = []
"#;

const SECRET: &str = "from the environment: a + b %";

async fn start() -> (World, Session) {
    let world = World::example("hello");
    world.append(APPLICATIONS);
    world.write(".env", format!("NIGHTLY_SECRET='{SECRET}'\n"));
    let session = Session::start(&world).await;
    (world, session)
}

/// Asks as `nightly` with this secret, by each way that OAuth 2.0 and Auth0 know.
async fn ask(session: &Session, secret: &str) -> [(&'static str, Answer); 3] {
    let url = format!("{}oauth/token", session.issuer());
    let asked = [
        ("grant_type", "client_credentials"),
        ("audience", "testing"),
    ];
    let credentials = [("client_id", "nightly"), ("client_secret", secret)];
    let form = |pairs: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let request = client()
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(body)
    };
    let basic = form(&asked).basic_auth("nightly", Some(&encoded(secret)));
    let json = json!({
        "grant_type": "client_credentials",
        "audience": "testing",
        "client_id": "nightly",
        "client_secret": secret,
    });
    [
        ("basic", send(basic).await),
        ("form", send(form(&[asked, credentials].concat())).await),
        ("JSON", send(client().post(&url).json(&json)).await),
    ]
}

/// RFC 6749 section 2.3.1: form-encoded before it becomes part of Basic.
fn encoded(secret: &str) -> String {
    url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()
}

#[tokio::test]
async fn a_declared_application_gets_its_tokens_by_every_kind_of_credentials() {
    let (_world, session) = start().await;
    for (name, answer) in ask(&session, SECRET).await {
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(answer.body, "Hello world", "{name}");
    }
    for (name, answer) in ask(&session, "another secret").await {
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (401, &json!("access_denied")),
            "{name}"
        );
        let challenged = !answer.header("www-authenticate").is_empty();
        assert_eq!(challenged, name == "basic", "{name}");
    }
}

#[tokio::test]
async fn the_token_command_asks_as_any_application_of_the_file() {
    let (world, session) = start().await;
    for (client, subject) in [
        ("nightly", "nightly@clients"),
        ("made-up", "made-up@clients"),
        ("development", "development@clients"),
    ] {
        let token = token(&world, &["--client", client]).await;
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(answer.status, 200, "{client}");
        let explained = world
            .run(&["explain", "/hello/world", "--token", &token])
            .await;
        assert!(
            explained.data().contains(subject),
            "{client}: {explained:?}"
        );
    }
}

#[tokio::test]
async fn what_the_tenant_refuses_is_told_with_its_reason() {
    let (world, session) = start().await;
    // It is asked where it listens, not by its name.
    let issuer = session.issuer().replace("localhost", "127.0.0.1");
    let endpoint = format!("{issuer}oauth/token");
    for (arguments, expected) in [
        (
            &["--client", "nobody"][..],
            "401 Unauthorized: Unauthorized (access_denied)",
        ),
        (
            &["--client", "site"],
            "401 Unauthorized: Unauthorized (access_denied)",
        ),
        (
            &["--client-secret", "wrong"],
            "401 Unauthorized: Unauthorized (access_denied)",
        ),
        (
            &["--audience", "other"],
            "403 Forbidden: Service not found: other (access_denied)",
        ),
        (
            &["--scope", "admin"],
            "403 Forbidden: Client has not been granted scopes: admin (access_denied)",
        ),
    ] {
        let output = world.run(&[&["token"], arguments].concat()).await;
        let expected = format!("error: {endpoint} answered {expected}");
        assert_eq!(output.failure(), expected, "{arguments:?}");
    }
}
