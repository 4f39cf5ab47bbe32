//! `portcullis import`: what it prints is a file that loads, or it prints nothing.

use serde_json::{Value, json};

use crate::program::World;

const PETS: &str = r##"
openapi: 3.1.0
info: { title: Pet Store, version: "1" }
servers:
- url: https://{region}.pets.example/v1
  variables: { region: { default: eu } }
security:
- login: [read:pets]
paths:
  /pets:
    get: { responses: { 200: { description: ok } } }
    post:
      security: [{ login: [write:pets] }]
    trace: {}
  /pets/{petId}:
    $ref: "#/components/pathItems/pet"
  /health:
    get: { security: [] }
  /mixed:
    get: { security: [{}, { login: [] }] }
components:
  pathItems:
    pet: { get: {}, x-amazon-apigateway-any-method: { security: [{ login: [] , lab: [b] }] } }
  securitySchemes:
    login: { type: openIdConnect, openIdConnectUrl: "https://id.example/.well-known/openid-configuration" }
    lab:
      type: oauth2
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: $request.header.Authorization
        jwtConfiguration: { issuer: "https://lab.example/", audience: [lab] }
"##;

const LOGIN: &str = "login=https://id.example/.well-known/openid-configuration,https://pets";

#[tokio::test]
async fn an_openapi_document_becomes_routes_with_their_auth() {
    let world = World::empty();
    world.write("pets.yaml", PETS);
    let output = world
        .run(&["import", "openapi", "pets.yaml", "--authorizer", LOGIN])
        .await;
    assert_eq!(output.status, Some(0), "{output:?}");
    insta::assert_snapshot!(output.stdout);
    insta::assert_snapshot!(output.stderr, @"warning: #/paths/~1pets: TRACE requests are never forwarded: the operation is left out");

    world.write("portcullis.toml", &output.stdout);
    let check = world.run(&["check"]).await;
    assert_eq!(check.status, Some(0), "{check:?}");
    insta::assert_snapshot!(check.stdout);
}

#[tokio::test]
async fn security_without_a_counterpart_is_refused_and_never_open() {
    let world = World::empty();
    let document = |scheme: Value, operation: Value| {
        json!({
            "openapi": "3.0.3", "info": { "title": "x", "version": "1" },
            "servers": [{ "url": "https://x.example" }],
            "paths": { "/a": { "get": operation } },
            "components": { "securitySchemes": { "key": scheme } },
        })
    };
    let needs_key = json!({ "security": [{ "key": [] }] });
    let bearer = json!({ "type": "http", "scheme": "bearer" });
    for (scheme, operation, expected) in [
        (
            json!({ "type": "apiKey", "in": "header", "name": "x-key" }),
            needs_key.clone(),
            "error: a.json#/components/securitySchemes/key: `key` is of the kind `apiKey`, which is no JSON Web Token",
        ),
        (
            json!({ "type": "http", "scheme": "basic" }),
            needs_key.clone(),
            "error: a.json#/components/securitySchemes/key: `key` is of the kind `basic`, which is no JSON Web Token",
        ),
        (
            json!({ "type": "mutualTLS" }),
            needs_key.clone(),
            "error: a.json#/components/securitySchemes/key: `key` is of the kind `mutualTLS`, which is no JSON Web Token",
        ),
        (
            bearer.clone(),
            needs_key.clone(),
            "error: a.json#/components/securitySchemes/key: the document does not say whose tokens `key` takes, and for whom they are",
        ),
        (
            bearer.clone(),
            json!({ "security": [{ "other": [] }] }),
            "error: a.json#/paths/~1a/get/security/0/other: there is no security scheme `other`",
        ),
        (
            bearer.clone(),
            json!({}),
            "error: a.json#/paths/~1a/get: the document does not say who may call this",
        ),
        (
            bearer.clone(),
            json!({ "security": {} }),
            "error: a.json#/paths/~1a/get/security: `security` is not a list",
        ),
        (
            bearer.clone(),
            json!({ "security": [{ "key": "all" }] }),
            "error: a.json#/paths/~1a/get/security/0/key: scopes are not a list of strings",
        ),
        (
            json!({ "type": "oauth2", "x-amazon-apigateway-authorizer": { "type": "request" } }),
            needs_key.clone(),
            "error: a.json#/components/securitySchemes/key/x-amazon-apigateway-authorizer: only authorizers of the type `jwt` can be imported",
        ),
        (
            json!({ "$ref": "#/components/securitySchemes/key" }),
            needs_key.clone(),
            "error: a.json#/paths/~1a/get/security/0/key: there is no security scheme `key`",
        ),
    ] {
        let document = document(scheme, operation);
        world.write("a.json", document.to_string());
        let output = world.run(&["import", "openapi", "a.json"]).await;
        let said = output.failure().lines().next();
        assert_eq!(said, Some(expected), "{document}");
    }
}

