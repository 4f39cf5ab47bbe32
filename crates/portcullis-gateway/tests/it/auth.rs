use portcullis_testkit::{Answer as Provider, TokenBuilder};

use crate::fixture::{Fixture, World, bearer};

const SHAPES: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "user"
    identity = { "x-user" = "sub" }
    [api.main.routes]
    "GET /public" = { auth = "none" }
    "GET /user" = { auth = "user" }
    "GET /optional" = { auth = ["user", "none"] }
    "GET /optional-scope" = { auth = ["none", { user = ["read"] }] }
    "GET /scope" = { auth = { user = ["read", "write"] } }
    "GET /any" = { auth = ["user", { partner = ["read"] }] }
    "GET /any-scope" = { auth = [{ user = ["admin"] }, { user = ["read", "write"] }] }
"#;

/// The lines of a request that `token` makes.
fn lines(token: Option<TokenBuilder>) -> String {
    token.map_or_else(String::new, |token| bearer(&token.sign()))
}

#[tokio::test]
async fn each_shape_of_auth_lets_in_whom_it_says() {
    let fixture = Fixture::start(SHAPES).await;
    let none = String::new();
    let basic = "Authorization: Basic YTpi\r\n".to_owned();
    let garbage = bearer("garbage");
    let empty = "Authorization: \r\n".to_owned();
    let user = lines(Some(fixture.world.token()));
    let foreign = lines(Some(fixture.world.token().audience("other")));
    let reader = lines(Some(fixture.world.token().scope("read")));
    let writer = lines(Some(fixture.world.token().scope("write other read")));
    let admin = lines(Some(fixture.world.token().scope("admin")));
    let partner = || fixture.world.partner.token().audience("api");
    let (partner, partner_reader) = (lines(Some(partner())), lines(Some(partner().scope("read"))));
    for (target, name, lines, status) in [
        ("/public", "none", &none, 200),
        ("/public", "garbage", &garbage, 200),
        ("/public", "foreign", &foreign, 200),
        ("/public", "two lines", &user.repeat(2), 200),
        ("/user", "none", &none, 401),
        ("/user", "garbage", &garbage, 401),
        ("/user", "user", &user, 200),
        ("/user", "partner", &partner, 401),
        ("/else/where", "none", &none, 401),
        ("/else/where", "user", &user, 200),
        ("/optional", "none", &none, 200),
        ("/optional", "an empty header", &empty, 200),
        ("/optional", "user", &user, 200),
        ("/optional", "garbage", &garbage, 401),
        ("/optional", "foreign", &foreign, 401),
        ("/optional", "partner", &partner, 401),
        ("/optional", "basic", &basic, 401),
        ("/optional", "two lines", &user.repeat(2), 400),
        ("/optional-scope", "none", &none, 200),
        ("/optional-scope", "reader", &reader, 200),
        ("/optional-scope", "user", &user, 403),
        ("/scope", "user", &user, 403),
        ("/scope", "reader", &reader, 403),
        ("/scope", "writer", &writer, 200),
        ("/any", "none", &none, 401),
        ("/any", "user", &user, 200),
        ("/any", "partner", &partner, 403),
        ("/any", "partner's reader", &partner_reader, 200),
        ("/any", "foreign", &foreign, 401),
        ("/any-scope", "user", &user, 403),
        ("/any-scope", "reader", &reader, 403),
        ("/any-scope", "writer", &writer, 200),
        ("/any-scope", "admin", &admin, 200),
    ] {
        let before = fixture.upstream.seen().len();
        let answer = fixture.get(target, lines).await;
        assert_eq!(
            answer.status,
            status,
            "{target} with {name}: {}",
            answer.text()
        );
        let forwarded = fixture.upstream.seen().len() - before;
        assert_eq!(
            forwarded,
            usize::from(status == 200),
            "{target} with {name}"
        );
    }
}

#[tokio::test]
async fn a_route_that_needs_two_authorizers_needs_both() {
    let text = r#"
        [authorizer.narrow]
        issuer = "https://issuer.example/"
        audience = ["narrow"]

        [api.main]
        upstream = "UPSTREAM"
        auth = { user = ["read"], narrow = ["write"] }
        identity = { "x-user" = "sub" }
    "#;
    let fixture = Fixture::start(text).await;
    let token = |audiences: &[&str], scope: &str| {
        let token = fixture.world.token().scope(scope);
        token.claim("aud", audiences.to_vec()).sign()
    };
    for (name, token, status) in [
        ("both", token(&["api", "narrow"], "read write"), 200),
        ("only the first", token(&["api"], "read write"), 401),
        ("only the second", token(&["narrow"], "read write"), 401),
        ("neither", token(&["other"], "read write"), 401),
        (
            "the first one's scope",
            token(&["api", "narrow"], "read"),
            403,
        ),
        (
            "the second one's scope",
            token(&["api", "narrow"], "write"),
            403,
        ),
    ] {
        let answer = fixture.get_with("/", &token).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
    let refused = fixture.get_with("/", &token(&["api", "narrow"], "")).await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.ends_with(r#"scope="read write""#), "{challenge}");
}

#[tokio::test]
async fn a_good_token_is_never_refused_because_an_issuer_is_down() {
    let text = r#"
        [api.main]
        upstream = "UPSTREAM"
        auth = ["user", "partner"]
    "#;
    let world = World {
        fetches: true,
        ..World::default()
    };
    world.issuer.answer(Provider::Status(500));
    let fixture = Fixture::of(world, text).await;
    let mine = fixture.world.token().sign();
    let partner = fixture.world.partner.token().audience("api").sign();
    assert_eq!(fixture.get_with("/", &mine).await.status, 503);
    assert_eq!(fixture.get_with("/", &partner).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_is_down_weighs_more_than_an_audience_that_does_not_fit() {
    let text = r#"
        [authorizer.known]
        issuer = "https://issuer.example/"
        audience = ["known"]
        jwks = "https://issuer.example/.well-known/jwks.json"

        [api.main]
        upstream = "UPSTREAM"
        auth = ["user", "known"]
    "#;
    let world = World {
        fetches: true,
        ..World::default()
    };
    world.issuer.answer(Provider::Status(500));
    let fixture = Fixture::of(world, text).await;
    // It may be good for `user`, which cannot tell at the moment.
    let mine = fixture.world.token().sign();
    assert_eq!(fixture.get_with("/", &mine).await.status, 503);
    let known = fixture.world.issuer.token().audience("known").sign();
    assert_eq!(fixture.get_with("/", &known).await.status, 200);
}
