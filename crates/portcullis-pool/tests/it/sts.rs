use std::sync::Arc;

use axum::body::Body;
use http::Request;
use portcullis_pool::{Ambiguity, Comparison, Pool, Rule};
use portcullis_token::KeySet;
use serde_json::json;

use crate::world::{
    Answer, PROVIDER, World, answer, assert_refused, call, id_token, identity, now, second_token,
};

const ROLE: &str = "arn:aws:iam::000000000000:role/authenticated";

async fn assume(pool: &Arc<Pool>, fields: &[(&str, &str)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
        .collect();
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(fields.join("&")));
    answer(pool, request.unwrap()).await
}

#[tokio::test]
async fn a_login_is_changed_for_credentials_at_once() {
    let pool = World::default().pool();
    let token = id_token().sign();
    let good = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "cli"),
        ("WebIdentityToken", token.as_str()),
        ("DurationSeconds", "900"),
    ];
    let assumed = assume(&pool, &good).await;
    assert_eq!(assumed.status, 200, "{assumed:?}");
    for element in [
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
        "<SubjectFromWebIdentityToken>auth0|ada</SubjectFromWebIdentityToken>",
        "<Audience>web</Audience>",
        "<Provider>issuer.example</Provider>",
        "<Arn>arn:aws:sts::000000000000:assumed-role/authenticated/cli</Arn>",
        "<AccessKeyId>ASIA",
    ] {
        assert!(assumed.text.contains(element), "{element} {}", assumed.text);
    }
    let expired = id_token().claim("exp", now() - 600).sign();
    let foreign = second_token().audience("api").sign();
    for (name, value, status, code) in [
        ("Action", "AssumeRole", 400, "InvalidAction"),
        (
            "RoleArn",
            "arn:aws:iam::000000000000:role/sales",
            403,
            "AccessDenied",
        ),
        ("RoleArn", "", 400, "ValidationError"),
        ("RoleSessionName", "x", 400, "ValidationError"),
        ("RoleSessionName", "a<b", 400, "ValidationError"),
        ("DurationSeconds", "899", 400, "ValidationError"),
        ("DurationSeconds", "43201", 400, "ValidationError"),
        ("WebIdentityToken", "undefined", 400, "InvalidIdentityToken"),
        (
            "WebIdentityToken",
            expired.as_str(),
            400,
            "ExpiredTokenException",
        ),
        (
            "WebIdentityToken",
            foreign.as_str(),
            400,
            "InvalidIdentityToken",
        ),
    ] {
        let fields = good.map(|field| {
            if field.0 == name {
                (name, value)
            } else {
                field
            }
        });
        let refused = assume(&pool, &fields).await;
        assert_eq!(refused.status, status, "{name}={value}: {refused:?}");
        let element = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>");
        assert!(
            refused.text.contains(&element),
            "{name}={value}: {}",
            refused.text
        );
    }
}

#[tokio::test]
async fn who_is_denied_a_role_cannot_assume_it() {
    for (ambiguity, status) in [(Ambiguity::AuthenticatedRole, 200), (Ambiguity::Deny, 403)] {
        let mut world = World::default();
        world.settings.ambiguity = ambiguity;
        world.settings.rules = vec![Rule {
            claim: "department".to_owned(),
            comparison: Comparison::Equals,
            value: "sales".to_owned(),
            role: "sales".to_owned(),
        }];
        let pool = world.pool();
        let login = id_token().sign();
        let logins = json!({ PROVIDER: login });
        let ada = identity(&pool, logins.clone()).await;
        let asked = json!({ "IdentityId": ada, "Logins": logins });
        let own = call(&pool, "GetOpenIdToken", asked).await.good("Token");
        for token in [login.as_str(), own.as_str().unwrap()] {
            let fields = [
                ("Action", "AssumeRoleWithWebIdentity"),
                ("RoleArn", ROLE),
                ("RoleSessionName", "cli"),
                ("WebIdentityToken", token),
            ];
            let assumed = assume(&pool, &fields).await;
            assert_eq!(assumed.status, status, "{ambiguity:?}: {assumed:?}");
        }
    }
}

#[tokio::test]
async fn a_token_of_the_pool_is_changed_for_credentials_too() {
    let pool = World::default().pool();
    let logins = json!({ PROVIDER: id_token().sign() });
    let ada = identity(&pool, logins.clone()).await;
    let asked = json!({ "IdentityId": ada, "Logins": logins });
    let token = call(&pool, "GetOpenIdToken", asked).await.good("Token");
    let token = token.as_str().unwrap();
    let fields = |role| {
        [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", role),
            ("RoleSessionName", "cli"),
            ("WebIdentityToken", token),
        ]
    };
    let assumed = assume(&pool, &fields(ROLE)).await;
    assert_eq!(assumed.status, 200, "{assumed:?}");
    let element = format!("<SubjectFromWebIdentityToken>{ada}</SubjectFromWebIdentityToken>");
    assert!(assumed.text.contains(&element), "{}", assumed.text);
    let sales = assume(&pool, &fields("arn:aws:iam::000000000000:role/sales")).await;
    assert_eq!(sales.status, 403, "{sales:?}");
    let other = World {
        secret: [2; 32],
        ..World::default()
    }
    .pool();
    let foreign = assume(&other, &fields(ROLE)).await;
    assert_eq!(foreign.status, 400, "{foreign:?}");
    // Another process with the same secret knows the token, and publishes the same key.
    let again = World::default().pool();
    assert_eq!(assume(&again, &fields(ROLE)).await.status, 200);
    let keys = Request::get("/.well-known/jwks_uri")
        .body(Body::empty())
        .unwrap();
    let keys = answer(&again, keys).await;
    let keys = KeySet::parse(keys.text.as_bytes()).unwrap();
    assert_eq!(keys.keys().len(), 1);
    // It is no login of the pool itself.
    let asked = json!({ "IdentityPoolId": pool.id(), "Logins": { PROVIDER: token } });
    let refused = call(&pool, "GetId", asked).await;
    let message = "Invalid login token. Can't pass in a Cognito token.";
    assert_refused(&refused, "NotAuthorizedException", message);
}
