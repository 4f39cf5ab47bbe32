//! Nobody but the program decides what its user's terminal does.

use portcullis_testkit::{TestServer, text};
use serde_json::{Value, json};

use crate::program::{Output, World};
use crate::session::Session;
use crate::signer::{Lifetime, Signer, claims};
use crate::web::{client, send};

/// Turns red, moves the cursor (as one character), and writes from right to left.
const HOSTILE: &str = "\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{7f}";
/// As it may be shown.
const SHOWN: &str = r"\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{7f}";

/// The hostile text as TOML and JSON escape it.
const ESCAPED: &str = r"\u001b[31m\u009b2J\u202e\u2066\u007f";

fn hostile_file(audience: &str) -> String {
    format!(
        r#"
name = "{ESCAPED}"
[authorizer.user]
issuer = "https://issuer.example/"
audience = ["{audience}"]
[authorizer.other]
issuer = "https://other.example/"
audience = ["other"]
[api.main]
auth = {{ user = ["read:it"] }}
[api.main.routes]
"GET /hello/{{name}}" = {{ respond = "{ESCAPED}" }}
"GET /it's/$(x)" = {{ respond = "x", auth = "none" }}
"#
    )
}

#[track_caller]
fn check(name: &str, text: &str) {
    let obeyed = |c: &char| HOSTILE.contains(*c) && !"[31m2J".contains(*c);
    let found: Vec<_> = text.chars().filter(obeyed).collect();
    assert_eq!(found, Vec::<char>::new(), "{name}: {text:?}");
}

#[tokio::test]
async fn the_page_of_dev_shows_text_and_quotes_what_is_pasted() {
    let world = World::with_file(&hostile_file(&format!("it's\\n {ESCAPED}")));
    let arguments = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--tenant-listen",
        "127.0.0.1:0",
    ];
    let page = Session::read_page(&mut world.command(&arguments), "Ctrl-C").await;
    check("page", &page);
    assert!(page.contains(SHOWN), "{page}");
    let quoted = format!(r"token --audience 'it'\''s\n {SHOWN}')");
    assert!(page.contains(&quoted), "{page}");
}

#[tokio::test]
async fn check_and_explain_show_text() {
    let world = World::with_file(&hostile_file("a"));
    let signer = Signer::generate("key");
    let mut claims = claims("https://issuer.example/", "a", Lifetime::Running);
    claims["sub"] = json!(HOSTILE);
    claims["scope"] = json!(HOSTILE);
    let token = signer.sign(&claims);
    world.write("keys.json", json!({ "keys": [signer.jwk()] }).to_string());
    let request = format!("GET /hello/{HOSTILE}");
    for arguments in [
        &["check"][..],
        &["check", "--format", "json"],
        &["explain", &request],
        &["explain", &request, "--format", "json"],
        &[
            "explain",
            "/hello/x",
            "--issuer",
            "real",
            "--jwks",
            "keys.json",
            "--token",
            &token,
        ],
        &["explain", "/", "--project", HOSTILE],
    ] {
        let output = world.run(arguments).await;
        let said = output.stdout + &output.stderr;
        check(&arguments.join(" "), &said);
        // In JSON backslashes are doubled.
        let said = said.replace(r"\\", r"\");
        let is_shown = said.contains(SHOWN) || said.contains(ESCAPED);
        assert!(is_shown, "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_line_about_a_request_is_one_line_of_text() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    // Percent-encoding is what a client may not be made to leave out.
    send(client().get(session.url("/%1b[31m%0a%C2%9b/\u{202e}"))).await;
    let said = session.stop().await.stderr;
    check("line", &said);
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// An issuer whose token endpoint answers `status` and `answer`.
async fn ask(status: u16, answer: Value, format: &str) -> Output {
    let server = TestServer::start(move |request| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let (status, body) = match request.uri().path() {
            "/token" => (status, answer.clone()),
            _ => (
                200,
                json!({
                    "issuer": format!("http://{host}/"),
                    "token_endpoint": format!("http://{host}/token"),
                }),
            ),
        };
        let response = http::Response::builder().status(status);
        async move { response.body(text(body.to_string())).unwrap() }
    })
    .await;
    let url = server.url();
    let world = World::empty();
    let mut command = world.command(&["token", "--tenant", &url, "--client", "c"]);
    command.args(["--format", format]);
    Output::of(command.env("PORTCULLIS_CLIENT_SECRET", "s")).await
}

#[tokio::test]
async fn an_issuer_s_answer_is_shown_as_text() {
    let refusal = json!({ "error": HOSTILE, "error_description": HOSTILE });
    let output = ask(403, refusal, "text").await;
    let expected = format!("answered 403 Forbidden: {SHOWN} ({SHOWN})");
    assert!(output.failure().ends_with(&expected), "{output:?}");

    let token = json!({ "access_token": HOSTILE });
    let output = ask(200, token.clone(), "text").await;
    let expected = "/token answered with a token that is not visible ASCII";
    assert!(output.failure().ends_with(expected), "{output:?}");

    let output = ask(200, token.clone(), "json").await;
    check("json", output.data());
    assert_eq!(serde_json::from_str::<Value>(output.data()).unwrap(), token);
}

#[tokio::test]
async fn an_issuer_s_answer_is_of_bounded_size() {
    for (length, fits) in [(60 * 1024, true), (64 * 1024, false)] {
        let answer = json!({ "access_token": "a".repeat(length) });
        let output = ask(200, answer, "text").await;
        assert_eq!(output.status == Some(0), fits, "{length}");
        let told = output
            .stderr
            .ends_with("/token answered more than 65536 bytes\n");
        assert_eq!(told, !fits, "{length}: {}", output.stderr);
    }
}
