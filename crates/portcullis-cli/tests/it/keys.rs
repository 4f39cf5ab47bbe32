//! The words about keys, as `serve`, `explain` and `check` keep to them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Response, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portcullis_testkit::{TestServer, text};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::Session;
use crate::signer::{Lifetime, Signer, claims};
use crate::web::{get, get_as};

const ISSUER: &str = "https://issuer.example/";
const SECRET: &str = "a secret of thirty-two bytes, no";
const SERVE: [&str; 5] = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];

/// A file whose one authorizer has these lines besides its audience.
fn file(authorizer: &str) -> String {
    format!(
        "[server]\nadmin = \"127.0.0.1:0\"\nready = \"/ready\"\n\
         [authorizer.user]\naudience = [\"testing\"]\n{authorizer}\n\
         [api.main]\nauth = \"user\"\n[api.main.routes]\n\"GET /mine\" = {{ respond = \"mine\" }}\n"
    )
}

fn given(lines: &str) -> World {
    World::with_file(&file(&format!("issuer = \"{ISSUER}\"\n{lines}")))
}

async fn serve(world: &World) -> Session {
    Session::spawn(&mut world.command(&SERVE)).await
}

async fn status(session: &Session, token: &str) -> u16 {
    get_as(token, &session.url("/mine")).await.status
}

