use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::program::{PATIENCE, World};
use crate::session::{Session, token};
use crate::web::get_as;

const PROJECT: &str = r#"
[authorizer.expenses]
issuer = "https://tenant.example.com/"
audience = ["https://expenses-api"]

[api.expenses]
auth = { expenses = ["read:reports"] }
routes = { "GET /" = { respond = "expenses" } }

[tenant]
https = "127.0.0.1:0"
aliases = ["portcullis"]

[[tenant.api]]
identifier = "https://expenses-api"
name = "Expense reports"
permissions = { "write:reports" = "Write expense reports" }

[[tenant.role]]
name = "accountant"
permissions = { "https://expenses-api" = ["read:reports", "write:reports"] }

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
permissions = { "https://expenses-api" = ["read:reports"] }

[[tenant.user]]
email = "bob@example.com"
password = "battery staple"

[[tenant.user]]
email = "eve@example.com"
password = "battery staple"
blocked = true

[[tenant.user]]
email = "ada@example.org"
password = "battery staple"
roles = ["accountant"]

[[tenant.application]]
name = "Web"
type = "regular_web"
client_id = "expenses-web"
"#;

/// The claims of a token, whose signature the gateway has checked elsewhere.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&portcullis_token::base64url::decode(payload.as_bytes()).unwrap())
        .unwrap()
}

#[tokio::test]
async fn a_user_s_token_has_what_the_user_may_do_and_passes_the_gateway() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    for (user, more, scope, status) in [
        ("ada@example.com", &[][..], "read:reports", 200),
        ("ada@example.org", &[], "read:reports write:reports", 200),
        ("bob", &[], "", 403),
        (
            "ADA@example.org",
            &["--scope", "write:reports"],
            "write:reports",
            403,
        ),
        (
            "bob",
            &["--api", "expenses", "--application", "web"],
            "",
            403,
        ),
        ("bob", &["--api", "expense reports"], "", 403),
        ("bob", &["--audience", "https://expenses-api"], "", 403),
    ] {
        let token = token(&world, &[&["--user", user], more].concat()).await;
        let claims = claims(&token);
        let given = claims["scope"].as_str().unwrap_or_default();
        assert_eq!(given, scope, "{user} {more:?}");
        assert_eq!(claims["azp"], "expenses-web", "{user}");
        assert_eq!(claims["iss"], session.issuer(), "{user}");
        let sub = claims["sub"].as_str().unwrap();
        assert!(sub.starts_with("auth0|"), "{sub}");
        assert_eq!(sub.len(), "auth0|".len() + 24, "{sub}");
        let answer = get_as(&token, &session.url("/")).await;
        assert_eq!(answer.status, status, "{user} {more:?}: {answer:?}");
    }
}

#[tokio::test]
async fn what_a_user_may_not_have_is_said() {
    let world = World::with_file(PROJECT);
    let _session = Session::start(&world).await;
    let asked = ["token", "--user", "bob", "--scope", "read:reports"];
    let output = world.run(&asked).await;
    assert_eq!(output.stderr, "warning: not given: read:reports\n");
    assert_eq!(output.status, Some(0));
}

#[tokio::test]
async fn who_and_what_is_not_there_is_told() {
    let world = World::with_file(PROJECT);
    let _session = Session::start(&world).await;
    for (arguments, expected) in [
        (
            &["--user", "carol"][..],
            "error: no user of the tenant is called \"carol\"\n\
             hint: add one of: --user ada@example.com, --user ada@example.org, --user \
             bob@example.com, --user eve@example.com",
        ),
        (&["--user", "eve"], "error: the user \"eve\" is blocked"),
        (
            &["--user", "bob", "--client", "mobile"],
            "error: no application of the tenant has the client id \"mobile\"\n\
             hint: the file describes: Web",
        ),
        (
            &["--user", "bob", "--api", "wages"],
            "error: no API of the tenant has the identifier \"wages\"\n\
             hint: describe it in `[[tenant.api]]`, or name it as an audience of an authorizer",
        ),
    ] {
        let output = world.run(&[&["token"], arguments].concat()).await;
        assert_eq!(output.failure(), expected, "{arguments:?}");
    }
    let output = world.run(&["token", "--user", "ada"]).await;
    let failure = output.failure();
    let expected = "error: several users are called \"ada\"\nhint: add one of: --user ada@example";
    assert!(failure.starts_with(expected), "{failure}");
}