fn amazons(source: &Value) -> Value {
    json!({
        "openapi": "3.0.1", "info": { "title": "notes", "version": "1" },
        "servers": [{ "url": "https://x.example" }],
        "paths": { "/a": { "get": { "security": [{ "jwt": ["read", "admin"] }] } } },
        "components": { "securitySchemes": { "jwt": {
            "type": "oauth2",
            "x-amazon-apigateway-authorizer": {
                "type": "jwt", "identitySource": source,
                "jwtConfiguration": { "issuer": "https://id.example/", "audience": ["notes"] },
            },
        } } },
    })
}

/// One of an operation's scopes is enough there, and the token may be elsewhere.
#[tokio::test]
async fn an_authorizer_of_api_gateway_is_taken_as_it_is_meant_there() {
    let world = World::empty();
    let auth = r#"auth = [{ jwt = ["read"] }, { jwt = ["admin"] }]"#;
    for (source, line, noted) in [
        (
            json!("$request.header.Authorization"),
            r#"errors = "aws""#,
            "",
        ),
        (json!(["$request.header.authorization"]), auth, ""),
        (
            json!("$request.querystring.access_token"),
            r#"sources = [{ query = "access_token" }]"#,
            "",
        ),
        (
            json!("$request.header.X-Token"),
            r#"sources = [{ header = "x-token" }]"#,
            "warning: the header `x-token` holds the token alone: `Bearer` before it is refused",
        ),
    ] {
        world.write("a.json", amazons(&source).to_string());
        let import = ["import", "openapi", "a.json"];
        let output = world.run(&import).await;
        assert_eq!(output.status, Some(0), "{output:?}");
        for line in [line, auth] {
            assert!(output.stdout.contains(line), "{line} in\n{}", output.stdout);
        }
        assert_eq!(output.stderr.trim(), noted, "{source}");
        world.write("portcullis.toml", &output.stdout);
        let checked = world.run(&["check"]).await;
        assert_eq!(checked.status, Some(0), "{checked:?}");
    }
    for source in [
        json!("$request.cookie.a"),
        json!("$context.identity"),
        json!(["$request.header.a", "$request.header.b"]),
        json!("$request.header.a b"),
        json!(1),
    ] {
        world.write("a.json", amazons(&source).to_string());
        let output = world.run(&["import", "openapi", "a.json"]).await;
        let expected = "error: a.json#/components/securitySchemes/jwt/x-amazon-apigateway-authorizer\
                        /identitySource: this place of the token has no counterpart";
        assert_eq!(output.failure().lines().next(), Some(expected), "{source}");
    }
}

#[tokio::test]
async fn paths_that_cannot_be_routes_are_refused() {
    let world = World::empty();
    for (path, expected) in [
        (
            "/a?b=c",
            "a path holds only characters that need no encoding, and `%XX`",
        ),
        ("/a/../b", "a path has no `.` or `..` segments"),
        ("/a/{b}.json", "a parameter is a whole segment: `/{name}/`"),
        ("a", "a path begins with `/`"),
    ] {
        let document = json!({ "openapi": "3.0.0", "servers": [{ "url": "https://x.example" }],
            "paths": { path: { "get": { "security": [] } } } });
        world.write("a.json", document.to_string());
        let output = world.run(&["import", "openapi", "a.json"]).await;
        let expected = format!("`{path}` cannot be a route: {expected}");
        let said = output.failure().lines().next().unwrap_or_default();
        assert!(said.ends_with(&expected), "{said}");
    }
}

#[tokio::test]
async fn a_file_is_replaced_only_when_told_to() {
    let world = World::empty();
    world.write("pets.yaml", PETS);
    let import = [
        "import",
        "openapi",
        "pets.yaml",
        "--authorizer",
        LOGIN,
        "-o",
        "portcullis.toml",
    ];
    assert_eq!(world.run(&import).await.status, Some(0));
    let again = world.run(&import).await;
    let said = "error: portcullis.toml exists already\n\
                hint: name another file, or say `--force` to replace it";
    assert!(again.failure().ends_with(said), "{again:?}");
    let forced = world.run(&[&import[..], &["--force"]].concat()).await;
    assert_eq!(forced.status, Some(0), "{forced:?}");
    assert_eq!(world.run(&["check"]).await.status, Some(0));
}

fn tyk_api() -> Value {
    json!({
        "name": "HTTP Bin", "api_id": "api1", "active": true,
        "proxy": { "listen_path": "/httpbin/", "strip_listen_path": true, "target_url": "http://localhost:8000/" },
        "enable_jwt": true, "jwt_signing_method": "rsa",
        "jwt_source": "aHR0cHM6Ly9pZC5leGFtcGxlLy53ZWxsLWtub3duL2p3a3MuanNvbg==",
        "jwt_identity_base_field": "sub", "jwt_policy_field_name": "pol",
    })
}

