use serde_json::{Value, json};

use crate::fixture::{Fixture, World};

/// What an authorizer asks of tokens in so many words, in every style of errors.
#[tokio::test]
async fn a_token_keeps_the_rules_of_the_file() {
    for style in ["problem", "aws", "tyk", "express-jwt"] {
        let text = format!(
            r#"
            [authorizer.required]
            issuer = "https://issuer.example/"
            audience = ["api"]
            required_claims = ["org_id", "/realm/roles"]
            [authorizer.limited]
            issuer = "https://issuer.example/"
            audience = ["api"]
            max_age = "60s"
            max_lifetime = "120s"
            [authorizer.strict]
            issuer = "https://issuer.example/"
            audience = ["api"]
            typ = "at+jwt"
            [authorizer.loose]
            issuer = "https://issuer.example/"
            audience = ["api"]
            typ = "any"
            [api.main]
            errors = "{style}"
            [api.main.routes]
            "GET /required" = {{ respond = "", auth = "required" }}
            "GET /limited" = {{ respond = "", auth = "limited" }}
            "GET /strict" = {{ respond = "", auth = "strict" }}
            "GET /loose" = {{ respond = "", auth = "loose" }}
            "#
        );
        let world = World {
            tells_reason: true,
            ..World::default()
        };
        let fixture = Fixture::of(world, &text).await;
        let now = portcullis_testkit::TestClock::START.0;
        let token = || fixture.world.token();
        let times = |iat: u64, exp: u64| token().claim("iat", iat).claim("exp", exp);
        let org = || token().claim("org_id", "org_1");
        for (name, path, token, reason) in [
            (
                "all claims",
                "/required",
                org().claim("realm", json!({ "roles": [] })),
                "",
            ),
            ("no roles", "/required", org(), "claim_missing"),
            ("no claims", "/required", token(), "claim_missing"),
            ("young", "/limited", times(now - 65, now + 55), ""),
            ("old", "/limited", times(now - 66, now + 54), "too_old"),
            ("as long", "/limited", times(now, now + 120), ""),
            ("too long", "/limited", times(now, now + 121), "lifetime"),
            (
                "no iat",
                "/limited",
                token().without("iat"),
                "claim_missing",
            ),
            ("a JWT", "/strict", token().typ("JWT"), "typ_not_allowed"),
            (
                "another kind",
                "/strict",
                token().typ("logout+jwt"),
                "typ_not_allowed",
            ),
            ("another kind", "/loose", token().typ("logout+jwt"), ""),
        ] {
            let answer = fixture.get_with(path, &token.sign()).await;
            let expected = match (reason, style) {
                ("", _) => 200,
                // Tyk answers 403 where the signature was not looked at yet.
                ("typ_not_allowed", "tyk") => 403,
                _ => 401,
            };
            assert_eq!(answer.status, expected, "{style} {path}: {name}");
            if style == "problem" && !reason.is_empty() {
                let found: Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(found["reason"], reason, "{path}: {name}");
            }
        }
    }
}
