use portcullis_store::tenant::{Client, Connection, User};
use portcullis_token::Secret;
use serde_json::json;

use crate::rows::{ADA, CONNECTION, ada, claims, client, insert_user, spa};
use crate::server::{AUDIENCE, SECRET, Server};

const REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
const PASSWORD: &str = "correct horse";
const WRONG: (u16, &str, &str) = (403, "invalid_grant", "Wrong email or password.");

async fn start(user: User) -> Server {
    let server = Server::start().await;
    let database = &server.database;
    let test = Client {
        grant_types: ["password", REALM, "refresh_token"]
            .map(str::to_owned)
            .to_vec(),
        ..client("test", Some(SECRET), &json!({}))
    };
    let third = Client {
        client_id: "third".to_owned(),
        is_first_party: false,
        ..test.clone()
    };
    for row in [test, third, spa()] {
        database.clients().insert(&row).await.unwrap();
    }
    for (id, name, enabled) in [("con_1", CONNECTION, "test"), ("con_2", "staff", "spa")] {
        let connection = Connection {
            id: id.to_owned(),
            name: name.to_owned(),
            strategy: "auth0".to_owned(),
            enabled_clients: vec![enabled.to_owned()],
            options: json!({}),
            other: json!({}),
            created_at: 0,
            updated_at: 0,
        };
        database.connections().upsert(&connection).await.unwrap();
    }
    let phc = server
        .passwords
        .hash(Secret::new(PASSWORD.to_owned()))
        .await;
    insert_user(database, &user, Some(&phc.unwrap())).await;
    server
}

fn asking<'a>(grant_type: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", grant_type),
        ("client_id", "test"),
        ("client_secret", SECRET),
        ("username", "Ada@example.com"),
        ("password", password),
        ("audience", AUDIENCE),
        ("scope", "openid read:reports offline_access"),
    ]
}

#[tokio::test]
async fn a_password_brings_tokens_where_it_is_switched_on() {
    let server = start(ada()).await;
    let mut with_realm = asking(REALM, PASSWORD);
    with_realm.push(("realm", CONNECTION));
    for parameters in [asking("password", PASSWORD), with_realm] {
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let access_token = claims(&answer.body["access_token"]);
        assert_eq!(access_token["sub"], ADA);
        assert_eq!(access_token["gty"], "password");
        assert!(answer.body.get("id_token").is_some());
        assert!(answer.body.get("refresh_token").is_some());
    }
}

#[tokio::test]
async fn passwords_are_refused_in_auth0_s_words() {
    let server = start(ada()).await;
    let connection = (
        400,
        "invalid_request",
        "The connection is not enabled for this application.",
    );
    let not_allowed = |grant: &str| format!("Grant type '{grant}' not allowed for the client.");
    let (not_password, not_realm) = (not_allowed("password"), not_allowed(REALM));
    let nobody = replaced(asking("password", PASSWORD), "username", "bob@example.com");
    let third = replaced(asking("password", PASSWORD), "client_id", "third");
    let mut spa = replaced(asking(REALM, PASSWORD), "client_id", "spa");
    spa.retain(|(name, _)| *name != "client_secret");
    for (name, parameters, expected) in [
        ("wrong", asking("password", "wrong"), WRONG),
        ("nobody", nobody, WRONG),
        (
            "no password",
            replaced(asking("password", ""), "password", ""),
            (
                400,
                "invalid_request",
                "Missing required parameter: password",
            ),
        ),
        (
            "no realm",
            asking(REALM, PASSWORD),
            (400, "invalid_request", "Missing required parameter: realm"),
        ),
        (
            "unknown realm",
            replaced(asking(REALM, PASSWORD), "realm", "nowhere"),
            connection,
        ),
        (
            "realm of others",
            replaced(asking(REALM, PASSWORD), "realm", "staff"),
            connection,
        ),
        (
            "switched off",
            spa,
            (403, "unauthorized_client", &*not_realm),
        ),
        (
            "third party",
            third,
            (403, "unauthorized_client", &*not_password),
        ),
    ] {
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.error(), expected, "{name}");
    }
}

fn replaced<'a>(
    mut parameters: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    parameters.retain(|(known, _)| *known != name);
    parameters.push((name, value));
    parameters
}

#[tokio::test]
async fn a_password_is_guessed_ten_times() {
    let server = start(ada()).await;
    for guess in 0..10 {
        let answer = server
            .call("/oauth/token", &asking("password", "wrong"))
            .await;
        assert_eq!(answer.error(), WRONG, "{guess}");
    }
    let answer = server
        .call("/oauth/token", &asking("password", PASSWORD))
        .await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.body["error"], "too_many_attempts");
}

#[tokio::test]
async fn a_blocked_user_is_told_so_after_the_password() {
    let server = start(User {
        blocked: true,
        ..ada()
    })
    .await;
    let answer = server
        .call("/oauth/token", &asking("password", "wrong"))
        .await;
    assert_eq!(answer.error(), WRONG);
    let answer = server
        .call("/oauth/token", &asking("password", PASSWORD))
        .await;
    assert_eq!(answer.error(), (401, "unauthorized", "user is blocked"));
}
