//! Libraries that log people in, unmodified: the code flow with PKCE at a running `portcullis dev`.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::person::{EMAIL, Person};
use crate::program::World;
use crate::script::{HOME, converse, node, openidconnect, python};
use crate::session::Session;

/// With characters that HTTP Basic and forms need encoded.
const SECRET: &str = "a+b %/: secret";

const PROJECT: &str = r#"
[authorizer.expenses]
issuer = "https://tenant.example.com/"
audience = ["https://expenses-api"]

[api.expenses]
auth = { expenses = ["read:reports"] }
routes = { "GET /" = { respond = "expenses" } }

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
name = "Ada Lovelace"

[[tenant.application]]
name = "Site"
type = "regular_web"
client_id = "site"
client_secret = "a+b %/: secret"
callbacks = ["http://localhost:5678/callback"]
logout_urls = ["http://localhost:5678"]

[[tenant.application]]
name = "Desk"
type = "native"
client_id = "desk"
callbacks = ["http://localhost:5678/callback"]
logout_urls = ["http://localhost:5678"]
"#;

/// What every library finds, whatever its own checks of the tokens are.
fn expected(session: &Session, client_id: &str, rotates: bool) -> Value {
    json!({
        "id_token": {
            "iss": session.issuer(),
            "aud": client_id,
            "email": EMAIL,
            "name": "Ada Lovelace",
        },
        "userinfo": { "email": EMAIL, "name": "Ada Lovelace" },
        "scope": "openid profile email read:reports offline_access",
        "refreshed": { "same_user": true, "rotated": rotates },
        "after_revocation": null,
        "logged_out": format!("{HOME}/?state=bye"),
    })
}

/// Has a library log in at an application, checks what it found, and returns how it was refused when
/// it used a refresh token that it had revoked.
async fn log_in(client_id: &str, rotates: bool, mut command: Command) -> Value {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let mut person = Person::at(session.issuer());
    command.env("CLIENT_ID", client_id);
    let mut report = converse(command, &session, &mut person).await;
    let refusal = report["after_revocation"].take();
    assert_eq!(report, expected(&session, client_id, rotates));
    // The ID token vouches for the logout, which asks nothing.
    assert_eq!(person.seen, ["Welcome", "Authorize App"]);
    refusal
}

/// By `client_secret_basic`, for which the secret has to be encoded.
#[tokio::test]
async fn openid_client_logs_in() {
    let mut command = node("openid-client.js");
    command.env("CLIENT_SECRET", SECRET);
    assert_eq!(log_in("site", false, command).await, "invalid_grant");
}

/// Without a secret, so that its refresh tokens are rotated.
#[tokio::test]
async fn oauth4webapi_logs_in() {
    let refusal = log_in("desk", true, node("oauth4webapi.js")).await;
    assert_eq!(refusal, "invalid_grant");
}

/// By `client_secret_post`, within Flask.
#[tokio::test]
async fn authlib_logs_in() {
    let mut command = python("authlib_client.py");
    command.env("CLIENT_SECRET", SECRET);
    assert_eq!(log_in("site", false, command).await, "invalid_grant");
}

/// By `client_secret_basic`, from Rust. It revokes nothing without TLS.
#[tokio::test]
async fn openidconnect_logs_in() {
    let mut command = openidconnect();
    command.env("CLIENT_SECRET", SECRET);
    assert_eq!(log_in("site", false, command).await, Value::Null);
}
