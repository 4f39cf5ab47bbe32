use std::sync::Arc;

use portcullis_testkit::{TestServer, text};
use serde_json::{Value, json};

use crate::program::World;
use crate::session::Session;
use crate::signer::{Lifetime, Signer, claims};
use crate::web::get_as;

/// An OpenID provider: discovery and keys over HTTP, tokens by [`Signer`].
struct Provider {
    signer: Arc<Signer>,
    server: TestServer,
    /// How its documents and tokens end its name.
    slash: &'static str,
}

impl Provider {
    async fn start(slash: &'static str) -> Self {
        let signer = Arc::new(Signer::generate("key-1"));
        let key = signer.jwk();
        let server = TestServer::start(move |request| {
            let host = request.headers()["host"].to_str().unwrap().to_owned();
            let document = match request.uri().path() {
                "/.well-known/openid-configuration" => json!({
                    "issuer": format!("http://{host}{slash}"),
                    "jwks_uri": format!("http://{host}/keys"),
                }),
                "/keys" => json!({ "keys": [key] }),
                _ => Value::Null,
            };
            async move { http::Response::new(text(document.to_string())) }
        })
        .await;
        Self {
            signer,
            server,
            slash,
        }
    }

    fn issuer(&self) -> String {
        format!("{}{}", self.server.url(), self.slash)
    }

    fn claims(&self, lifetime: Lifetime) -> Value {
        claims(&self.issuer(), "testing", lifetime)
    }

    /// A world whose file names this provider, with this end, and whose `keys.json` has its keys.
    fn world(&self, slash: &str) -> World {
        world(&format!("{}{slash}", self.server.url()), &self.signer)
    }
}

fn world(issuer: &str, signer: &Signer) -> World {
    let world = World::example("hello");
    let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
    let real = "https://your-auth0-app.region.auth0.com";
    assert!(file.contains(real), "{file}");
    world.write("portcullis.toml", file.replace(real, issuer));
    world.write("keys.json", json!({ "keys": [signer.jwk()] }).to_string());
    world
}

async fn start(world: &World) -> Session {
    Session::start_with(world, &["--issuer", "real"]).await
}

