//! Applications, APIs, and which application may call which API.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{DATE, Managed, encoded, refusal};

const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n\
    4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0/IzW7yWR7QkrmBL7jTKEn5u\n\
    +qKhbwKfBstIs+bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyeh\n\
    kd3qqGElvW/VDL5AaWTg0nLVkjRo9z+40RQzuVaE8AkAFmxZzow3x+VJYKdjykkJ\n\
    0iT9wCS0DRTXu269V264Vf/3jvredZiKRkgwlL9xNAwxXFg0x/XFw005UWVRIkdg\n\
    cKWTjpBP2dPwVZ4WWC+9aGVd+Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbc\n\
    mwIDAQAB\n-----END PUBLIC KEY-----\n";

#[tokio::test]
async fn an_application_is_made_with_auth0_s_defaults() {
    let tenant = Managed::start().await;
    let answer = tenant
        .post(
            "/clients",
            json!({ "name": "Web", "description": "A test" }),
        )
        .await;
    let (id, secret) = (&answer.body["client_id"], &answer.body["client_secret"]);
    let expected = json!({
        "client_id": id,
        "client_secret": secret,
        "name": "Web",
        "description": "A test",
        "global": false,
        "is_first_party": true,
        "is_token_endpoint_ip_header_trusted": false,
        "oidc_conformant": false,
        "sso_disabled": false,
        "cross_origin_auth": false,
        "cross_origin_authentication": false,
        "custom_login_page_on": true,
        "callbacks": [],
        "allowed_logout_urls": [],
        "web_origins": [],
        "allowed_origins": [],
        "client_metadata": {},
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "jwt_configuration": { "lifetime_in_seconds": 36000, "secret_encoded": false },
        "refresh_token": {
            "rotation_type": "non-rotating",
            "expiration_type": "non-expiring",
            "leeway": 0,
            "token_lifetime": 31_557_600,
            "infinite_token_lifetime": true,
            "infinite_idle_token_lifetime": true,
            "idle_token_lifetime": 2_592_000,
        },
    });
    assert_eq!((answer.status, &answer.body), (201, &expected));
    assert_eq!(id.as_str().unwrap().len(), 32);
    assert_eq!(secret.as_str().unwrap().len(), 64);

    // The secret is told once.
    let mut kept = expected.clone();
    kept.as_object_mut().unwrap().remove("client_secret");
    let path = format!("/clients/{}", id.as_str().unwrap());
    assert_eq!(tenant.get(&path).await.body, kept);
    let listed = tenant.get("/clients?include_totals=true").await.body;
    assert_eq!(listed["total"], 2);
    assert!(listed["clients"].as_array().unwrap().contains(&kept));
    assert!(!listed.to_string().contains(secret.as_str().unwrap()));

    let rotated = tenant
        .call(Method::POST, &format!("{path}/rotate-secret"), None)
        .await;
    assert_eq!(rotated.status, 200);
    assert_ne!(&rotated.body["client_secret"], secret);
    assert_eq!(tenant.delete(&path).await.status, 204);
    assert_eq!(tenant.get(&path).await.status, 404);
}

