use std::process::Stdio;

use portcullis_testkit::ProofKey;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::program::{Output, World};
use crate::session::{Session, token};
use crate::signer::{Lifetime, Signer, changed, claims};

const WITH_SCOPE: &str = r#"
[api.scoped]
base = "/scoped"
auth = { user = ["read:all"] }
[api.scoped.routes]
"GET /hello" = { respond = "hello" }
"#;

/// A refused request: its target, its token, the step that fails, the reason, how the remedy begins.
type Case<'c> = (&'c str, Option<String>, &'c str, &'c str, &'c str);

#[tokio::test]
async fn each_refusal_names_its_step_and_one_remedy() {
    let world = World::example("hello");
    world.append(WITH_SCOPE);
    let session = Session::start(&world).await;
    for case in refused(&world, session.issuer(), &token(&world, &[]).await) {
        let (target, token, step, reason, remedy) = &case;
        let arguments = arguments(target, token.as_deref());
        let text = world.run(&arguments).await;
        check_text(&text, &case);

        let json = world
            .run(&[&arguments[..], &["--format", "json"]].concat())
            .await;
        let json: Value = serde_json::from_str(json.data()).unwrap();
        let last = json["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(last["step"], *step, "{reason}");
        assert_eq!(
            (&json["allowed"], &last["passed"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(json["reason"], *reason);
        assert_eq!(json["request"], *target, "{reason}");
        assert!(
            json["remedy"].as_str().unwrap().starts_with(remedy),
            "{json}"
        );
    }
}

/// One step is marked, and one remedy stands at the end.
#[track_caller]
fn check_text(output: &Output, (_, _, step, reason, remedy): &Case<'_>) {
    let text = output.data();
    let marked: Vec<_> = text.lines().filter(|line| line.contains('✗')).collect();
    assert_eq!(marked.len(), 1, "{text}");
    assert!(
        marked[0].trim().starts_with(&format!("✗ {step} ")),
        "{reason}: {text}"
    );
    assert_eq!(text.matches("remedy: ").count(), 1, "{text}");
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with(&format!("remedy: {remedy}")),
        "{reason}: {last}"
    );
}

#[rustfmt::skip]
fn refused(world: &World, issuer: &str, good: &str) -> Vec<Case<'static>> {
    let signer = Signer::of_tenant(world);
    let sign = |issuer, audience, lifetime| Some(signer.sign(&claims(issuer, audience, lifetime)));
    let changed = Some(changed(good, 2));
    let expired = sign(issuer, "testing", Lifetime::Over);
    let other_audience = sign(issuer, "other", Lifetime::Running);
    let other_issuer = sign("https://other.example/", "testing", Lifetime::Running);
    let without_scope = sign(issuer, "testing", Lifetime::Running);
    let good = Some(good.to_owned());
    vec![
        ("GET /hello/world", None, "credential", "missing", "send `Authorization: Bearer TOKEN`; `portcullis token` prints one"),
        ("GET /hello/world", changed, "signature", "bad_signature", "get the token again"),
        ("GET /hello/world", expired, "expiry", "expired", "get a token again: this one has expired; `portcullis token` prints one"),
        ("GET /hello/world", other_audience, "audience", "aud_mismatch", "ask for a token with the authorizer's `audience`"),
        ("GET /hello/world", other_issuer, "issuer", "iss_unknown", "take the token from the authorizer's issuer"),
        ("GET /scoped/hello", without_scope, "scopes", "scope", "ask for a token with the missing scope"),
        ("GET /nowhere", good.clone(), "route", "no_route", "correct the path or the method"),
        ("POST /hello/world", good.clone(), "route", "no_route", "correct the path or the method"),
        ("GET /hello/../x", good, "path", "bad_path", "send the path in its plain form"),
    ]
}

#[tokio::test]
async fn a_request_that_passes_names_its_route_and_its_caller() {
    let world = World::example("hello");
    let _session = Session::start(&world).await;
    let token = token(&world, &[]).await;
    let text = world.run(&arguments("/hello/world", Some(&token))).await;
    let last = text.data().lines().last().unwrap();
    assert_eq!(
        last,
        "passes: development@clients may call GET /hello/{name}"
    );
    assert!(!text.stdout.contains('✗'), "{}", text.stdout);

    let arguments = [
        &arguments("/hello/world", Some(&token))[..],
        &["--format", "json"],
    ];
    let json: Value = serde_json::from_str(world.run(&arguments.concat()).await.data()).unwrap();
    assert_eq!(json["allowed"], true);
    assert_eq!(json["route"], "GET /hello/{name}");
    assert_eq!(json["subject"], "development@clients");
}

#[tokio::test]
async fn nothing_needs_to_run_and_nothing_is_made() {
    let world = World::example("hello");
    let text = world.run(&arguments("GET /hello/world", None)).await;
    insta::assert_snapshot!(text.data(), @r"
    GET /hello/world

      ✓ path        `/hello/world`
      ✓ route       `GET /hello/{name}` of API `main`
      ✗ credential  expected one header `Authorization: Bearer TOKEN`
                    got      No access token was sent

    refused: 401 missing
    remedy: send `Authorization: Bearer TOKEN`; `portcullis token` prints one
    ");
    let made = std::fs::exists(world.project().join(".portcullis")).unwrap();
    assert!(!made);
}

#[tokio::test]
async fn a_token_may_come_from_stdin() {
    let world = World::example("hello");
    let _session = Session::start(&world).await;
    for (name, input) in [
        ("plain", token(&world, &[]).await + "\n"),
        ("header", format!("Bearer {}\n", token(&world, &[]).await)),
    ] {
        let mut command = world.command(&arguments("GET /hello/world", Some("-")));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let output = Output::new(output.status, output.stdout, output.stderr);
        assert!(output.data().contains("\npasses: "), "{name}: {output:?}");
    }
}

#[tokio::test]
async fn the_project_of_a_session_that_was_started_here_is_meant() {
    let world = World::example("hello");
    let folder = world.project();
    let session = ["--tenant-listen", "127.0.0.1:0", folder.to_str().unwrap()];
    let listen = ["dev", "--format", "json", "--listen", "127.0.0.1:0"];
    let mut command = world.command(&[&listen[..], &session].concat());
    let _session = Session::spawn(command.current_dir(world.elsewhere())).await;

    let mut command = world.command(&["token"]);
    let output = Output::of(command.current_dir(world.elsewhere())).await;
    let mut command = world.command(&arguments("GET /hello/world", Some(output.data())));
    let output = Output::of(command.current_dir(world.elsewhere())).await;
    assert!(output.data().contains("\npasses: "), "{output:?}");
}

#[tokio::test]
async fn a_hostile_token_does_not_write_on_the_terminal() {
    let world = World::example("hello");
    let signer = Signer::generate("key");
    let token = signer.sign(&claims("\u{1b}[31mred\u{7}", "testing", Lifetime::Running));
    let mut command = world.command(&arguments("GET /hello/world", Some(&token)));
    let output = Output::of(command.env("CLICOLOR_FORCE", "1")).await;
    assert!(output.stdout.contains("red"), "{output:?}");
    assert!(
        !output.stdout.contains("\u{1b}[31mred") && !output.stdout.contains('\u{7}'),
        "{output:?}"
    );
}

/// A token that is bound to a key or a certificate passes with what it is bound to, and only so.
#[tokio::test]
async fn a_bound_token_is_explained_with_its_proof_or_its_certificate() {
    let world = World::with_file(
        r#"
[server]
url = "https://api.example/base"
[authorizer.user]
issuer = "https://issuer.example/"
audience = ["testing"]
dpop = "accept"
[api.main]
auth = "user"
routes = { "GET /word" = { respond = "passed" } }
"#,
    );
    let (signer, key) = (Signer::generate("key"), ProofKey::new());
    world.write("keys.json", json!({ "keys": [signer.jwk()] }).to_string());
    let keys = world.project().join("keys.json");
    let bound = |confirmation: Value| {
        let mut claims = claims("https://issuer.example/", "testing", Lifetime::Running);
        claims["cnf"] = confirmation;
        signer.sign(&claims)
    };
    let (to_key, to_certificate) = (
        bound(key.confirmation()),
        bound(json!({ "x5t#S256": "A".repeat(43) })),
    );
    let now = jsonwebtoken::get_current_timestamp();
    let url = "https://api.example/base/word";
    let proof = key.proof("GET", url, &to_key, &[("iat", json!(now))]);
    let (zeros, ones) = ("00:".repeat(31) + "00", "11".repeat(32));
    let typed = format!("GET {url}?a=b");
    for (request, token, more, expected) in [
        ("GET /word", &to_key, &["--dpop", &*proof][..], ""),
        (&*typed, &to_key, &["--dpop", &*proof], ""),
        ("HEAD /word", &to_key, &["--dpop", &*proof], "dpop_proof"),
        ("GET /word", &to_key, &[], "dpop_required"),
        (
            "GET /word",
            &to_certificate,
            &["--certificate", &*zeros],
            "",
        ),
        (
            "GET /word",
            &to_certificate,
            &["--certificate", &*ones],
            "mtls_binding",
        ),
        ("GET /word", &to_certificate, &[], "mtls_binding"),
    ] {
        let fixed = [
            "--issuer",
            "real",
            "--format",
            "json",
            "--jwks",
            keys.to_str().unwrap(),
        ];
        let arguments = [&arguments(request, Some(token))[..], &fixed, more].concat();
        let json: Value = serde_json::from_str(world.run(&arguments).await.data()).unwrap();
        assert_eq!(
            json["allowed"],
            expected.is_empty(),
            "{request} {more:?}: {json}"
        );
        assert_eq!(
            json["reason"].as_str().unwrap_or_default(),
            expected,
            "{request} {more:?}"
        );
    }
    let wrong = world
        .run(&["explain", "/word", "--certificate", "secret"])
        .await;
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
}

fn arguments<'a>(request: &'a str, token: Option<&'a str>) -> Vec<&'a str> {
    let mut arguments = vec!["explain", request];
    arguments.extend(token.into_iter().flat_map(|token| ["--token", token]));
    arguments
}
