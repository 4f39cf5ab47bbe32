//! What is too much, too odd or not there.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{EVERYTHING, Managed, refusal};

#[tokio::test]
async fn a_body_is_json_of_256_kib_at_most() {
    let tenant = Managed::start().await;
    let token = tenant.token(EVERYTHING);
    let padded = |length: usize| {
        let empty = r#"{"name":"a","description":""}"#;
        format!("{}{}", empty, " ".repeat(length - empty.len()))
    };
    let limit = 256 * 1024;
    let too_long = "Payload content length greater than maximum allowed: 262144";
    for (name, media_type, body, status, message) in [
        ("at the limit", "application/json", padded(limit), 201, None),
        (
            "over it",
            "application/json",
            padded(limit + 1),
            413,
            Some(too_long),
        ),
        (
            "a form",
            "application/x-www-form-urlencoded",
            "name=a".to_owned(),
            415,
            Some("Unsupported Media Type"),
        ),
        (
            "not JSON",
            "application/json",
            "{\"name\":".to_owned(),
            400,
            Some("Invalid request payload JSON format"),
        ),
        (
            "too deep",
            "application/json",
            "[".repeat(1000),
            400,
            Some("Invalid request payload JSON format"),
        ),
        (
            "empty",
            "application/json",
            String::new(),
            400,
            Some("Invalid request payload JSON format"),
        ),
        (
            "a list",
            "application/json; charset=utf-8",
            "[]".to_owned(),
            400,
            Some("Payload validation error: 'Expected type object but found type array'."),
        ),
    ] {
        let request = reqwest::Client::new()
            .post(tenant.at("/clients"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", media_type)
            .body(body);
        let answer = request.send().await.unwrap();
        let (code, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(code, status, "{name}: {body}");
        assert_eq!(
            body.get("message").and_then(Value::as_str),
            message,
            "{name}"
        );
    }
}

#[tokio::test]
async fn pages_are_of_100_rows_at_most() {
    let tenant = Managed::start().await;
    for (query, expected) in [
        ("per_page=100", None),
        (
            "per_page=101",
            Some("'Value 101 is greater than maximum 100' on property per_page"),
        ),
        (
            "take=0",
            Some("'Value 0 is less than minimum 1' on property take"),
        ),
        (
            "take=101",
            Some("'Value 101 is greater than maximum 100' on property take"),
        ),
        (
            "page=-1",
            Some("'Value -1 is less than minimum 0' on property page"),
        ),
        ("page=1000000&per_page=100", None),
        (
            "page=1000001",
            Some("'Value 1000001 is greater than maximum 1000000' on property page"),
        ),
        (
            "include_totals=yes",
            Some("'Expected type boolean but found type string' on property include_totals"),
        ),
        (
            "colour=red",
            Some("'Additional properties not allowed: colour'"),
        ),
        ("from=%00%FF%27", None),
    ] {
        for path in [
            "/clients",
            "/users",
            "/roles",
            "/logs",
            "/grants",
            "/connections",
        ] {
            let answer = tenant.get(&format!("{path}?{query}")).await;
            let Some(text) = expected else {
                assert_eq!(answer.status, 200, "{path} {query}: {answer:?}");
                continue;
            };
            let message = format!("Query validation error: {text}.");
            let expected = refusal(400, "Bad Request", &message, Some("invalid_query_string"));
            assert_eq!(
                (answer.status, answer.body),
                (400, expected),
                "{path} {query}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_auth0_s_words() {
    let tenant = Managed::start().await;
    for (path, code, message) in [
        (
            "/clients/x",
            "inexistent_client",
            "The client does not exist",
        ),
        (
            "/clients/x/credentials",
            "inexistent_client",
            "The client does not exist",
        ),
        (
            "/clients/manager/credentials/x",
            "inexistent_credential",
            "The credential does not exist.",
        ),
        (
            "/resource-servers/x",
            "inexistent_resource_server",
            "The resource server does not exist",
        ),
        (
            "/resource-servers/https%3A%2F%2Fx%2F",
            "inexistent_resource_server",
            "The resource server does not exist",
        ),
        (
            "/client-grants/x",
            "inexistent_client_grant",
            "The client grant does not exist.",
        ),
        (
            "/connections/x",
            "inexistent_connection",
            "The connection does not exist",
        ),
        (
            "/users/auth0%7Cx",
            "inexistent_user",
            "The user does not exist.",
        ),
        (
            "/users/auth0%7Cx/roles",
            "inexistent_user",
            "The user does not exist.",
        ),
        ("/roles/x", "inexistent_role", "The role does not exist."),
        (
            "/roles/x/permissions",
            "inexistent_role",
            "The role does not exist.",
        ),
        (
            "/keys/signing/x",
            "inexistent_signing_key",
            "The signing key does not exist.",
        ),
        (
            "/refresh-tokens/x",
            "inexistent_refresh_token",
            "The refresh token does not exist.",
        ),
        (
            "/sessions/x",
            "inexistent_session",
            "The session does not exist.",
        ),
        ("/logs/x", "inexistent_log", "The log event does not exist."),
    ] {
        let answer = tenant.get(path).await;
        let expected = refusal(404, "Not Found", message, Some(code));
        assert_eq!((answer.status, answer.body), (404, expected), "{path}");
    }
    let answer = tenant.get("/users/me").await;
    let message = "Path validation error: 'Object didn't pass validation for format user-id: me' \
                   on property id.";
    let expected = refusal(400, "Bad Request", message, Some("invalid_uri"));
    assert_eq!((answer.status, answer.body), (400, expected));
    let answer = tenant.get("/nothing").await;
    assert_eq!(answer.status, 404);
    let answer = tenant.call(Method::PUT, "/clients", Some(json!({}))).await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn a_list_is_read_by_pages_or_from_checkpoint_to_checkpoint() {
    let tenant = Managed::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        tenant.post("/roles", json!({ "name": name })).await;
    }
    let all = tenant.get("/roles").await.body;
    let ids: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["id"].clone())
        .collect();
    assert_eq!(ids.len(), 5);

    let page = tenant
        .get("/roles?page=1&per_page=2&include_totals=true")
        .await
        .body;
    let expected = json!({ "start": 2, "limit": 2, "total": 5, "roles": [all[2], all[3]] });
    assert_eq!(page, expected);
    let page = tenant.get("/roles?page=3&per_page=2").await.body;
    assert_eq!(page, json!([]));

    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let answer = tenant.get(&format!("/roles?take=2{next}")).await.body;
        seen.extend(answer["roles"].as_array().unwrap().clone());
        let Some(from) = answer["next"].as_str() else {
            break;
        };
        next = format!("&from={from}");
    }
    assert_eq!(Value::from(seen), all);

    let names = tenant.get("/roles?fields=name").await.body;
    assert_eq!(names[0].as_object().unwrap().len(), 1);
    let others = tenant
        .get("/roles?fields=name&include_fields=false")
        .await
        .body;
    assert_eq!(others[0], json!({ "id": ids[0], "description": "" }));
}
