use crate::fixture::{Fixture, World, bearer};

const FILE: &str = r#"
    [authorizer.page]
    issuer = "https://issuer.example/"
    audience = ["api"]
    sources = [
        "authorization",
        { cookie = "session" },
        { query = "access_token" },
        { header = "x-token", prefix = "Token " },
    ]

    [authorizer.plain]
    issuer = "https://issuer.example/"
    audience = ["api"]

    [api.main]
    upstream = "UPSTREAM"
    auth = "page"
    [api.main.routes]
    "GET /plain" = { auth = "plain" }
    "GET /both" = { auth = ["page", "plain"] }
    "GET /all" = { auth = { page = [], plain = [] } }
    "GET /public" = { auth = "none" }

    [api.kept]
    base = "/kept"
    upstream = "UPSTREAM"
    auth = "page"
    token = "keep"

    [api.other]
    base = "/other"
    upstream = "UPSTREAM"
    auth = "plain"

    [api.aws]
    base = "/aws"
    upstream = "UPSTREAM"
    auth = "plain"
    errors = "aws"
"#;

async fn fixture() -> Fixture {
    let world = World {
        tells_reason: true,
        ..World::default()
    };
    Fixture::of(world, FILE).await
}

const OWN: &str = "Sec-Fetch-Site: same-origin\r\n";

#[tokio::test]
async fn a_token_counts_in_the_places_of_its_authorizer_only() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let bearer = bearer(&token);
    let cookie = format!("Cookie: a=b; session={token}\r\n");
    let own_cookie = format!("{cookie}{OWN}");
    let header = format!("X-Token: token {token}\r\n");
    let bare = format!("X-Token: {token}\r\n");
    let alone = format!("Authorization: {token}\r\n");
    let both = format!("{bearer}{own_cookie}");
    let basic = "Authorization: Basic YTpi\r\n".to_owned();
    let none = String::new();
    for (path, query, lines, status, reason) in [
        ("/a", false, &bearer, 200, ""),
        ("/a", false, &own_cookie, 200, ""),
        ("/a", true, &none, 200, ""),
        ("/a", false, &header, 200, ""),
        ("/a", true, &basic, 200, ""),
        ("/a", false, &cookie, 401, "missing"),
        ("/a", false, &bare, 400, "malformed_header"),
        ("/a", false, &alone, 401, "unsupported_scheme"),
        ("/a", true, &bearer, 400, "multiple_credentials"),
        ("/a", false, &both, 400, "multiple_credentials"),
        ("/plain", true, &none, 401, "missing"),
        ("/plain", false, &own_cookie, 401, "missing"),
        ("/plain", true, &both, 200, ""),
        ("/both", true, &none, 200, ""),
        ("/both", true, &bearer, 400, "multiple_credentials"),
        ("/all", false, &bearer, 200, ""),
        ("/all", true, &none, 401, "missing"),
        ("/aws/a", false, &bearer, 200, ""),
        ("/aws/a", false, &alone, 200, ""),
        ("/aws/a", false, &basic, 401, ""),
        ("/aws/a", true, &none, 401, ""),
    ] {
        let target = if query {
            format!("{path}?access_token={token}")
        } else {
            path.to_owned()
        };
        let answer = fixture.get(&target, lines).await;
        let case = format!("{target} {lines}");
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        if !reason.is_empty() {
            assert_eq!(answer.json()["reason"], reason, "{case}");
        }
    }
}

#[tokio::test]
async fn a_bad_token_without_a_scheme_is_refused_as_api_gateway_does() {
    let fixture = fixture().await;
    let expired = fixture.world.token().claim("exp", 1).sign();
    for token in [&*expired, "garbage", "a.b.c"] {
        let line = format!("Authorization: {token}\r\n");
        let answer = fixture.get("/aws/a", &line).await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.text(), r#"{"message":"Unauthorized"}"#, "{token}");
    }
}

#[tokio::test]
async fn a_token_goes_no_further_wherever_it_was() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let cookie = format!("Cookie: a=b; session={token}; c=d\r\n{OWN}");
    let header = format!("X-Token: Token {token}\r\n");
    let query = format!("x=%26&access_token={token}&y");
    let all = format!("{}{cookie}{header}", bearer(&token));
    for (target, lines, seen_target, is_kept) in [
        (
            format!("/a?{query}"),
            String::new(),
            "/a?x=%26&y".to_owned(),
            false,
        ),
        (
            format!("/a?access_token={token}"),
            String::new(),
            "/a".to_owned(),
            false,
        ),
        ("/a?x".to_owned(), cookie.clone(), "/a?x".to_owned(), false),
        ("/a".to_owned(), header.clone(), "/a".to_owned(), false),
        (
            format!("/public?{query}"),
            all,
            "/public?x=%26&y".to_owned(),
            false,
        ),
        (
            format!("/kept/a?{query}"),
            String::new(),
            format!("/kept/a?{query}"),
            true,
        ),
        (
            "/kept/a".to_owned(),
            cookie.clone(),
            "/kept/a".to_owned(),
            true,
        ),
        (
            "/other/a?access_token=own".to_owned(),
            format!("{}{cookie}", bearer(&token)),
            "/other/a?access_token=own".to_owned(),
            false,
        ),
    ] {
        let answer = fixture.get(&target, &lines).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let seen = fixture.upstream.seen().pop().unwrap();
        assert_eq!(seen["target"], seen_target, "{target}");
        let seen = seen.to_string();
        assert_eq!(seen.contains(&token), is_kept, "{target}: {seen}");
        if lines.contains("Cookie") {
            assert!(seen.contains("a=b; "), "{target}: {seen}");
            assert!(seen.contains("; c=d"), "{target}: {seen}");
        }
    }
}

#[tokio::test]
async fn no_shared_cache_stores_what_a_token_in_the_address_brings() {
    let fixture = fixture().await;
    let token = fixture.world.token().sign();
    let query = format!("/a?access_token={token}");
    let refused = "/a?access_token=garbage".to_owned();
    for (target, lines, status, expected) in [
        (&query, String::new(), 200, Some("private")),
        (&"/a".to_owned(), bearer(&token), 200, None),
        (&refused, String::new(), 401, Some("no-store")),
    ] {
        let answer = fixture.get(target, &lines).await;
        assert_eq!(answer.status, status, "{target} {lines}");
        assert_eq!(answer.header("cache-control"), expected, "{target} {lines}");
    }
}