#[tokio::test]
async fn the_file_is_what_a_user_may_do_after_a_reload_too() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let before = token(&world, &["--user", "ada@example.com"]).await;
    let given = "permissions = { \"https://expenses-api\" = [\"read:reports\"] }\n";
    assert!(PROJECT.contains(given));
    world.write("portcullis.toml", PROJECT.replace(given, ""));
    session.until_said("reloaded").await;
    let after = token(&world, &["--user", "ada@example.com"]).await;
    let (before, after) = (claims(&before), claims(&after));
    assert_eq!(before["sub"], after["sub"]);
    assert_eq!(before["scope"], "read:reports");
    assert_eq!(after["scope"], Value::Null);
}

#[tokio::test]
async fn the_tenant_speaks_tls_by_an_authority_of_the_project() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let url = session.ready["tenant_https"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://localhost:"), "{url}");
    let authority = session.ready["tenant_authority"]
        .as_str()
        .unwrap()
        .to_owned();
    let pem = std::fs::read(&authority).unwrap();
    let key = authority.replace("authority.pem", "authority-key.pem");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let port = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let client = |pem: &[u8]| {
        let roots = Certificate::from_pem_bundle(pem).unwrap();
        let alias = format!("127.0.0.1:{port}").parse().unwrap();
        let client = Client::builder().tls_certs_only(roots).no_proxy();
        let client = client.resolve("portcullis", alias).timeout(PATIENCE);
        client.build().unwrap()
    };
    let (ours, nobody) = (client(&pem), client(b""));
    for host in ["localhost", "127.0.0.1", "portcullis"] {
        let address = format!("https://{host}:{port}/.well-known/openid-configuration");
        let answer = ours.get(&address).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
        let document: Value = answer.json().await.unwrap();
        assert_eq!(document["issuer"], session.issuer(), "{host}");
        let login = format!("{}authorize", session.issuer());
        assert_eq!(document["authorization_endpoint"], login, "{host}");
        // A program to which the tenant has another name reaches it by that one only.
        let called = match host {
            "portcullis" => format!("https://portcullis:{port}/"),
            _ => session.issuer().to_owned(),
        };
        let keys = format!("{called}.well-known/jwks.json");
        assert_eq!(document["jwks_uri"], keys, "{host}");
        assert!(nobody.get(&address).send().await.is_err(), "{host}");
    }
    session.stop().await;

    // Who trusts it once does so for good.
    let again = Session::start(&world).await;
    assert_eq!(again.ready["tenant_authority"], authority.as_str());
    assert_eq!(std::fs::read(&authority).unwrap(), pem);
}

#[tokio::test]
async fn an_authority_that_others_can_read_is_not_used() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    session.stop().await;
    let key = world.project().join(".portcullis/tenant/authority-key.pem");
    std::fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let output = world.run(&[
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--tenant-listen",
        "127.0.0.1:0",
    ]);
    let output = output.await;
    let expected = "authority-key.pem can be read by other users\n\
                    hint: remove it and `authority.pem` to have an authority made, and trust that one";
    assert!(output.failure().ends_with(expected), "{output:?}");
}

#[tokio::test]
async fn the_issuer_is_what_the_file_says() {
    let world = World::with_file(&PROJECT.replace(
        "[tenant]\n",
        "[tenant]\nissuer = \"https://login.example.test\"\n",
    ));
    let session = Session::start(&world).await;
    assert_eq!(session.issuer(), "https://login.example.test/");
    let token = token(&world, &["--user", "ada@example.com"]).await;
    assert_eq!(claims(&token)["iss"], "https://login.example.test/");
    let answer = get_as(&token, &session.url("/")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
