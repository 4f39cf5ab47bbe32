use portcullis_token::base64url;

use crate::fixture::{Fixture, get, post};

fn apis(first: &str, second: &str) -> String {
    let api = |name: &str, errors: &str| {
        format!(
            "[api.{name}]\nbase = \"/{name}\"\nerrors = \"{errors}\"\nauth = \"none\"\n\
             routes = {{ \"POST /up\" = {{ upstream = \"http://127.0.0.1:1\" }} }}\n"
        )
    };
    format!("{}{}", api("one", first), api("two", second))
}

#[tokio::test]
async fn an_api_s_look_holds_for_what_goes_wrong_behind_it() {
    for (errors, status, body) in [
        ("aws", 503, r#"{"message":"Service Unavailable"}"#),
        (
            "tyk",
            502,
            r#"{"error":"There was a problem proxying the request"}"#,
        ),
        (
            "express-jwt",
            502,
            r#"{"code":"upstream_unreachable","message":"the service behind this API cannot be reached","name":"BadGatewayError","status":502}"#,
        ),
    ] {
        let fixture = Fixture::start(&apis(errors, "problem")).await;
        let answer = fixture.send(post("/one/up", "", "")).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, body),
            "{errors}"
        );
        let other = fixture.send(post("/two/up", "", "")).await;
        assert_eq!(other.problem(), "upstream_unreachable", "{errors}");
    }
}

#[tokio::test]
async fn without_a_route_the_look_is_that_of_all_apis_where_they_have_one() {
    let fixture = Fixture::start(&apis("aws", "aws")).await;
    let answer = fixture.get("/none", "").await;
    let expected = (404, r#"{"message":"Not Found"}"#.to_owned());
    assert_eq!((answer.status, answer.text()), expected);
    let answer = fixture.get("/one/../two", "").await;
    let expected = (400, r#"{"message":"Bad Request"}"#.to_owned());
    assert_eq!((answer.status, answer.text()), expected);

    let fixture = Fixture::start(&apis("aws", "tyk")).await;
    let answer = fixture.get("/none", "").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (404, "no_route")
    );
}

#[tokio::test]
async fn a_refusal_keeps_to_the_form_of_its_request() {
    let fixture = Fixture::start(&apis("aws", "aws")).await;
    let head = get("/none", "").replacen("GET", "HEAD", 1);
    let answer = fixture.send(head).await;
    let length = r#"{"message":"Not Found"}"#.len().to_string();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-length"), Some(length.as_str()));

    let lines = "Content-Type: application/grpc\r\n";
    for (target, status, message) in [
        ("/none", "12", "no route answers this method and path"),
        (
            "/%zz",
            "13",
            "the path holds a `%25` without two hexadecimal digits",
        ),
        (
            "/one/up",
            "14",
            "the service behind this API cannot be reached",
        ),
    ] {
        let answer = fixture.send(post(target, lines, "")).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.text(), "", "{target}");
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert_eq!(answer.header("grpc-status"), Some(status), "{target}");
        assert_eq!(answer.header("grpc-message"), Some(message), "{target}");
    }
}

#[tokio::test]
async fn the_guide_s_words_are_said_for_a_token_signed_by_another_method() {
    let fixture = Fixture::start(
        "[api.httpbin]\nauth = \"user\"\nerrors = \"tyk\"\n\
         routes = { \"GET /\" = { respond = \"\" } }\n\
         [errors.tyk]\nunexpected_alg = \"Key not authorized:Unexpected signing method.\"\n",
    )
    .await;
    let part = |json: &str| base64url::encode(json.as_bytes());
    let token = format!(
        "{}.{}.{}",
        part(r#"{"alg":"HS256"}"#),
        part("{}"),
        part("x")
    );
    let answer = fixture.get_with("/", &token).await;
    let body = r#"{"error":"Key not authorized:Unexpected signing method."}"#;
    assert_eq!((answer.status, answer.text().as_str()), (403, body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// As API Gateway has it: any of a route's scopes is enough, and the challenge names them all.
#[tokio::test]
async fn the_look_of_api_gateway_names_every_scope_of_the_route() {
    let text = "[api.main]\nerrors = \"LOOK\"\n\
                auth = [{ user = [\"read\"] }, { user = [\"admin\"] }]\n\
                routes = { \"GET /\" = { respond = \"\" } }\n";
    for (look, scopes) in [("aws", "admin read"), ("problem", "read")] {
        let fixture = Fixture::start(&text.replace("LOOK", look)).await;
        let expected = format!("scope=\"{scopes}\"");
        let token = fixture.world.token().claim("scope", "other").sign();
        let answer = fixture.get_with("/", &token).await;
        assert_eq!(answer.status, 403, "{look}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(&expected), "{look}: {challenge}");
        let token = fixture.world.token().claim("scope", "admin").sign();
        assert_eq!(fixture.get_with("/", &token).await.status, 200, "{look}");
    }
}