/// The status and the reason by `explain`; 200 and nothing when the request passes.
async fn explain(world: &World, token: &str) -> (u16, String) {
    let request = ["explain", "GET /hello/world", "--token", token];
    let options = [
        "--issuer",
        "real",
        "--jwks",
        "keys.json",
        "--format",
        "json",
    ];
    let output = world.run(&[&request[..], &options].concat()).await;
    let json: Value = serde_json::from_str(output.data()).unwrap();
    if json["allowed"] == true {
        return (200, String::new());
    }
    let status = json["status"].as_u64().unwrap().try_into().unwrap();
    (status, json["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn tokens_of_another_library_are_judged_by_the_rules() {
    let provider = Provider::start("/").await;
    let world = provider.world("/");
    let session = start(&world).await;
    let (signer, stranger) = (&provider.signer, Signer::generate("key-1"));
    let unknown = Signer::generate("key-2");
    let good = provider.claims(Lifetime::Running);
    let over = provider.claims(Lifetime::Over);
    for (name, token, expected) in [
        ("good", signer.sign(&good), (200, "")),
        ("expired", signer.sign(&over), (401, "expired")),
        ("alg none", signer.alg_none(&good), (401, "alg_not_allowed")),
        (
            "HS256",
            signer.hs256_with_public_key(&good),
            (401, "alg_not_allowed"),
        ),
        ("another key", stranger.sign(&good), (401, "bad_signature")),
        ("unknown key", unknown.sign(&good), (401, "key_unknown")),
    ] {
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            expected,
            "{name}"
        );
        let challenge = answer.header("www-authenticate");
        let is_challenged = challenge.starts_with(r#"Bearer realm="main", error="invalid_token""#);
        assert_eq!(is_challenged, answer.status == 401, "{name}: {challenge}");
        let expected = (expected.0, expected.1.to_owned());
        assert_eq!(explain(&world, &token).await, expected, "explain: {name}");
    }
}

#[tokio::test]
async fn the_issuer_s_slash_does_not_matter_in_the_file() {
    for (theirs, ours) in [("/", "/"), ("/", ""), ("", "/"), ("", "")] {
        let provider = Provider::start(theirs).await;
        let world = provider.world(ours);
        let session = start(&world).await;
        let token = provider.signer.sign(&provider.claims(Lifetime::Running));
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(answer.status, 200, "{theirs:?} {ours:?}: {answer:?}");
        let agreed = (200, String::new());
        assert_eq!(explain(&world, &token).await, agreed, "{theirs:?} {ours:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_not_the_caller_s_fault() {
    let provider = Provider::start("/").await;
    let token = provider.signer.sign(&provider.claims(Lifetime::Running));
    let expired = provider.signer.sign(&provider.claims(Lifetime::Over));
    let world = provider.world("/");
    drop(provider);
    let session = start(&world).await;

    let answer = get_as(&token, &session.url("/hello/world")).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "keys_unavailable")
    );
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("www-authenticate"), "");
    // With the keys in a file it can be told what the answer will be again.
    assert_eq!(explain(&world, &token).await, (200, String::new()));
    assert_eq!(explain(&world, &expired).await, (401, "expired".to_owned()));
    // Nothing is missing to refuse this one.
    let answer = get_as(&expired, &session.url("/hello/world")).await;
    assert_eq!((answer.status, answer.reason().as_str()), (401, "expired"));
}

#[tokio::test]
async fn explain_asks_for_the_keys_that_it_does_not_have() {
    let signer = Signer::generate("key-1");
    let world = world("https://issuer.example/", &signer);
    let claims = claims("https://issuer.example/", "testing", Lifetime::Running);
    let token = signer.sign(&claims);
    let request = ["explain", "GET /hello/world", "--token", &token];
    let output = world
        .run(&[&request[..], &["--issuer", "real"]].concat())
        .await;
    let text = output.data();
    assert!(text.contains("refused: 503 keys_unavailable\n"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("`--jwks FILE`"), "{last}");
}

#[tokio::test]
async fn a_token_may_be_had_from_a_real_issuer() {
    let server = TestServer::start(|request| async move {
        let host = request.headers()["host"].to_str().unwrap();
        let document = match request.uri().path() {
            "/.well-known/openid-configuration" => {
                json!({
                    "issuer": format!("http://{host}"),
                    "token_endpoint": format!("http://{host}/token"),
                })
            }
            "/token" => json!({ "access_token": "the.access.token", "token_type": "Bearer" }),
            other => panic!("{other} was asked for"),
        };
        http::Response::new(text(document.to_string()))
    })
    .await;
    let world = World::empty();
    let url = server.url();
    let arguments = ["token", "--tenant", &url, "--client", "reports"];
    let mut command = world.command(&arguments);
    let output = crate::program::Output::of(command.env("PORTCULLIS_CLIENT_SECRET", "s")).await;
    assert_eq!(output.data(), "the.access.token");

    let output = world.run(&arguments[..3]).await;
    let expected = format!(
        "error: {url}/ is not the tenant of a `portcullis dev` on this machine\n\
         hint: for a real issuer add `--client CLIENT_ID`, and set PORTCULLIS_CLIENT_SECRET"
    );
    assert_eq!(output.failure(), expected);
}

#[tokio::test]
async fn a_secret_goes_only_where_its_issuer_says_and_nobody_listens() {
    for (issuer, endpoint, expected) in [
        (
            "http://{}/",
            "http://192.0.2.1/token",
            "`token_endpoint` of {} is neither https nor on this machine",
        ),
        (
            "http://{}/",
            "ftp://localhost/token",
            "`token_endpoint` of {} is neither https nor on this machine",
        ),
        ("http://{}/", "token", "{} names no `token_endpoint`"),
        (
            "https://other.example/",
            "http://{}/token",
            "{} is the document of `https://other.example/`",
        ),
    ] {
        let server = TestServer::start(move |request| async move {
            let host = request.headers()["host"].to_str().unwrap();
            let document = json!({
                "issuer": issuer.replace("{}", host),
                "token_endpoint": endpoint.replace("{}", host),
            });
            http::Response::new(text(document.to_string()))
        })
        .await;
        let url = server.url();
        let world = World::empty();
        let mut command = world.command(&["token", "--tenant", &url, "--client", "c"]);
        let output = crate::program::Output::of(command.env("PORTCULLIS_CLIENT_SECRET", "s")).await;
        let document = format!("{url}/.well-known/openid-configuration");
        let expected = format!("error: {}", expected.replace("{}", &document));
        assert_eq!(output.failure(), expected, "{issuer} {endpoint}");
    }
}

#[tokio::test]
async fn an_issuer_on_this_machine_is_never_asked_by_way_of_a_proxy() {
    let provider = Provider::start("/").await;
    let world = provider.world("/");
    let mut command = world.command(&["dev", "--format", "json", "--issuer", "real"]);
    let proxy = "http://127.0.0.1:1";
    command.args(["--listen", "127.0.0.1:0"]);
    let session = Session::spawn(command.env("http_proxy", proxy).env("ALL_PROXY", proxy)).await;
    let token = provider.signer.sign(&provider.claims(Lifetime::Running));
    let answer = get_as(&token, &session.url("/hello/world")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
