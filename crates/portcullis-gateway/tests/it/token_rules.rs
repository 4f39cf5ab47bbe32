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
            [authorizer.listed]
            issuer = "https://issuer.example/"
            audience = ["api"]
            typ = ["at+jwt", "logout+jwt"]
            [authorizer.short]
            issuer = "https://issuer.example/"
            audience = ["api"]
            max_token_bytes = 1024
            [authorizer.twice]
            issuer = "https://issuer.example/"
            audience = ["api"]
            duplicate_claims = "last"
            [authorizer.unbound]
            issuer = "https://issuer.example/"
            audience = ["api"]
            ignore_cnf = true
            [api.main]
            errors = "{style}"
            [api.main.routes]
            "GET /required" = {{ respond = "", auth = "required" }}
            "GET /limited" = {{ respond = "", auth = "limited" }}
            "GET /strict" = {{ respond = "", auth = "strict" }}
            "GET /loose" = {{ respond = "", auth = "loose" }}
            "GET /listed" = {{ respond = "", auth = "listed" }}
            "GET /short" = {{ respond = "", auth = "short" }}
            "GET /twice" = {{ respond = "", auth = "twice" }}
            "GET /unbound" = {{ respond = "", auth = "unbound" }}
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
        let [fits, exceeds] = around_1024(&fixture.world);
        let bound = || token().claim("cnf", json!({ "x5t#S256": "a" }));
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
            ("of the list", "/listed", token().typ("logout+jwt"), ""),
            (
                "not listed",
                "/listed",
                token().typ("JWT"),
                "typ_not_allowed",
            ),
            ("bound", "/loose", bound(), "mtls_binding"),
            ("bound", "/unbound", bound(), ""),
        ]
        .map(|(name, path, token, reason)| (name, path, token.sign(), reason))
        .into_iter()
        .chain([
            ("long enough", "/short", fits, ""),
            ("too long", "/short", exceeds, "too_large"),
            ("twice", "/loose", token().dup_claim("sub"), "bad_claims"),
            ("twice", "/twice", token().dup_claim("sub"), ""),
        ]) {
            let answer = fixture.get_with(path, &token).await;
            let expected = match (reason, style) {
                ("", _) => 200,
                // Tyk answers 403 where the signature was not looked at yet.
                ("typ_not_allowed" | "too_large" | "bad_claims", "tyk") => 403,
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

/// The longest good token of at most 1024 bytes, and the next one.
fn around_1024(world: &World) -> [String; 2] {
    let padded = |size: usize| world.token().claim("pad", "x".repeat(size)).sign();
    let close = (1024 - padded(0).len()) * 3 / 4 - 8;
    let mut token = padded(close);
    for size in close + 1.. {
        let next = padded(size);
        if next.len() > 1024 {
            return [token, next];
        }
        token = next;
    }
    unreachable!("tokens grow")
}

/// How much is told, in every style: the status and the error stay, the sentence goes.
#[tokio::test]
async fn a_refusal_tells_as_much_as_the_file_says() {
    for (style, standard, minimal) in [
        (
            "problem",
            r#"Bearer realm="main", error="invalid_token", error_description="The access token expired""#,
            r#"Bearer realm="main", error="invalid_token""#,
        ),
        (
            "aws",
            r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#,
            r#"Bearer scope="" error="invalid_token""#,
        ),
    ] {
        for (word, tells_reason, expected) in [
            ("standard", false, standard),
            ("minimal", false, minimal),
            ("minimal", true, standard),
        ] {
            let text = format!(
                "[api.main]\nauth = \"user\"\nerrors = \"{style}\"\nerror_detail = \"{word}\"\n\
                 routes = {{ \"GET /\" = {{ respond = \"\" }} }}\n"
            );
            let world = World {
                tells_reason,
                ..World::default()
            };
            let fixture = Fixture::of(world, &text).await;
            let expired = fixture.world.token().claim("exp", 1).sign();
            let answer = fixture.get_with("/", &expired).await;
            let case = format!("{style} {word} {tells_reason}");
            assert_eq!(answer.status, 401, "{case}");
            assert_eq!(answer.header("www-authenticate"), Some(expected), "{case}");
            let is_told = answer.text().contains("expired");
            assert_eq!(
                is_told,
                style == "problem" && expected == standard,
                "{case}"
            );
        }
    }
}