#[tokio::test]
async fn an_application_is_changed_by_the_members_that_are_sent() {
    let tenant = Managed::start().await;
    let made = tenant
        .post(
            "/clients",
            json!({
                "name": "Page",
                "app_type": "spa",
                "callbacks": ["http://localhost:3000"],
                "web_origins": ["http://localhost:3000"],
                "client_metadata": { "a": "1", "b": "2" },
                "refresh_token": { "rotation_type": "rotating", "expiration_type": "expiring" },
            }),
        )
        .await
        .body;
    assert_eq!(made.get("client_secret"), None);
    assert_eq!(made["token_endpoint_auth_method"], "none");
    assert_eq!(
        made["grant_types"],
        json!(["authorization_code", "implicit", "refresh_token"])
    );
    assert_eq!(
        made["refresh_token"],
        json!({
            "rotation_type": "rotating",
            "expiration_type": "expiring",
            "leeway": 0,
            "token_lifetime": 2_592_000,
            "infinite_token_lifetime": false,
            "infinite_idle_token_lifetime": false,
            "idle_token_lifetime": 1_296_000,
        })
    );

    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    let change = json!({
        "callbacks": ["http://localhost:4000/callback"],
        "client_metadata": { "a": null, "c": "3" },
        "jwt_configuration": { "lifetime_in_seconds": 600 },
        "logo_uri": "https://example.com/logo.png",
    });
    let changed = tenant.patch(&path, change).await;
    let mut expected = made.clone();
    expected["callbacks"] = json!(["http://localhost:4000/callback"]);
    expected["client_metadata"] = json!({ "b": "2", "c": "3" });
    expected["jwt_configuration"] = json!({ "lifetime_in_seconds": 600, "secret_encoded": false });
    expected["logo_uri"] = json!("https://example.com/logo.png");
    assert_eq!((changed.status, &changed.body), (200, &expected));
    assert_eq!(tenant.get(&path).await.body, expected);

    // One that gets a secret is told it; one that is public has none.
    let method = json!({ "token_endpoint_auth_method": "client_secret_basic" });
    let secret = tenant.patch(&path, method).await.body;
    assert_eq!(secret["client_secret"].as_str().unwrap().len(), 64);
    let method = json!({ "token_endpoint_auth_method": "none" });
    assert_eq!(tenant.patch(&path, method).await.body, expected);
    let id = made["client_id"].as_str().unwrap();
    let stored = tenant.database.clients().find(id).await.unwrap().unwrap();
    assert_eq!(stored.secret, None);
}

#[tokio::test]
async fn what_an_application_cannot_be_is_refused() {
    let tenant = Managed::start().await;
    for (body, text) in [
        (json!({}), "'Missing required property: name'"),
        (
            json!({ "name": "a", "colour": 1 }),
            "'Additional properties not allowed: colour'",
        ),
        (
            json!({ "name": "a", "client_id": "mine" }),
            "'Additional properties not allowed: client_id'",
        ),
        (
            json!({ "name": "a", "callbacks": ["javascript:alert(1)"] }),
            "'Object didn't pass validation for format callback-url: javascript:alert(1)' on property callbacks[0]",
        ),
        (
            json!({ "name": "a", "jwt_configuration": { "alg": "HS256" } }),
            "'No enum match for: HS256' on property jwt_configuration.alg",
        ),
        (
            json!({ "name": "a", "refresh_token": { "rotation_type": "rotating" } }),
            "'Missing required property: expiration_type' on property refresh_token",
        ),
    ] {
        let answer = tenant.post("/clients", body.clone()).await;
        let message = format!("Payload validation error: {text}.");
        let expected = refusal(400, "Bad Request", &message, Some("invalid_body"));
        assert_eq!((answer.status, answer.body), (400, expected), "{body}");
    }
}