#[tokio::test]
async fn a_tyk_definition_becomes_an_api_that_answers_like_tyk() {
    let world = World::empty();
    world.write("api.json", tyk_api().to_string());
    let output = world.run(&["import", "tyk", "api.json"]).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    insta::assert_snapshot!(output.stdout);
    insta::assert_snapshot!(output.stderr);
}

#[tokio::test]
async fn what_tyk_allows_pages_of_other_origins_is_allowed_here() {
    let world = World::empty();
    let mut api = tyk_api();
    api["CORS"] = json!({ "enable": true, "allowed_origins": ["https://app.example"], "allow_credentials": true });
    world.write("api.json", api.to_string());
    let import = ["import", "tyk", "api.json", "-o", "portcullis.toml"];
    let output = world.run(&import).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
    assert!(
        file.contains("cors = { origins = [\"https://app.example\"]"),
        "{file}"
    );
    assert_eq!(world.run(&["check"]).await.status, Some(0));
}

#[tokio::test]
async fn what_protects_in_tyk_is_not_lost_in_silence() {
    let world = World::empty();
    let hint = |field: &str| format!("hint: say `--without {field}` to do without it");
    for (pointer, value, expected) in [
        ("use_basic_auth", json!(true), "error: api.json#/use_basic_auth: this way to authenticate has no counterpart: only `enable_jwt` can be imported".to_owned()),
        ("use_keyless", json!(true), "error: api.json#/use_keyless: the API has a token check and none".to_owned()),
        ("enable_jwt", json!(false), "error: api.json#/enable_jwt: the API does not say who may call it".to_owned()),
        ("jwt_signing_method", json!("hmac"), "error: api.json#/jwt_signing_method: tokens signed with HMAC cannot be imported: whoever checks them could also sign".to_owned()),
        ("jwt_source", json!("c2VjcmV0"), "error: api.json#/jwt_source: the keys are not the address of a key set\nhint: publish the key as a JSON Web Key Set, and put its address here".to_owned()),
        ("enable_ip_whitelisting", json!(true), format!("error: api.json#/enable_ip_whitelisting: this protection has no counterpart\n{}", hint("enable_ip_whitelisting"))),
        ("active", json!(false), format!("error: api.json#/active: the API is not active\n{}", hint("active"))),
    ] {
        let mut api = tyk_api();
        api[pointer] = value;
        world.write("api.json", api.to_string());
        let output = world.run(&["import", "tyk", "api.json"]).await;
        assert_eq!(output.failure(), expected, "{pointer}");
    }
    let mut api = tyk_api();
    api["enable_ip_whitelisting"] = json!(true);
    world.write("api.json", api.to_string());
    let given_up = [
        "import",
        "tyk",
        "api.json",
        "--without",
        "enable_ip_whitelisting",
    ];
    assert_eq!(world.run(&given_up).await.status, Some(0));
}

#[tokio::test]
async fn the_policies_of_tyk_are_loaded() {
    let world = World::empty();
    let mut api = tyk_api();
    api["jwt_identity_base_field"] = json!("client_id");
    api["jwt_default_policies"] = json!(["standard"]);
    api["jwt_scope_to_policy_mapping"] = json!({ "read:reports": "reports" });
    world.write("api.json", api.to_string());
    let reports = json!([{ "url": "^/reports$", "methods": ["GET", "PUT"] }]);
    let policies = json!({
        "standard": {
            "id": "standard", "active": true, "key_expires_in": 2_592_000,
            "rate": 1000, "per": 60, "quota_max": 10000, "quota_renewal_rate": 86400,
            "access_rights": { "api1": { "api_id": "api1", "versions": ["Default"] } },
        },
        "reports": {
            "id": "reports", "rate": 5, "per": 0.5, "quota_max": -1,
            "access_rights": { "api1": { "api_id": "api1", "allowed_urls": reports } },
        },
    });
    world.write("policies.json", policies.to_string());
    let import = [
        "import",
        "tyk",
        "api.json",
        "policies.json",
        "-o",
        "portcullis.toml",
    ];
    let output = world.run(&import).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
    for line in [
        "identity = [\"client_id\"]",
        "policy = { claim = \"pol\", default = [\"standard\"], scopes = { \"read:reports\" = \
         \"reports\" } }",
        "apis = [\"http-bin\"]",
        "rate = \"1000/1m\"",
        "quota = \"10000/1d\"",
        "expires = \"30d\"",
        "apis = { http-bin = [\"GET /reports\", \"PUT /reports\"] }",
        "rate = \"5/500ms\"",
    ] {
        assert!(file.lines().any(|own| own == line), "{line} in\n{file}");
    }
    let checked = world.run(&["check"]).await;
    assert_eq!(checked.status, Some(0), "{checked:?}");
}
