use std::sync::Arc;

use axum::body::Body;
use http::Request;
use portcullis_pool::Pool;

use crate::world::{Answer, World, answer, id_token, now, second_token};

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