#[tokio::test]
async fn an_application_may_sign_with_keys_of_its_own() {
    let tenant = Managed::start().await;
    let credential = json!({ "credential_type": "public_key", "name": "one", "pem": PEM });
    let methods = json!({ "private_key_jwt": { "credentials": [credential] } });
    let made = tenant
        .post(
            "/clients",
            json!({ "name": "Signer", "client_authentication_methods": methods }),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body.get("client_secret"), None);
    assert_eq!(made.body.get("token_endpoint_auth_method"), None);
    let methods = &made.body["client_authentication_methods"];
    let id = methods["private_key_jwt"]["credentials"][0]["id"]
        .as_str()
        .unwrap();
    assert!(id.starts_with("cred_") && id.len() == 27, "{id}");

    let path = format!(
        "/clients/{}/credentials",
        made.body["client_id"].as_str().unwrap()
    );
    let listed = tenant.get(&path).await.body;
    let kid = &listed[0]["kid"];
    let expected = json!({
        "id": id,
        "credential_type": "public_key",
        "name": "one",
        "kid": kid,
        "alg": "RS256",
        "created_at": DATE,
        "updated_at": DATE,
    });
    assert_eq!(listed, json!([expected]));
    assert_eq!(kid.as_str().unwrap().len(), 43);
    assert_eq!(tenant.get(&format!("{path}/{id}")).await.body, expected);

    let again = tenant.post(&path, credential_body(PEM)).await;
    let message = "The client has a credential with this key already.";
    let conflict = refusal(409, "Conflict", message, Some("credential_conflict"));
    assert_eq!((again.status, again.body), (409, conflict));
    let damaged = tenant.post(&path, credential_body("no key")).await;
    let message = "Payload validation error: 'Object didn't pass validation for format \
                   public-key' on property pem.";
    let invalid = refusal(400, "Bad Request", message, Some("invalid_body"));
    assert_eq!((damaged.status, damaged.body), (400, invalid));

    let expiry = json!({ "expires_at": "2030-01-01T00:00:00.000Z" });
    let changed = tenant.patch(&format!("{path}/{id}"), expiry).await;
    assert_eq!(changed.body["expires_at"], "2030-01-01T00:00:00.000Z");
    let soon = json!({ "expires_at": "soon" });
    assert_eq!(
        tenant.patch(&format!("{path}/{id}"), soon).await.status,
        400
    );
    assert_eq!(tenant.delete(&format!("{path}/{id}")).await.status, 204);
    assert_eq!(tenant.delete(&format!("{path}/{id}")).await.status, 404);
}

fn credential_body(pem: &str) -> Value {
    json!({ "credential_type": "public_key", "pem": pem })
}

#[tokio::test]
async fn an_api_is_found_by_id_and_by_identifier() {
    let tenant = Managed::start().await;
    let identifier = "https://api.example.com/";
    let body = json!({ "name": "Test", "identifier": identifier,
        "scopes": [{ "value": "create:resource", "description": "Create" }] });
    let made = tenant.post("/resource-servers", body.clone()).await;
    let id = made.body["id"].as_str().unwrap();
    let expected = json!({
        "id": id,
        "name": "Test",
        "identifier": identifier,
        "scopes": [{ "value": "create:resource", "description": "Create" }],
        "signing_alg": "RS256",
        "allow_offline_access": false,
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "skip_consent_for_verifiable_first_party_clients": false,
        "enforce_policies": false,
        "token_dialect": "access_token",
        "subject_type_authorization": {
            "user": { "policy": "allow_all" },
            "client": { "policy": "require_client_grant" },
        },
        "is_system": false,
    });
    assert_eq!((made.status, &made.body), (201, &expected));
    assert_eq!(id.len(), 24);
    for name in [id.to_owned(), encoded(identifier)] {
        let found = tenant.get(&format!("/resource-servers/{name}")).await;
        assert_eq!(found.body, expected, "{name}");
    }
    let again = tenant.post("/resource-servers", body).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.body["errorCode"], "resource_server_conflict");

    let change = json!({ "enforce_policies": true, "token_dialect": "access_token_authz",
        "subject_type_authorization": { "user": { "policy": "deny_all" } } });
    let changed = tenant
        .patch(&format!("/resource-servers/{id}"), change)
        .await
        .body;
    let types = json!({ "user": { "policy": "deny_all" },
        "client": { "policy": "require_client_grant" } });
    assert_eq!(changed["subject_type_authorization"], types);
    assert_eq!(changed["token_dialect"], "access_token_authz");
    for (change, text) in [
        (
            json!({ "identifier": "x" }),
            "'Additional properties not allowed: identifier'",
        ),
        (
            json!({ "token_lifetime": 2_592_001 }),
            "'Value 2592001 is greater than maximum 2592000' on property token_lifetime",
        ),
        (
            json!({ "scopes": [{ "value": "a b" }] }),
            "'Object didn't pass validation for format scope: a b' on property scopes[0].value",
        ),
    ] {
        let answer = tenant
            .patch(&format!("/resource-servers/{id}"), change.clone())
            .await;
        let message = format!("Payload validation error: {text}.");
        let expected = refusal(400, "Bad Request", &message, Some("invalid_body"));
        assert_eq!((answer.status, answer.body), (400, expected), "{change}");
    }
    assert_eq!(
        tenant
            .delete(&format!("/resource-servers/{id}"))
            .await
            .status,
        204
    );
    assert_eq!(
        tenant.get(&format!("/resource-servers/{id}")).await.status,
        404
    );
}

