//! Tokens in forms (RFC 6750 section 2.2).

use crate::fixture::{Fixture, World, bearer, chunked, get, post};

const FILE: &str = r#"
    [server.limits]
    body = "1MiB"

    [authorizer.page]
    issuer = "https://issuer.example/"
    audience = ["api"]
    sources = ["authorization", { form = "access_token" }]

    [authorizer.plain]
    issuer = "https://issuer.example/"
    audience = ["api"]

    [api.main]
    upstream = "UPSTREAM"
    auth = "page"
    [api.main.routes]
    "POST /plain" = { auth = "plain" }
    "POST /both" = { auth = ["page", "plain"] }
    "POST /public" = { auth = "none" }
    "POST /optional" = { auth = ["page", "none"] }

    [api.kept]
    base = "/kept"
    upstream = "UPSTREAM"
    auth = "page"
    token = "keep"
"#;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const LARGEST: usize = 64 * 1024;

async fn fixture() -> Fixture {
    let world = World {
        tells_reason: true,
        ..World::default()
    };
    Fixture::of(world, FILE).await
}

#[tokio::test]
async fn a_token_counts_in_a_form_of_its_authorizer_only() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let form = format!("amount=7&access_token={token}");
    let twice = format!("{form}&access_token={token}");
    let accented = format!("{form}&name=\u{e9}");
    let none = "amount=7".to_owned();
    let (lines, json) = (
        FORM.to_owned(),
        "Content-Type: application/json\r\n".to_owned(),
    );
    let utf8 = FORM.replace("\r\n", "; charset=UTF-8\r\n");
    let both = format!("{FORM}{}", bearer(&token));
    let basic = format!("{FORM}Authorization: Basic YTpi\r\n");
    let proven = format!("{FORM}DPoP: a\r\n");
    for (path, lines, body, status, reason) in [
        ("/a", &lines, &form, 200, ""),
        ("/a", &utf8, &form, 200, ""),
        ("/a", &basic, &form, 200, ""),
        ("/both", &lines, &form, 200, ""),
        ("/optional", &lines, &form, 200, ""),
        ("/optional", &lines, &none, 200, ""),
        ("/a", &both, &none, 200, ""),
        ("/a", &both, &form, 400, "multiple_credentials"),
        ("/a", &proven, &form, 400, "multiple_credentials"),
        ("/a", &lines, &twice, 400, "multiple_credentials"),
        ("/a", &lines, &none, 401, "missing"),
        ("/a", &lines, &accented, 401, "missing"),
        ("/a", &json, &form, 401, "missing"),
        ("/plain", &lines, &form, 401, "missing"),
        ("/plain", &both, &form, 200, ""),
        (
            "/a",
            &lines,
            &"access_token=garbage".to_owned(),
            401,
            "not_jwt",
        ),
        (
            "/optional",
            &lines,
            &"access_token=garbage".to_owned(),
            401,
            "not_jwt",
        ),
        (
            "/a",
            &lines,
            &"access_token=a%20b".to_owned(),
            400,
            "malformed_header",
        ),
    ] {
        let answer = fixture.send(post(path, lines, body)).await;
        let case = format!("{path} {lines} {body:.40}");
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        if !reason.is_empty() {
            assert_eq!(answer.json()["reason"], reason, "{case}");
        }
    }
    // A method that gives a body no meaning, and a body that comes in chunks.
    let request = get("/a", &format!("{FORM}Content-Length: {}\r\n", form.len()));
    let answer = fixture.send(format!("{request}{form}")).await;
    assert_eq!(answer.json()["reason"], "missing");
    let head = chunked("PUT", "/a").replace("\r\n\r\n", &format!("\r\n{FORM}\r\n"));
    let (first, rest) = form.split_at(20);
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    let body = format!("{}{}0\r\n\r\n", chunk(first), chunk(rest));
    assert_eq!(fixture.send(format!("{head}{body}")).await.status, 200);
    assert_eq!(fixture.upstream.seen().pop().unwrap()["body"], "amount=7");
}

#[tokio::test]
async fn a_form_goes_on_as_it_was_but_for_its_token() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let bearer = format!("{FORM}{}", bearer(&token));
    let field = format!("access_token={token}");
    for (path, lines, body, expected) in [
        (
            "/a",
            FORM,
            format!("a=%26+b&{field}&c"),
            "a=%26+b&c".to_owned(),
        ),
        ("/a", FORM, field.clone(), String::new()),
        (
            "/a",
            &bearer,
            "a=1&b= 2 &".to_owned(),
            "a=1&b= 2 &".to_owned(),
        ),
        (
            "/kept/a",
            FORM,
            format!("a=%26&{field}&c"),
            format!("a=%26&{field}&c"),
        ),
        ("/public", FORM, format!("a&{field}"), format!("a&{field}")),
        (
            "/plain",
            &bearer,
            format!("a&{field}"),
            format!("a&{field}"),
        ),
    ] {
        let answer = fixture.send(post(path, lines, &body)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let seen = fixture.upstream.seen().pop().unwrap();
        assert_eq!(seen["body"], expected, "{path}");
    }
}

#[tokio::test]
async fn a_longer_form_is_refused_where_it_could_hold_a_token_and_nowhere_else() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let bearer = format!("{FORM}{}", bearer(&token));
    let form = |length: usize| {
        let start = format!("access_token={token}&a=");
        let rest = "b".repeat(length - start.len());
        start + &rest
    };
    let plain = |length: usize| "a".repeat(length);
    for (path, lines, body, status) in [
        ("/a", FORM, form(LARGEST), 200),
        ("/a", FORM, form(LARGEST + 1), 413),
        ("/a", &bearer, plain(LARGEST), 200),
        ("/a", &bearer, plain(LARGEST + 1), 413),
        ("/plain", &bearer, plain(LARGEST + 1), 200),
        ("/public", FORM, plain(LARGEST + 1), 200),
    ] {
        let answer = fixture.send(post(path, lines, &body)).await;
        assert_eq!(answer.status, status, "{path} {}", body.len());
    }
    let head = chunked("POST", "/a").replace("\r\n\r\n", &format!("\r\n{FORM}\r\n"));
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", LARGEST + 1, plain(LARGEST + 1));
    let answer = fixture.send(format!("{head}{chunk}")).await;
    assert_eq!(
        (answer.status, answer.json()["title"].as_str()),
        (413, Some("Payload Too Large"))
    );
}
