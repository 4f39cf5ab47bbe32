//! `portcullis export openapi`: what it prints says who may call, and `import` reads it back.

use serde_json::{Value, json};

use crate::program::World;

const FILE: &str = r#"
[server]
url = "https://api.example"
[authorizer.user]
issuer = "https://id.example/"
audience = ["notes", "more"]
[authorizer.open]
jwks = "https://keys.example/jwks.json"
issuer = "any"
audience = "any"
[api.notes]
base = "/v1"
auth = { user = ["read:notes"] }
[api.notes.routes]
"GET /notes/{id}" = { respond = "{id}" }
"ANY /files/{rest+}" = { respond = "", auth = [{ user = [] }, "none"] }
"GET /health" = { respond = "", auth = "none" }
"PURGE /notes" = { respond = "" }
[api.other]
base = "/other"
auth = ["user", "open"]
routes = { "POST /" = { respond = "" } }
"#;

/// The routes that `check` finds in the project, without their places in the file.
async fn routes(world: &World) -> Vec<(Value, Value, Value)> {
    let output = world.run(&["check", "--format", "json"]).await;
    let checked: Value = serde_json::from_str(&output.stdout).unwrap();
    let routes = checked["routes"].as_array().unwrap().iter();
    let mut routes: Vec<_> = routes
        .filter(|route| route["api"] == "notes" && route["method"] != "PURGE")
        .map(|route| {
            let of = |member: &str| route[member].clone();
            (of("method"), of("path"), of("auth"))
        })
        .collect();
    routes.sort_by_key(|route| format!("{route:?}"));
    routes
}

#[tokio::test]
async fn an_api_becomes_a_document_that_says_who_may_call() {
    let world = World::with_file(FILE);
    let output = world.run(&["export", "openapi", "--api", "notes"]).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let noted = "warning: `PURGE /v1/notes` is left out: OpenAPI 3.1 has no such method";
    assert!(output.stderr.trim().ends_with(noted), "{output:?}");
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let parameter = |name: &str| json!([{ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }]);
    let expected = json!({
        "openapi": "3.1.0",
        "info": { "title": "notes", "version": "1" },
        "servers": [{ "url": "https://api.example" }],
        "paths": {
            "/v1/notes/{id}": { "get": {
                "summary": "user: read:notes",
                "security": [{ "user": ["read:notes"] }],
                "parameters": parameter("id"),
            } },
            "/v1/files/{rest+}": { "x-amazon-apigateway-any-method": {
                "summary": "user or none",
                "security": [{ "user": [] }, {}],
                "parameters": parameter("rest"),
            } },
            "/v1/health": { "get": { "summary": "none (public)", "security": [] } },
        },
        "components": { "securitySchemes": { "user": {
            "type": "openIdConnect",
            "openIdConnectUrl": "https://id.example/.well-known/openid-configuration",
            "x-google-issuer": "https://id.example/",
            "x-google-audiences": "notes,more",
        } } },
    });
    assert_eq!(document, expected);

    // What was exported is what is imported.
    let before = routes(&world).await;
    assert_eq!(before.len(), 3);
    world.write("api.json", &output.stdout);
    let import = [
        "import",
        "openapi",
        "api.json",
        "-o",
        "portcullis.toml",
        "--force",
    ];
    let imported = world.run(&import).await;
    assert_eq!(imported.status, Some(0), "{imported:?}");
    assert_eq!(routes(&world).await, before);
}

#[tokio::test]
async fn an_authorizer_of_any_issuer_is_a_bearer_token_and_no_more() {
    let world = World::with_file(FILE);
    let output = world.run(&["export", "openapi", "--api", "other"]).await;
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let scheme = &document["components"]["securitySchemes"]["open"];
    let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    assert_eq!(scheme, &bearer);
}

#[tokio::test]
async fn one_of_several_apis_has_to_be_named() {
    let world = World::with_file(FILE);
    let hint = "hint: say `--api notes` or `--api other`";
    for (arguments, expected) in [
        (&[][..], "error: the file has several APIs"),
        (&["--api", "x"], "error: there is no API `x`"),
    ] {
        let output = world
            .run(&[&["export", "openapi"], arguments].concat())
            .await;
        assert!(
            output.failure().ends_with(&format!("{expected}\n{hint}")),
            "{output:?}"
        );
    }
}

#[tokio::test]
async fn a_route_of_signed_requests_is_not_exported_as_public() {
    let world = World::with_file(
        r#"
[identity_pool.Auth]
providers = [{ domain = "id.example", client_id = "web" }]
[authorizer.iam]
type = "sigv4"
pool = "Auth"
[api.notes]
auth = "iam"
routes = { "GET /notes" = { respond = "" } }
"#,
    );
    let output = world.run(&["export", "openapi"]).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        document["paths"]["/notes"]["get"]["security"],
        json!([{ "iam": [] }])
    );
    let scheme = json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    });
    assert_eq!(document["components"]["securitySchemes"]["iam"], scheme);
}
