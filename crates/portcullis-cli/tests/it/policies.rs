//! Policies through the program: chosen by the `pol` claim, and no longer for an old token.

use http::Response;
use portcullis_testkit::{TestServer, text};
use serde_json::{Value, json};

use crate::program::World;
use crate::session::Session;
use crate::signer::{Lifetime, Signer, claims};
use crate::web::get_as;

const DAY: u64 = 24 * 60 * 60;

/// An issuer that is found by discovery and has this key.
async fn issuer(key: Value) -> TestServer {
    TestServer::start(move |request| {
        let host = request.headers()["host"].to_str().unwrap();
        let document = if request.uri().path() == "/keys" {
            json!({ "keys": [key] })
        } else {
            json!({ "issuer": format!("http://{host}/"), "jwks_uri": format!("http://{host}/keys") })
        };
        std::future::ready(Response::new(text(document.to_string())))
    })
    .await
}

#[tokio::test]
async fn a_tokens_claim_chooses_its_policies_until_these_expire() {
    let signer = Signer::generate("one");
    let server = issuer(signer.jwk()).await;
    let issuer = format!("{}/", server.url());
    let world = World::with_file(&format!(
        r#"
[authorizer.user]
issuer = "{issuer}"
audience = ["testing"]
policy = {{ claim = "pol", default = ["reader"] }}
[policy.reader]
apis = {{ main = ["GET /reports"] }}
[policy.writer]
apis = {{ main = ["PUT /reports"] }}
expires = "30d"
[policy.other]
apis = ["other"]
[api.main]
auth = "user"
[api.main.routes]
"ANY /reports" = {{ respond = "ok" }}
[api.other]
auth = "user"
[api.other.routes]
"GET /other" = {{ respond = "ok" }}
"#
    ));
    let arguments = ["serve", "--format", "json", "--listen", "127.0.0.1:0"];
    let session = Session::spawn(&mut world.command(&arguments)).await;
    let now = claims(&issuer, "testing", Lifetime::Running)["iat"]
        .as_u64()
        .unwrap();
    for (name, policies, age, get, put, other) in [
        ("the default one", Value::Null, 0, 200, 403, 403),
        ("one as a text", json!("writer"), 0, 403, 200, 403),
        (
            "several",
            json!(["reader", "writer", "other"]),
            0,
            200,
            200,
            200,
        ),
        ("one that does not exist", json!("admin"), 0, 403, 403, 403),
        (
            "in its last hour",
            json!("writer"),
            30 * DAY - 3600,
            403,
            200,
            403,
        ),
        (
            "too old for it",
            json!("writer"),
            30 * DAY + 60,
            403,
            401,
            403,
        ),
        (
            "too old for one",
            json!(["reader", "writer"]),
            30 * DAY + 60,
            200,
            401,
            403,
        ),
    ] {
        let mut claims = claims(&issuer, "testing", Lifetime::Running);
        claims["iat"] = json!(now - age);
        claims["pol"] = policies;
        let token = signer.sign(&claims);
        let status = get_as(&token, &session.url("/reports")).await.status;
        assert_eq!(status, get, "{name}: GET");
        let request = crate::web::client().put(session.url("/reports"));
        let answer = crate::web::send(request.bearer_auth(&token)).await;
        assert_eq!(answer.status, put, "{name}: PUT: {answer:?}");
        let url = session.ready["apis"]["other"].as_str().unwrap().to_owned() + "/other";
        assert_eq!(get_as(&token, &url).await.status, other, "{name}: other");
    }
    let said = session.stop().await.stderr;
    for policy in ["reader", "writer", "other"] {
        let field = format!(r#""policy":"{policy}""#);
        assert!(said.contains(&field), "{field}: {said}");
    }
}
