use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use portcullis::{Clock as _, SystemClock};
use portcullis_testkit::{TestIntrospection, TestServer, text};
use portcullis_token::SigningKey;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::program::{PATIENCE, World};
use crate::session::Session;
use crate::signer::{Lifetime, Signer, claims};
use crate::web::{client, get, get_as, send};

const SWAPS: usize = 50;
const CLIENTS: usize = 8;

/// A file whose two routes both answer `word`.
fn file(word: &str) -> String {
    format!(
        r#"
[api.main]
auth = "none"
[api.main.routes]
"GET /word" = {{ respond = "{word}" }}
"GET /{word}" = {{ respond = "{word}" }}
"#
    )
}

async fn start(world: &World) -> Session {
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    Session::spawn(&mut world.command(&arguments)).await
}

/// Puts a whole file in the place of the other, as editors do.
fn replace(world: &World, text: &str) {
    world.write("portcullis.toml.part", text);
    let folder = world.project();
    fs::rename(
        folder.join("portcullis.toml.part"),
        folder.join("portcullis.toml"),
    )
    .unwrap();
}

async fn until_it_says(session: &Session, word: &str) {
    let says = async {
        while get(&session.url("/word")).await.body != word {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let said = timeout(PATIENCE, says).await;
    said.unwrap_or_else(|_| panic!("{word} is served in time"));
}

/// The events of a session that has ended, one JSON object a line.
fn events(stderr: &str) -> Vec<Value> {
    let lines = stderr.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn requests_under_load_meet_one_plan_or_the_other() {
    let world = World::with_file(&file("one"));
    let session = start(&world).await;
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (over, url) = (Arc::clone(&over), session.url("/word"));
            tokio::spawn(async move {
                let client = client();
                let mut answered = 0;
                while !over.load(Ordering::Relaxed) {
                    let answer = send(client.get(&url)).await;
                    let is_whole = ["one", "two"].contains(&answer.body.as_str());
                    assert!(answer.status == 200 && is_whole, "{answer:?}");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for swap in 0..SWAPS {
        let (word, other) = if swap % 2 == 0 {
            ("two", "one")
        } else {
            ("one", "two")
        };
        replace(&world, &file(word));
        session.signal("HUP").await;
        until_it_says(&session, word).await;
        // A route that is gone is gone for the next request.
        let statuses = (
            get(&session.url(&format!("/{word}"))).await.status,
            get(&session.url(&format!("/{other}"))).await.status,
        );
        assert_eq!(statuses, (200, 404), "swap {swap}");
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > SWAPS);
    }
}

#[tokio::test]
async fn a_broken_file_fails_the_start() {
    let world = World::with_file("[api.main]\nauth = 1\n");
    let output = world.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    let said = output.failure();
    assert!(said.contains("portcullis.toml:2"), "{said}");
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_told_with_its_line() {
    let world = World::with_file(&file("one"));
    let session = start(&world).await;
    replace(&world, "[api.main]\nauth = 1\n");
    session.signal("HUP").await;
    session.until_said("has errors and is not used").await;
    assert_eq!(get(&session.url("/word")).await.body, "one");
    replace(&world, &file("two"));
    session.signal("HUP").await;
    until_it_says(&session, "two").await;

    let output = session.stop().await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let events = events(&output.stderr);
    let told = events
        .iter()
        .find(|event| event["message"] == "the changed configuration has errors and is not used");
    let told = told.unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!(
        (&told["level"], &told["generation"]),
        (&json!("ERROR"), &json!(1))
    );
    let diagnostics: Value = serde_json::from_str(told["diagnostics"].as_str().unwrap()).unwrap();
    assert_eq!(diagnostics[1]["line"], 2, "{diagnostics}");
}

#[tokio::test]
async fn a_link_to_a_folder_is_swapped_as_kubernetes_does() {
    let world = World::empty();
    let folder = world.project();
    for word in ["one", "two"] {
        fs::create_dir(folder.join(word)).unwrap();
        fs::write(folder.join(word).join("portcullis.toml"), file(word)).unwrap();
    }
    symlink("one", folder.join("..data")).unwrap();
    symlink("..data/portcullis.toml", folder.join("portcullis.toml")).unwrap();
    let session = start(&world).await;
    until_it_says(&session, "one").await;

    symlink("two", folder.join("..data_part")).unwrap();
    fs::rename(folder.join("..data_part"), folder.join("..data")).unwrap();
    until_it_says(&session, "two").await;
}

#[tokio::test]
async fn a_changed_variable_is_noticed_without_a_signal() {
    let world = World::example("proxy");
    let upstream = |word: &'static str| async move {
        TestServer::start(move |_| async move { Response::new(text(word)) }).await
    };
    let (one, two) = (upstream("one").await, upstream("two").await);
    world.write(".env", format!("UPSTREAM={}\n", one.url()));
    let session = start(&world).await;
    assert_eq!(get(&session.url("/health")).await.body, "one");
    world.write(".env", format!("UPSTREAM={}\n#\n", two.url()));
    let changed = async {
        while get(&session.url("/health")).await.body != "two" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, changed)
        .await
        .expect("the change is noticed");
}

#[tokio::test]
async fn settings_that_take_a_restart_are_named() {
    let world = World::with_file(&file("one"));
    let session = start(&world).await;
    replace(&world, &(file("two") + "[server]\nworkers = 3\n"));
    session.signal("HUP").await;
    until_it_says(&session, "two").await;
    let output = session.stop().await;
    let events = events(&output.stderr);
    let settings: Vec<_> = events
        .iter()
        .filter(|event| event["setting"].is_string())
        .collect();
    assert!(!settings.is_empty(), "{events:?}");
    for event in settings {
        assert_eq!(event["setting"], "server.workers");
        assert_eq!(event["message"], "changed in the file, and takes a restart");
    }
}

#[tokio::test]
async fn keys_outlive_a_reload_and_callers_are_told_no_reason() {
    let signer = Arc::new(Signer::generate("key-1"));
    let (key, fetches) = (signer.jwk(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&fetches);
    let server = TestServer::start(move |request| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let document = if request.uri().path() == "/keys" {
            counted.fetch_add(1, Ordering::SeqCst);
            json!({ "keys": [key] })
        } else {
            json!({ "issuer": format!("http://{host}/"), "jwks_uri": format!("http://{host}/keys") })
        };
        async move { Response::new(text(document.to_string())) }
    })
    .await;
    let issuer = format!("{}/", server.url());
    let authorizer =
        format!("[authorizer.user]\nissuer = \"{issuer}\"\naudience = [\"testing\"]\n");
    let secured = |word: &str| {
        format!(
            "{authorizer}{}\"GET /mine\" = {{ respond = \"mine\", auth = \"user\" }}\n",
            file(word)
        )
    };
    let world = World::with_file(&secured("one"));
    let session = start(&world).await;
    let good = signer.sign(&claims(&issuer, "testing", Lifetime::Running));
    assert_eq!(get_as(&good, &session.url("/mine")).await.status, 200);
    let over = signer.sign(&claims(&issuer, "testing", Lifetime::Over));
    let refused = get_as(&over, &session.url("/mine")).await;
    assert_eq!((refused.status, refused.reason().as_str()), (401, ""));

    replace(&world, &secured("two"));
    session.signal("HUP").await;
    until_it_says(&session, "two").await;
    assert_eq!(get_as(&good, &session.url("/mine")).await.status, 200);
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn users_of_the_file_are_refused() {
    let user = "[[tenant.user]]\nemail = \"a@example.com\"\npassword = \"correct horse\"\n";
    let world = World::with_file(&(file("one") + user));
    let output = world.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    let said = output.failure();
    let expected = "portcullis.toml:7: a user with a password in the file is for development";
    assert!(said.contains(expected), "{said}");
}

/// A session with a request at an upstream that answers when it is told to.
struct Waiting {
    session: Session,
    answer: Arc<Notify>,
    /// The body that comes back; absent when the connection is cut off.
    request: JoinHandle<Option<String>>,
    _kept: (World, TestServer),
}

impl Waiting {
    async fn start() -> Self {
        let (arrived, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (notify, wait) = (Arc::clone(&arrived), Arc::clone(&answer));
        let upstream = TestServer::start(move |_| {
            let wait = Arc::clone(&wait);
            notify.notify_one();
            async move {
                wait.notified().await;
                Response::new(text("late"))
            }
        })
        .await;
        let world = World::example("proxy");
        world.write(".env", format!("UPSTREAM={}\n", upstream.url()));
        let session = start(&world).await;
        let url = session.url("/health");
        let request = tokio::spawn(async move {
            let response = client().get(url).send().await.ok()?;
            response.text().await.ok()
        });
        let arrival = timeout(PATIENCE, arrived.notified()).await;
        arrival.expect("the request arrives in time");
        Self {
            session,
            answer,
            request,
            _kept: (world, upstream),
        }
    }
}

async fn until_refused(session: &Session) {
    let address = session.api().trim_start_matches("http://").to_owned();
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, refused)
        .await
        .expect("nothing more is accepted");
}

#[tokio::test]
async fn the_first_signal_finishes_what_is_under_way() {
    for name in ["TERM", "INT"] {
        let waiting = Waiting::start().await;
        waiting.session.signal(name).await;
        until_refused(&waiting.session).await;
        waiting.answer.notify_one();
        let body = waiting.request.await.unwrap();
        assert_eq!(body.as_deref(), Some("late"), "{name}");
        assert_eq!(waiting.session.end().await.status, Some(0), "{name}");
    }
}

#[tokio::test]
async fn the_second_signal_ends_at_once() {
    let waiting = Waiting::start().await;
    waiting.session.signal("TERM").await;
    until_refused(&waiting.session).await;
    waiting.session.signal("TERM").await;
    assert_eq!(waiting.session.end().await.status, Some(0));
    assert_eq!(waiting.request.await.unwrap(), None);
}

#[tokio::test]
async fn an_opaque_token_is_as_good_as_its_issuer_says() {
    let endpoint = TestIntrospection::new();
    let server = endpoint.serve().await;
    for proof in [
        "client_secret = \"secret\"",
        "client_key = \"file:key.pem\"",
    ] {
        let world = asking(&server.url(), proof);
        world.write("key.pem", private_key());
        let session = start(&world).await;
        let expires_at = SystemClock.now().0 + 3600;
        let claims = json!({ "iss": CLOSED, "aud": "api", "exp": expires_at });
        endpoint.activate("opaque", claims);
        let word = session.url("/word");
        assert_eq!(get_as("opaque", &word).await.body, "passed", "{proof}");
        endpoint.fail(500);
        assert_eq!(get_as("opaque", &word).await.status, 503, "{proof}");
        endpoint.recover();
        endpoint.end("opaque");
        assert_eq!(get_as("opaque", &word).await.status, 401, "{proof}");
    }
}

#[tokio::test]
async fn a_client_key_of_no_use_is_named() {
    for (content, expected) in [
        (None, "key.pem cannot be read"),
        (
            Some("no key"),
            "key.pem cannot be used: not one `PRIVATE KEY` in PEM",
        ),
    ] {
        let world = asking(
            "https://issuer.example/introspect",
            "client_key = \"file:key.pem\"",
        );
        if let Some(content) = content {
            world.write("key.pem", content);
        }
        let output = world.run(&["serve", "--listen", "127.0.0.1:0"]).await;
        let told = output.failure();
        assert!(told.contains(expected), "{told}");
    }
}

/// Nobody listens there.
const CLOSED: &str = "http://127.0.0.1:1/";

/// A project that asks the endpoint at `url` about opaque tokens.
fn asking(url: &str, proof: &str) -> World {
    World::with_file(&format!(
        r#"
[authorizer.user]
issuer = "{CLOSED}"
audience = ["api"]
introspection = {{ url = "{url}", client_id = "api", {proof} }}
[api.main]
auth = "user"
[api.main.routes]
"GET /word" = {{ respond = "passed" }}
"#
    ))
}

/// An RSA key as `openssl genpkey` writes it.
fn private_key() -> String {
    let key = SigningKey::generate().unwrap().to_pkcs8().unwrap();
    let body = STANDARD.encode(key.expose());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}
