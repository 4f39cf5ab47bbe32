use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{AUDIENCE, SECRET, Server};

const UNAUTHORIZED: (u16, &str, &str) = (401, "access_denied", "Unauthorized");
const SEVERAL: (u16, &str, &str) = (
    400,
    "invalid_request",
    "The client credentials are there more than once.",
);

/// A request that would be granted, with `changes` made to it; null removes a parameter.
fn request(changes: &Value) -> String {
    let mut body = json!({
        "grant_type": "client_credentials",
        "client_id": "worker",
        "client_secret": SECRET,
        "audience": AUDIENCE,
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

#[tokio::test]
async fn each_refusal_has_auth0_s_status_and_text() {
    let server = Server::start().await;
    let no_grant_type = (
        400,
        "invalid_request",
        "Missing required parameter: grant_type",
    );
    let no_audience = (
        403,
        "access_denied",
        "No audience parameter was provided, and no default audience has been configured",
    );
    let no_client_grant = (
        403,
        "access_denied",
        "Client is not authorized to access \"closed\". You need to create a \"client-grant\" \
         associated to this API. See: \
         https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
    );
    for (name, changes, expected) in [
        (
            "no grant type",
            json!({ "grant_type": null }),
            no_grant_type,
        ),
        (
            "empty grant type",
            json!({ "grant_type": "" }),
            no_grant_type,
        ),
        (
            "unsupported grant type",
            json!({ "grant_type": "implicit" }),
            (
                400,
                "unsupported_grant_type",
                "Unsupported grant type: implicit",
            ),
        ),
        (
            "no client",
            json!({ "client_id": null, "client_secret": null }),
            UNAUTHORIZED,
        ),
        ("no client id", json!({ "client_id": null }), UNAUTHORIZED),
        (
            "unknown client",
            json!({ "client_id": "nobody" }),
            UNAUTHORIZED,
        ),
        (
            "unknown client without secret",
            json!({ "client_id": "nobody", "client_secret": null }),
            UNAUTHORIZED,
        ),
        ("no secret", json!({ "client_secret": null }), UNAUTHORIZED),
        ("empty secret", json!({ "client_secret": "" }), UNAUTHORIZED),
        (
            "wrong secret",
            json!({ "client_secret": "wrong" }),
            UNAUTHORIZED,
        ),
        (
            "longer secret",
            json!({ "client_secret": format!("{SECRET} ") }),
            UNAUTHORIZED,
        ),
        (
            "public client with secret",
            json!({ "client_id": "page" }),
            UNAUTHORIZED,
        ),
        (
            "grant not enabled",
            json!({ "client_id": "idle" }),
            (
                403,
                "unauthorized_client",
                "Grant type 'client_credentials' not allowed for the client.",
            ),
        ),
        (
            "public client",
            json!({ "client_id": "page", "client_secret": null }),
            (
                403,
                "unauthorized_client",
                "Grant type 'client_credentials' not allowed for the client.",
            ),
        ),
        ("no audience", json!({ "audience": null }), no_audience),
        ("empty audience", json!({ "audience": "" }), no_audience),
        (
            "unknown audience",
            json!({ "audience": "https://expenses-api/" }),
            (
                403,
                "access_denied",
                "Service not found: https://expenses-api/",
            ),
        ),
        (
            "no client grant",
            json!({ "audience": "closed" }),
            no_client_grant,
        ),
        (
            "scope outside the grant",
            json!({ "scope": "read:reports delete:reports" }),
            (
                403,
                "access_denied",
                "Client has not been granted scopes: delete:reports",
            ),
        ),
        (
            "scopes outside the grant",
            json!({ "scope": "delete:reports  fly" }),
            (
                403,
                "access_denied",
                "Client has not been granted scopes: delete:reports, fly",
            ),
        ),
    ] {
        let answer = server.post_json(request(&changes)).await;
        assert_eq!(answer.error(), expected, "{name}");
        assert_eq!(answer.body.as_object().unwrap().len(), 2, "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.header("pragma"), Some("no-cache"), "{name}");
        assert_eq!(answer.header("www-authenticate"), None, "{name}");
    }
}

#[tokio::test]
async fn a_refused_header_is_challenged() {
    let server = Server::start().await;
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let asked = format!("grant_type=client_credentials&audience={AUDIENCE}");
    let challenge = Some(r#"Basic realm="token endpoint""#);
    for (name, authorization, more, expected, challenged) in [
        (
            "wrong secret",
            basic("worker:wrong"),
            "",
            UNAUTHORIZED,
            challenge,
        ),
        (
            "unknown client",
            basic("nobody:wrong"),
            "",
            UNAUTHORIZED,
            challenge,
        ),
        ("no secret", basic("worker:"), "", UNAUTHORIZED, challenge),
        ("no colon", basic("worker"), "", UNAUTHORIZED, challenge),
        (
            "not base64",
            "Basic ***".to_owned(),
            "",
            UNAUTHORIZED,
            challenge,
        ),
        (
            "no credentials",
            "Basic".to_owned(),
            "",
            UNAUTHORIZED,
            challenge,
        ),
        (
            "another scheme",
            "Bearer x".to_owned(),
            "",
            UNAUTHORIZED,
            challenge,
        ),
        ("empty", String::new(), "", UNAUTHORIZED, challenge),
        (
            "secret twice",
            basic("worker:wrong"),
            "&client_secret=wrong",
            SEVERAL,
            None,
        ),
        (
            "another id",
            basic("worker:wrong"),
            "&client_id=idle",
            SEVERAL,
            None,
        ),
    ] {
        let form = "application/x-www-form-urlencoded";
        let answer = server
            .post(form, format!("{asked}{more}"), Some(&authorization))
            .await;
        assert_eq!(answer.error(), expected, "{name}");
        assert_eq!(answer.header("www-authenticate"), challenged, "{name}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let server = Server::start().await;
    let value = format!("Basic {}", STANDARD.encode(format!("worker:{SECRET}")));
    let request = reqwest::Client::new()
        .post(server.url("/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", &value)
        .header("authorization", &value)
        .body("grant_type=client_credentials");
    let answer = crate::server::Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.error(), SEVERAL);
}

#[tokio::test]
async fn an_unknown_client_looks_like_a_wrong_secret() {
    let server = Server::start().await;
    let unknown = server
        .post_json(request(&json!({ "client_id": "nobody" })))
        .await;
    let wrong = server
        .post_json(request(&json!({ "client_secret": "wrong" })))
        .await;
    assert_eq!(unknown.status, wrong.status);
    assert_eq!(unknown.body, wrong.body);
    let without_date = |mut headers: reqwest::header::HeaderMap| {
        headers.remove("date");
        headers
    };
    assert_eq!(without_date(unknown.headers), without_date(wrong.headers));
}
