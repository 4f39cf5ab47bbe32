use serde_json::json;

use crate::fixture::{Fixture, World, bearer, get};

/// Rules for claims and logins, each against a good token and bad ones, in every style of errors.
#[tokio::test]
async fn a_claim_and_a_login_are_as_the_file_asks() {
    for style in ["problem", "aws", "tyk", "express-jwt"] {
        let text = format!(
            r#"
            [authorizer.claims]
            issuer = "https://issuer.example/"
            audience = ["api"]
            claim = [
                {{ name = "org_id", in = ["org_1", "org_2"] }},
                {{ name = "/realm/roles", includes_any = ["staff"], on_fail = "forbid" }},
                {{ name = "level", at_least = 3, on_fail = "forbid" }},
            ]
            [api.main]
            errors = "{style}"
            acr = ["mfa", "hw"]
            max_age = "5m"
            [api.main.routes]
            "GET /claims" = {{ respond = "", auth = "claims", acr = [], max_age = "30d" }}
            "GET /strong" = {{ respond = "", auth = "user" }}
            "GET /either" = {{ respond = "", auth = ["user", "none"], acr = ["hw"] }}
            "GET /public" = {{ respond = "", auth = "none" }}
            "#
        );
        let world = World {
            tells_reason: true,
            ..World::default()
        };
        let fixture = Fixture::of(world, &text).await;
        let now = portcullis_testkit::TestClock::START.0;
        let token = || fixture.world.token().claim("auth_time", now);
        let good = || {
            token()
                .claim("org_id", "org_2")
                .claim("realm", json!({ "roles": ["x", "staff"] }))
                .claim("level", 3)
        };
        let login = |acr: &str, at: u64| token().claim("acr", acr).claim("auth_time", at);
        let step_up = r#", acr_values="mfa hw", max_age="300""#;
        for (name, path, token, reason) in [
            ("good claims", "/claims", good(), ""),
            ("no claims", "/claims", token(), "claim_mismatch"),
            (
                "another organization",
                "/claims",
                good().claim("org_id", "org_3"),
                "claim_mismatch",
            ),
            (
                "another role",
                "/claims",
                good().claim("realm", json!({ "roles": ["x"] })),
                "claim_forbidden",
            ),
            (
                "a lower level",
                "/claims",
                good().claim("level", 2.9),
                "claim_forbidden",
            ),
            ("a good login", "/strong", login("hw", now - 305), ""),
            ("an old login", "/strong", login("hw", now - 306), "step_up"),
            ("a weak login", "/strong", login("pwd", now), "step_up"),
            (
                "no login",
                "/strong",
                token().without("auth_time"),
                "step_up",
            ),
            ("a weak login", "/either", login("mfa", now), "step_up"),
            ("a weak login", "/public", login("pwd", 0), ""),
        ] {
            let token = token.sign();
            let answer = fixture.get_with(path, &token).await;
            let case = format!("{style} {path}: {name}");
            let expected = match reason {
                "" => 200,
                "claim_forbidden" => 403,
                _ => 401,
            };
            assert_eq!(answer.status, expected, "{case}");
            if style == "problem" && !reason.is_empty() {
                assert_eq!(answer.json()["reason"], reason, "{case}");
            }
            // Amazon's challenge has no place for it.
            if reason == "step_up" && style != "aws" && path == "/strong" {
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.ends_with(step_up), "{case}: {challenge}");
                let error = "error=\"insufficient_user_authentication\"";
                assert!(challenge.contains(error), "{case}: {challenge}");
            }
        }
        assert_eq!(fixture.get("/either", "").await.status, 200, "{style}");
    }
}

/// Two routes that differ in case only, and in what they ask of the login, are two rules.
#[tokio::test]
async fn a_login_is_not_avoided_by_writing_a_path_in_another_case() {
    let fixture = Fixture::start(
        r#"
        [api.main]
        auth = "user"
        [api.main.routes]
        "GET /admin" = { respond = "", acr = ["mfa"] }
        "GET /{page}" = { respond = "" }
        "#,
    )
    .await;
    let token = fixture.world.token().sign();
    for (path, expected) in [("/admin", 401), ("/Admin", 400), ("/other", 200)] {
        let answer = fixture.send(get(path, &bearer(&token))).await;
        assert_eq!(answer.status, expected, "{path}");
    }
}