#[tokio::test]
async fn the_api_itself_is_one_that_stays() {
    let tenant = Managed::start().await;
    let path = format!("/resource-servers/{}", encoded(&tenant.audience()));
    let api = tenant.get(&path).await.body;
    assert_eq!(
        (&api["name"], &api["is_system"]),
        (&json!("Auth0 Management API"), &json!(true))
    );
    let scopes = api["scopes"].as_array().unwrap();
    for scope in [
        "read:clients",
        "update:current_user_metadata",
        "create:signing_keys",
    ] {
        assert!(scopes.contains(&json!({ "value": scope })), "{scope}");
    }
    let refused = tenant.delete(&path).await;
    let message = "System APIs cannot be deleted.";
    let expected = refusal(403, "Forbidden", message, Some("operation_not_supported"));
    assert_eq!((refused.status, refused.body), (403, expected));
    assert_eq!(
        tenant.patch(&path, json!({ "scopes": [] })).await.status,
        403
    );
    assert_eq!(
        tenant
            .patch(&path, json!({ "token_lifetime": 600 }))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_application_is_let_into_an_api() {
    let tenant = Managed::start().await;
    tenant.add_api("https://expenses-api").await;
    let body = json!({ "client_id": "manager", "audience": "https://expenses-api",
        "scope": ["read:reports"] });
    let made = tenant.post("/client-grants", body.clone()).await;
    let id = made.body["id"].as_str().unwrap();
    let expected = json!({ "id": id, "client_id": "manager", "audience": "https://expenses-api",
        "scope": ["read:reports"], "subject_type": "client" });
    assert_eq!((made.status, &made.body), (201, &expected));
    assert!(id.starts_with("cgr_") && id.len() == 20, "{id}");
    assert_eq!(
        tenant.get(&format!("/client-grants/{id}")).await.body,
        expected
    );
    assert_eq!(
        tenant
            .get("/client-grants?client_id=manager&audience=https://expenses-api")
            .await
            .body,
        json!([expected])
    );
    assert_eq!(
        tenant.get("/client-grants?client_id=other").await.body,
        json!([])
    );

    let again = tenant.post("/client-grants", body).await;
    let message = "A resource with the same identifier already exists: client_grant";
    let conflict = refusal(409, "Conflict", message, Some("resource_conflict"));
    assert_eq!((again.status, again.body), (409, conflict));
    let change = json!({ "scope": ["read:reports", "write:reports"] });
    let changed = tenant
        .patch(&format!("/client-grants/{id}"), change.clone())
        .await
        .body;
    assert_eq!(changed["scope"], change["scope"]);
    for (body, status) in [
        (json!({ "scope": ["admin"] }), 400),
        (json!({ "client_id": "other" }), 400),
    ] {
        let answer = tenant
            .patch(&format!("/client-grants/{id}"), body.clone())
            .await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    for (client_id, audience, code) in [
        ("other", "https://expenses-api", "inexistent_client"),
        ("manager", "https://other", "inexistent_resource_server"),
    ] {
        let body = json!({ "client_id": client_id, "audience": audience, "scope": [] });
        let answer = tenant.post("/client-grants", body).await;
        assert_eq!(
            (answer.status, &answer.body["errorCode"]),
            (404, &json!(code))
        );
    }
    assert_eq!(
        tenant.delete(&format!("/client-grants/{id}")).await.status,
        204
    );
    assert_eq!(
        tenant.delete(&format!("/client-grants/{id}")).await.status,
        404
    );
}
