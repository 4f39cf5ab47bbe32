//! What the settings have people's tokens tell besides.

use portcullis_store::tenant::{Role, User};
use portcullis_tenant::{ClaimSource, CustomClaim, Options};
use serde_json::{Value, json};

use crate::rows::{ADA, CONNECTION, ada, claims, client, code, insert_user, spending};
use crate::server::{AUDIENCE, Answer, SECRET, Server};

fn claim(name: &str, source: ClaimSource) -> CustomClaim {
    CustomClaim {
        name: format!("https://expenses/{name}"),
        source,
    }
}

/// A server whose tokens tell roles, an address and metadata.
async fn start(app_metadata: Value) -> Server {
    let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let server = Server::start_with(Options {
        claims: vec![
            claim("roles", ClaimSource::Roles),
            claim("email", ClaimSource::Email),
            claim("plan", ClaimSource::AppMetadata(path(&["plan", "size"]))),
            claim("language", ClaimSource::UserMetadata(path(&["language"]))),
        ],
        ..Options::default()
    })
    .await;
    let database = &server.database;
    let web = client("web", Some(SECRET), &json!({}));
    database.clients().insert(&web).await.unwrap();
    let user = User {
        user_metadata: json!({ "language": "en" }),
        app_metadata,
        ..ada()
    };
    insert_user(database, &user, None).await;
    assert_eq!(user.connection, CONNECTION);
    for (id, name) in [("rol_1", "accountant"), ("rol_2", "auditor")] {
        let role = Role {
            id: id.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            created_at: 0,
        };
        database.roles().insert(&role).await.unwrap();
    }
    let roles = ["rol_1", "rol_2"].map(str::to_owned);
    database.roles().assign(ADA, &roles).await.unwrap();
    let row = code(&server, "c");
    database.codes().insert(&row).await.unwrap();
    server
}

fn told(of: &Value) -> Value {
    let names = ["roles", "email", "plan", "language"];
    names
        .map(|name| of[&format!("https://expenses/{name}")].clone())
        .into()
}

#[tokio::test]
async fn people_s_tokens_tell_what_the_settings_add() {
    let server = start(json!({ "plan": { "size": 16 } })).await;
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let everything = json!([["accountant", "auditor"], "ada@example.com", 16, "en"]);
    let access_token = &answer.body["access_token"];
    assert_eq!(told(&claims(access_token)), everything);
    assert_eq!(told(&claims(&answer.body["id_token"])), everything);

    let request = reqwest::Client::new().get(server.url("/userinfo"));
    let request = request.bearer_auth(access_token.as_str().unwrap());
    let user_info = Answer::of(request.send().await.unwrap()).await.body;
    assert_eq!(told(&user_info), everything);

    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "web"),
        ("client_secret", SECRET),
        (
            "refresh_token",
            answer.body["refresh_token"].as_str().unwrap(),
        ),
    ];
    // As the user is at the moment, not at the login.
    server.database.roles().delete("rol_1").await.unwrap();
    let refreshed = server.call("/oauth/token", &refresh).await;
    let fewer = json!([["auditor"], "ada@example.com", 16, "en"]);
    assert_eq!(told(&claims(&refreshed.body["access_token"])), fewer);
}

#[tokio::test]
async fn what_there_is_nothing_to_tell_of_is_left_out() {
    for (plan, expected) in [
        (json!("x".repeat(4094)), json!("x".repeat(4094))),
        // With its quotation marks, one byte more than a token takes.
        (json!("x".repeat(4095)), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let server = start(json!({ "plan": { "size": plan } })).await;
        let answer = server.call("/oauth/token", &spending("c")).await;
        let claims = claims(&answer.body["access_token"]);
        assert_eq!(told(&claims)[2], expected);
        let is_there = claims.get("https://expenses/plan").is_some();
        assert_eq!(is_there, !expected.is_null());
    }
}

#[tokio::test]
async fn an_application_s_own_tokens_tell_nothing_of_people() {
    let server = start(json!({})).await;
    let answer = server
        .call(
            "/oauth/token",
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "worker"),
                ("client_secret", SECRET),
                ("audience", AUDIENCE),
            ],
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let nothing = json!([null, null, null, null]);
    assert_eq!(told(&claims(&answer.body["access_token"])), nothing);
}
