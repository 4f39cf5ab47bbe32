//! `portcullis import tyk` of a definition in the form of `OpenAPI`.

use serde_json::{Value, json};

use crate::program::World;

const IMPORT: [&str; 6] = [
    "import",
    "tyk",
    "api.json",
    "policies.json",
    "-o",
    "portcullis.toml",
];

fn document() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "HTTP Bin", "version": "1" },
        "paths": { "/get": { "get": {} }, "/status": { "get": { "security": [] } } },
        "security": [{ "jwt": [] }],
        "components": { "securitySchemes": { "jwt": { "type": "http", "scheme": "bearer" } } },
        "x-tyk-api-gateway": {
            "info": { "id": "api1", "state": { "active": true } },
            "upstream": {
                "url": "http://localhost:8000/",
                "rateLimit": { "enabled": true, "rate": 500, "per": "1m0s" },
            },
            "server": {
                "listenPath": { "value": "/httpbin/", "strip": true },
                "authentication": { "enabled": true, "securitySchemes": { "jwt": {
                    "enabled": true,
                    "jwksURIs": [{ "url": "https://id.example/well-known/jwks.json" }],
                    "signingMethod": "rsa",
                    "allowedIssuers": ["https://id.example/"],
                    "allowedAudiences": ["httpbin"],
                    "subjectClaims": ["client_id", "sub"],
                    "basePolicyClaims": ["pol"],
                    "defaultPolicies": ["standard", "gone"],
                    "scopes": {
                        "claims": ["permissions"],
                        "scopeToPolicyMapping": [{ "scope": "read:reports", "policyId": "reports" }],
                    },
                } } },
            },
        },
    })
}

fn policies() -> Value {
    let rights = json!({ "api1": { "api_id": "api1", "versions": ["Default"] } });
    json!([
        { "id": "standard", "rate": 1000, "per": 60, "access_rights": rights },
        { "id": "reports", "rate": 5, "per": 1, "access_rights": rights },
    ])
}

fn world(document: &Value, policies: &Value) -> World {
    let world = World::empty();
    world.write("api.json", document.to_string());
    world.write("policies.json", policies.to_string());
    world
}

#[tokio::test]
async fn a_document_becomes_an_api_with_its_policies() {
    let world = world(&document(), &policies());
    let output = world.run(&IMPORT).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let note = "warning: the policy `gone` is not among the policies and is left out";
    assert!(output.stderr.lines().any(|line| line == note), "{output:?}");
    let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
    for line in [
        "jwks = \"https://id.example/well-known/jwks.json\"",
        "issuer = \"https://id.example/\"",
        "audience = [\"httpbin\"]",
        "identity = [\"client_id\", \"sub\"]",
        "scope_claims = [\"permissions\"]",
        "policy = { claim = \"pol\", default = [\"standard\"], scopes = { \"read:reports\" = \
         \"reports\" } }",
        "apis = [\"http-bin\"]",
        "rate = \"1000/1m\"",
        "rate = \"5/1s\"",
        "base = \"/httpbin\"",
        "strip_base = true",
        "token = \"keep\"",
        "rate = \"500/1m\"",
        "errors = \"tyk\"",
        "auth = \"jwt\"",
    ] {
        assert!(file.lines().any(|own| own == line), "{line} in\n{file}");
    }
    let checked = world.run(&["check", "--format", "json"]).await;
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(checked["valid"], true, "{checked}");
    let routes = checked["routes"].as_array().unwrap().iter();
    let routes: Vec<_> = routes
        .map(|route| (route["path"].as_str().unwrap(), route["public"] == true))
        .collect();
    assert_eq!(routes, [("/httpbin/get", false), ("/httpbin/status", true)]);
}

#[tokio::test]
async fn what_protects_there_is_not_lost_in_silence() {
    let no_counterpart = "this protection has no counterpart";
    let extension = "x-tyk-api-gateway";
    for (field, pointer, value, message) in [
        (
            "active",
            "/info/state/active",
            json!(false),
            "the API is not active",
        ),
        (
            "ipAccessControl",
            "/server/ipAccessControl/enabled",
            json!(true),
            no_counterpart,
        ),
        (
            "block",
            "/middleware/operations/getget/block",
            json!({ "enabled": true }),
            no_counterpart,
        ),
        (
            "rateLimit",
            "/middleware/operations/getget/rateLimit",
            json!({ "enabled": true, "rate": 1, "per": "1s" }),
            no_counterpart,
        ),
    ] {
        let mut document = document();
        let mut place = &mut document[extension];
        for step in pointer.split('/').skip(1) {
            place = &mut place[step];
        }
        *place = value;
        let world = world(&document, &policies());
        let output = world.run(&IMPORT).await;
        assert_eq!(
            output.failure(),
            format!(
                "error: api.json#/{extension}{pointer}: {message}\n\
                 hint: say `--without {field}` to do without it"
            ),
        );
        let without = [&IMPORT[..], &["--without", field]].concat();
        assert_eq!(world.run(&without).await.status, Some(0), "{field}");
    }
}

#[tokio::test]
async fn what_policies_cannot_say_here_is_refused() {
    let at = "#/x-tyk-api-gateway/server/authentication/securitySchemes/jwt";
    let mut two_claims = document();
    two_claims["x-tyk-api-gateway"]["server"]["authentication"]["securitySchemes"]["jwt"]["basePolicyClaims"] =
        json!(["pol", "plan"]);
    let output = world(&two_claims, &policies()).run(&IMPORT).await;
    assert_eq!(
        output.failure(),
        format!(
            "error: api.json{at}/basePolicyClaims: policies are chosen by one claim here\n\
             hint: leave one of them in the document"
        )
    );

    let mut limited = policies();
    limited[0]["access_rights"]["api1"]["endpoints"] = json!([{ "path": "/get", "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 1 } }] }]);
    let output = world(&document(), &limited).run(&IMPORT).await;
    assert_eq!(
        output.failure(),
        "error: api.json#/0/access_rights/api1/endpoints: a limit for one API of a policy has no \
         counterpart\nhint: say `--without limit` to do without it"
    );

    let output = world(&document(), &policies())
        .run(&["import", "openapi", "api.json"])
        .await;
    assert_eq!(
        output.failure(),
        format!(
            "error: api.json{at}/subjectClaims: policies of Tyk are no part of an OpenAPI \
             document\nhint: say `import tyk` with the document and the file of policies"
        )
    );
}
