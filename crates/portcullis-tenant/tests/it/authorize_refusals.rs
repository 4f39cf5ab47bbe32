//! What `/authorize` refuses, and whom it tells.

use crate::server::take_log;
use crate::site::{CALLBACK, CHALLENGE, Site, changed};

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_never_followed() {
    let site = Site::start_local().await;
    let visitor = site.visitor();
    for uri in [
        "http://localhost:3000/callback/",
        "http://localhost:3000/callback/more",
        "http://localhost:3000/callbac",
        "http://localhost:3000/callback?a=b",
        "http://localhost:3000/callback#",
        "http://localhost:3000/Callback",
        "HTTP://localhost:3000/callback",
        "http://LOCALHOST:3000/callback",
        "http://localhost:3001/callback",
        "http://localhost/callback",
        "https://localhost:3000/callback",
        "http://localhost:3000/%63allback",
        "http://localhost:3000//callback",
        "http://localhost:3000/./callback",
        "http://localhost:3000/x/../callback",
        "http://localhost:3000@evil.example/callback",
        "http://localhost:3000%40evil.example/callback",
        "http://user@localhost:3000/callback",
        "http://localhost:3000.evil.example/callback",
        "http://127.0.0.1:3000/callback",
        "//localhost:3000/callback",
        "/callback",
        "javascript:alert(1)",
        " http://localhost:3000/callback",
        "http://localhost:3000/callback\0",
        "http://evil.example/<script>alert(1)</script>",
    ] {
        take_log();
        for prompt in ["", "none"] {
            let changes = [("redirect_uri", uri), ("prompt", prompt)];
            let page = visitor.authorize(&changed(&changes)).await;
            assert_eq!(page.status, 403, "{uri}");
            assert_eq!(page.header("location"), None, "{uri}");
            assert!(page.text.contains("Callback URL mismatch."), "{uri}");
            assert!(
                page.text.contains("<dt>Closest that is registered</dt>"),
                "{uri}"
            );
            assert!(!page.text.contains("<script>"), "{uri}");
        }
        let log = take_log();
        let told = r#"closest="http://localhost:3000/callback""#;
        assert!(log.contains(told), "{uri}: {log}");
    }
    let twice = [("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)];
    let page = visitor.authorize(&changed(&twice)).await;
    assert_eq!((page.status, page.header("location")), (400, None));
}

#[tokio::test]
async fn what_is_registered_is_told_to_this_machine_only() {
    let site = Site::start().await;
    let uri = [("redirect_uri", "http://localhost:3000/callbac")];
    let page = site.visitor().authorize(&changed(&uri)).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("http://localhost:3000/callbac"));
    assert!(!page.text.contains("http://localhost:3000/callback"));
    assert_eq!(site.events().await, ["f"]);
}

#[tokio::test]
async fn an_unknown_client_is_told_on_a_page() {
    let site = Site::start().await;
    let long = "a".repeat(16 * 1024);
    for (name, changes, status, text) in [
        (
            "none",
            vec![("client_id", "")],
            400,
            "Missing required parameter: client_id",
        ),
        (
            "unknown",
            vec![("client_id", "<b>nobody")],
            400,
            "Unknown client: &#60;b&#62;nobody",
        ),
        (
            "twice",
            vec![("client_id", "web"), ("client_id", "spa")],
            400,
            "The parameter client_id is there more than once.",
        ),
        (
            "several callbacks",
            vec![("client_id", "codes"), ("redirect_uri", "")],
            400,
            "Missing required parameter: redirect_uri",
        ),
        (
            "long",
            vec![("state", long.as_str())],
            413,
            "The request is longer than 16 KiB.",
        ),
    ] {
        let page = site.visitor().authorize(&changed(&changes)).await;
        assert_eq!(page.status, status, "{name}");
        assert_eq!(page.header("location"), None, "{name}");
        assert!(page.text.contains(text), "{name}: {}", page.text);
    }
    let only = [("redirect_uri", "")];
    let page = site.visitor().authorize(&changed(&only)).await;
    assert!(page.location().starts_with("/u/login"), "the only callback");
}

#[tokio::test]
async fn what_else_is_wrong_is_sent_to_the_client() {
    let site = Site::start().await;
    let invalid = "invalid_request";
    let many = (0..201)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    for (name, changes, error, description) in [
        (
            "no type",
            vec![("response_type", "")],
            invalid,
            "Missing required parameter: response_type",
        ),
        (
            "token",
            vec![("response_type", "token")],
            "unsupported_response_type",
            "Unsupported response type: token",
        ),
        (
            "code twice",
            vec![("response_type", "code code")],
            "unsupported_response_type",
            "Unsupported response type: code code",
        ),
        (
            "mode",
            vec![("response_mode", "post")],
            invalid,
            "Unsupported response_mode",
        ),
        (
            "ID token in a query",
            vec![
                ("response_type", "id_token"),
                ("response_mode", "query"),
                ("nonce", "n"),
            ],
            invalid,
            "response_mode query is not allowed for an id_token",
        ),
        (
            "no nonce",
            vec![("response_type", "code id_token")],
            invalid,
            "Missing required parameter: nonce",
        ),
        (
            "no openid",
            vec![
                ("response_type", "id_token"),
                ("nonce", "n"),
                ("scope", "profile"),
            ],
            invalid,
            "The scope openid is required for an id_token",
        ),
        (
            "not implicit",
            vec![
                ("client_id", "codes"),
                ("response_type", "id_token"),
                ("nonce", "n"),
            ],
            "unauthorized_client",
            "Response type 'id_token' not allowed for the client.",
        ),
        (
            "third party",
            vec![
                ("client_id", "third"),
                ("redirect_uri", "https://app.example.com/callback"),
                ("response_type", "code id_token"),
                ("nonce", "n"),
            ],
            "unauthorized_client",
            "Response type 'code id_token' not allowed for the client.",
        ),
        (
            "public without PKCE",
            vec![
                ("client_id", "spa"),
                ("redirect_uri", "http://localhost:3001"),
            ],
            invalid,
            "Missing required parameter: code_challenge",
        ),
        (
            "third party without PKCE",
            vec![
                ("client_id", "third"),
                ("redirect_uri", "https://app.example.com/callback"),
            ],
            invalid,
            "Missing required parameter: code_challenge",
        ),
        (
            "plain",
            vec![
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "plain"),
            ],
            invalid,
            "code_challenge_method must be S256",
        ),
        (
            "prompts",
            vec![("prompt", "none login")],
            invalid,
            "prompt none cannot be combined with others",
        ),
        (
            "max_age",
            vec![("max_age", "-1")],
            invalid,
            "max_age is not a number of seconds",
        ),
        (
            "scopes",
            vec![("scope", many.as_str())],
            "invalid_scope",
            "The scope parameter names more than 200 scopes.",
        ),
        (
            "repeated",
            vec![("scope", "openid"), ("scope", "openid")],
            invalid,
            "The parameter scope is there more than once.",
        ),
        (
            "audience",
            vec![("audience", "https://nowhere")],
            "access_denied",
            "Service not found: https://nowhere",
        ),
        (
            "closed API",
            vec![("audience", "https://closed-api")],
            "access_denied",
            "Client is not authorized to access \"https://closed-api\". You need to create a \
             \"client-grant\" associated to this API. See: \
             https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
        ),
        (
            "request",
            vec![("request", "e30.e30.")],
            "request_not_supported",
            "The parameter request is not supported.",
        ),
        (
            "request_uri",
            vec![("request_uri", "https://evil.example/")],
            "request_uri_not_supported",
            "The parameter request_uri is not supported.",
        ),
        (
            "no connection",
            vec![("client_id", "unconnected")],
            invalid,
            "no connections enabled for the client",
        ),
        (
            "silently",
            vec![("prompt", "none")],
            "login_required",
            "Login required",
        ),
    ] {
        let page = site.visitor().authorize(&changed(&changes)).await;
        assert_eq!(page.status, 302, "{name}: {}", page.text);
        let expected = (error.to_owned(), description.to_owned());
        assert_eq!(page.error(), expected, "{name}");
        assert_eq!(page.sent()["state"], "s <&", "{name}");
    }
}