fn by_secret(secret: &str) -> String {
    let claims = claims(ISSUER, "testing", Lifetime::Running);
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

/// The reason of `explain`; empty when the request passes.
async fn explained(world: &World, token: &str) -> String {
    let arguments = ["explain", "GET /mine", "--token", token];
    let options = ["--issuer", "real", "--format", "json"];
    let output = world.run(&[&arguments[..], &options].concat()).await;
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    json["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_secret_is_the_only_key_and_nobody_sees_it() {
    for place in ["secret = \"file:shared\"", "secret = \"${SHARED}\""] {
        let world = given(place);
        world.write("shared", format!("{SECRET}\n"));
        world.write(".env", format!("SHARED={SECRET:?}\n"));
        let signer = Signer::generate("key-1");
        let public = signer.sign(&claims(ISSUER, "testing", Lifetime::Running));
        let other = by_secret("another secret of thirty-three b.");
        let session = serve(&world).await;
        for (token, expected, reason) in [
            (by_secret(SECRET), 200, ""),
            (other, 401, "bad_signature"),
            (public, 401, "alg_not_allowed"),
        ] {
            assert_eq!(status(&session, &token).await, expected, "{place} {reason}");
            assert_eq!(explained(&world, &token).await, reason, "{place}");
        }
        assert_eq!(get(&session.url("/ready")).await.status, 200);
        let said = session.stop().await.stderr;
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_said_without_it() {
    let world = given("secret = \"file:shared\"");
    let missing = world.run(&SERVE).await;
    assert!(
        missing.failure().contains("shared cannot be read"),
        "{missing:?}"
    );
    let check = world.run(&["check"]).await;
    assert_eq!(check.status, Some(1), "{check:?}");

    let (_, most) = SECRET.split_at(1);
    world.write("shared", format!("{most}\n"));
    let short = world.run(&SERVE).await;
    let expected = "shared is shorter than 32 bytes, which HS256 needs";
    assert!(short.failure().contains(expected), "{short:?}");
    let hint = "hint: make one: `openssl rand -hex 64`";
    assert!(short.failure().contains(hint), "{short:?}");
    assert!(!short.stderr.contains(most), "{short:?}");
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_when_it_changes() {
    let world = given("jwks_file = \"keys.json\"");
    let write = |keys: &[Value]| world.write("keys.json", json!({ "keys": keys }).to_string());
    let (old, new) = (Signer::generate("old"), Signer::generate("new"));
    let token = |signer: &Signer| signer.sign(&claims(ISSUER, "testing", Lifetime::Running));
    let (by_old, by_new) = (token(&old), token(&new));
    write(&[old.jwk()]);
    let session = serve(&world).await;
    assert_eq!(status(&session, &by_old).await, 200);
    assert_eq!(status(&session, &by_new).await, 401);
    assert_eq!(explained(&world, &by_new).await, "key_unknown");

    write(&[new.jwk()]);
    let replaced = async {
        while status(&session, &by_new).await != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, replaced)
        .await
        .expect("the file is read again");
    assert_eq!(status(&session, &by_old).await, 401);

    write(&[new.jwk(), json!({ "kty": "oct", "kid": "a", "k": "AAAA" })]);
    session.until_said("has a secret beside public keys").await;
    assert_eq!(status(&session, &by_new).await, 200);
}

/// An issuer that can be switched off.
struct Provider {
    server: TestServer,
    signer: Arc<Signer>,
    is_away: Arc<AtomicBool>,
}

impl Provider {
    async fn start() -> Self {
        let signer = Arc::new(Signer::generate("key-1"));
        let is_away = Arc::new(AtomicBool::new(false));
        let (key, away) = (signer.jwk(), Arc::clone(&is_away));
        let server = TestServer::start(move |request| {
            let host = request.headers()["host"].to_str().unwrap().to_owned();
            let document = match request.uri().path() {
                "/keys" => json!({ "keys": [key] }),
                _ => json!({
                    "issuer": format!("http://{host}/"), "jwks_uri": format!("http://{host}/keys"),
                }),
            };
            let mut response = Response::new(text(document.to_string()));
            if away.load(Ordering::Relaxed) {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            async move { response }
        })
        .await;
        Self {
            server,
            signer,
            is_away,
        }
    }

    fn go(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    fn world(&self, lines: &str) -> World {
        let issuer = format!("issuer = \"{}/\"", self.server.url());
        World::with_file(&file(&format!("{issuer}\n{lines}")))
    }

    fn token(&self, lifetime: Lifetime) -> String {
        let issuer = format!("{}/", self.server.url());
        self.signer.sign(&claims(&issuer, "testing", lifetime))
    }
}

#[tokio::test]
async fn a_snapshot_serves_over_a_restart_while_the_issuer_is_away() {
    let provider = Provider::start().await;
    let world = provider.world("snapshot = \"user-keys.json\"");
    let token = provider.token(Lifetime::Running);
    let session = serve(&world).await;
    assert_eq!(status(&session, &token).await, 200);
    let snapshot = world.project().join("user-keys.json");
    let written = async {
        while !snapshot.is_file() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, written)
        .await
        .expect("a snapshot is written");
    session.stop().await;
    let key = world.project().join(".portcullis/snapshot-key");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    provider.go(true);
    let session = serve(&world).await;
    assert_eq!(status(&session, &token).await, 200);
    assert_eq!(get(&session.url("/ready")).await.status, 200);
    session.stop().await;

    // Sealed with another key it could be anybody's.
    fs::remove_file(&key).unwrap();
    let session = serve(&world).await;
    assert_eq!(status(&session, &token).await, 503);
    assert_eq!(get(&session.url("/ready")).await.status, 503);
    let said = session.stop().await.stderr;
    assert!(said.contains("was not written with this key"), "{said}");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let said = world.run(&SERVE).await.failure().to_owned();
    assert!(said.contains("its mode is 640, not 600"), "{said}");
}

#[tokio::test]
async fn a_start_without_keys_is_what_the_file_says() {
    let provider = Provider::start().await;
    provider.go(true);
    let failed = provider.world("start = \"fail\"").run(&SERVE).await;
    let said = failed.failure();
    let expected = "error: the authorizer `user` has no keys: no keys of http://127.0.0.1:";
    assert!(said.contains(expected), "{said}");
    assert!(
        said.contains("hint: check that the issuer can be reached"),
        "{said}"
    );

    let waiting = provider.world("start = \"wait\"\nstart_wait = \"1s\"");
    let session = serve(&waiting).await;
    session.until_said("listening without keys").await;
    let admin = format!("{}/ready", session.ready["admin"]["url"].as_str().unwrap());
    assert_eq!(get(&admin).await.status, 503);
    assert_eq!(get(&session.url("/ready")).await.status, 503);
    provider.go(false);
    let ready = async {
        while get(&admin).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, ready).await.expect("keys come");
    assert_eq!(
        status(&session, &provider.token(Lifetime::Running)).await,
        200
    );

    let given_time = provider.world("start = \"fail\"\nstart_wait = \"10s\"");
    provider.go(true);
    let mut command = given_time.command(&SERVE);
    let (session, ()) = tokio::join!(Session::spawn(&mut command), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        provider.go(false);
    });
    assert_eq!(get(&session.url("/ready")).await.status, 200);
}

#[tokio::test]
async fn a_refused_request_is_one_line_with_a_hint_whoever_has_refused_its_token() {
    let provider = Provider::start().await;
    let other = "[authorizer.other]\nissuer = \"https://other.example/\"\naudience = [\"a\"]\n\
                 jwks_file = \"other.json\"\n";
    for refusals in ["", "[log]\nrefusals = \"off\"\n"] {
        let world = provider.world("");
        let written = fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
        let both = written.replace("auth = \"user\"", "auth = [\"other\", \"user\"]");
        world.write("portcullis.toml", format!("{refusals}{other}{both}"));
        let stranger = Signer::generate("other").jwk();
        world.write("other.json", json!({ "keys": [stranger] }).to_string());
        let session = serve(&world).await;
        let over = provider.token(Lifetime::Over);
        assert_eq!(
            status(&session, &provider.token(Lifetime::Running)).await,
            200
        );
        assert_eq!(status(&session, &over).await, 401);
        assert_eq!(get(&session.url("/mine")).await.status, 401);
        let said = session.stop().await.stderr;
        let lines = said
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let refused: Vec<_> = lines
            .filter(|line| line["message"] == "token refused")
            .collect();
        if !refusals.is_empty() {
            assert!(refused.is_empty(), "{refused:#?}");
            continue;
        }
        let [line] = refused.as_slice() else {
            panic!("{refused:#?}")
        };
        assert_eq!(line["reason"], "expired");
        assert_eq!(line["issuer"], format!("{}/", provider.server.url()));
        assert_eq!(line["token_id"].as_str().unwrap().len(), 12);
        assert!(!line["hint"].as_str().unwrap().is_empty(), "{line}");
        assert!(!said.contains(&over), "{said}");
    }
}

#[tokio::test]
async fn a_good_token_that_is_not_good_enough_is_one_line_with_its_id() {
    let provider = Provider::start().await;
    let world = provider.world("");
    let written = fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
    let scoped = written.replace("auth = \"user\"", "auth = { user = [\"read:reports\"] }");
    assert_ne!(scoped, written);
    world.write("portcullis.toml", scoped);
    let session = serve(&world).await;
    let good = provider.token(Lifetime::Running);
    assert_eq!(status(&session, &good).await, 403);
    let said = session.stop().await.stderr;
    let lines = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<_> = lines
        .filter(|line| line["message"] == "token refused")
        .collect();
    let [line] = refused.as_slice() else {
        panic!("{refused:#?}")
    };
    assert_eq!(line["reason"], "scope");
    assert_eq!(line["issuer"], format!("{}/", provider.server.url()));
    assert_eq!(line["token_id"].as_str().unwrap().len(), 12);
    assert!(!said.contains(&good), "{said}");
}

#[tokio::test]
async fn a_person_reads_a_refusal_in_one_line() {
    let provider = Provider::start().await;
    let world = provider.world("");
    let session = Session::spawn(world.command(&SERVE).arg("--log-format").arg("text")).await;
    assert_eq!(status(&session, "undefined").await, 401);
    let said = session.stop().await.stderr;
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" token "))
        .collect();
    let [line] = lines.as_slice() else {
        panic!("{said}")
    };
    assert!(line.contains(" not_jwt  "), "{line}");
}

#[tokio::test]
async fn check_shows_keys_and_the_matrix_of_policies() {
    let world = World::with_file(
        r#"
[authorizer.user]
issuer = "https://issuer.example/"
audience = ["testing"]
snapshot = "nowhere/keys.json"
start = "fail"
distrust = ["old"]
policy = { claim = "pol" }
[authorizer.partner]
issuer = "https://partner.example/"
audience = ["testing"]
secret = "file:shared"
[policy.standard]
apis = ["main"]
rate = "1000/1m"
quota = "10000/24h"
expires = "30d"
[policy.reports]
apis = { main = ["GET /reports/{id}", "GET /"] }
[api.main]
auth = ["user", "partner"]
upstream = "http://127.0.0.1:9000/"
"#,
    );
    world.write("shared", SECRET);
    let output = world.run(&["check"]).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    insta::assert_snapshot!(output.stdout, @r"
    ANY  /         user or partner  → http://127.0.0.1:9000/  portcullis.toml:22, auth from line 21
    ANY  /{rest+}  user or partner  → http://127.0.0.1:9000/  portcullis.toml:22, auth from line 21

    user     keys of https://issuer.example/  does not start without them, snapshot in nowhere/keys.json, 1 distrusted
    partner  the secret in shared             HS256

    standard  main  every route        rate 1000 in 1m, quota 10000 in 1d, expires after 30d
    reports   main  GET /reports/{id}  unlimited
              main  GET /
    ");
    insta::assert_snapshot!(output.stderr, @"
    warning: the snapshot of `user`, nowhere/keys.json, cannot be written: No such file or directory (os error 2)

    portcullis.toml is valid: 2 routes, 1 warning
    ");
    assert_eq!(world.run(&["check", "--strict"]).await.status, Some(1));

    let output = world.run(&["check", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        json["policies"][0]["rate"],
        json!({ "count": 1000, "period": "1m" })
    );
    assert_eq!(
        json["policies"][1]["opens"][0]["endpoint"],
        "GET /reports/{id}"
    );
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}
