//! Who may do what.

use portcullis_tenant::KeyRing;
use portcullis_tenant::access_token::Subject;
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{EVERYTHING, Managed, NOW, encoded, refusal};

/// Every operation, with what it says to a token that has none of its scopes.
const OPERATIONS: &[(Method, &str, &str)] = &[
    (Method::GET, "/clients", "read:clients,read:client_keys"),
    (Method::POST, "/clients", "create:clients"),
    (Method::GET, "/clients/x", "read:clients,read:client_keys"),
    (
        Method::PATCH,
        "/clients/x",
        "update:clients,update:client_keys",
    ),
    (Method::DELETE, "/clients/x", "delete:clients"),
    (
        Method::POST,
        "/clients/x/rotate-secret",
        "update:client_keys",
    ),
    (
        Method::GET,
        "/clients/x/credentials",
        "read:client_credentials",
    ),
    (
        Method::POST,
        "/clients/x/credentials",
        "create:client_credentials",
    ),
    (
        Method::GET,
        "/clients/x/credentials/y",
        "read:client_credentials",
    ),
    (
        Method::PATCH,
        "/clients/x/credentials/y",
        "update:client_credentials",
    ),
    (
        Method::DELETE,
        "/clients/x/credentials/y",
        "delete:client_credentials",
    ),
    (Method::GET, "/resource-servers", "read:resource_servers"),
    (Method::POST, "/resource-servers", "create:resource_servers"),
    (Method::GET, "/resource-servers/x", "read:resource_servers"),
    (
        Method::PATCH,
        "/resource-servers/x",
        "update:resource_servers",
    ),
    (
        Method::DELETE,
        "/resource-servers/x",
        "delete:resource_servers",
    ),
    (Method::GET, "/client-grants", "read:client_grants"),
    (Method::POST, "/client-grants", "create:client_grants"),
    (Method::GET, "/client-grants/x", "read:client_grants"),
    (Method::PATCH, "/client-grants/x", "update:client_grants"),
    (Method::DELETE, "/client-grants/x", "delete:client_grants"),
    (Method::GET, "/connections", "read:connections"),
    (Method::POST, "/connections", "create:connections"),
    (Method::GET, "/connections/x", "read:connections"),
    (Method::PATCH, "/connections/x", "update:connections"),
    (Method::DELETE, "/connections/x", "delete:connections"),
    (Method::GET, "/connections/x/clients", "read:connections"),
    (
        Method::PATCH,
        "/connections/x/clients",
        "update:connections",
    ),
    (Method::GET, "/users", "read:users"),
    (Method::POST, "/users", "create:users"),
    (Method::GET, "/users/x", "read:users,read:current_user"),
    (
        Method::PATCH,
        "/users/x",
        "update:users,update:users_app_metadata,create:current_user_metadata,\
         update:current_user_metadata,delete:current_user_metadata",
    ),
    (Method::DELETE, "/users/x", "delete:users"),
    (Method::GET, "/users-by-email", "read:users"),
    (Method::GET, "/users/x/roles", "read:users"),
    (Method::POST, "/users/x/roles", "update:users"),
    (Method::DELETE, "/users/x/roles", "update:users"),
    (Method::GET, "/users/x/permissions", "read:users"),
    (Method::POST, "/users/x/permissions", "update:users"),
    (Method::DELETE, "/users/x/permissions", "update:users"),
    (
        Method::GET,
        "/users/x/refresh-tokens",
        "read:refresh_tokens",
    ),
    (
        Method::DELETE,
        "/users/x/refresh-tokens",
        "delete:refresh_tokens",
    ),
    (Method::GET, "/users/x/sessions", "read:sessions"),
    (Method::DELETE, "/users/x/sessions", "delete:sessions"),
    (Method::GET, "/users/x/logs", "read:logs,read:logs_users"),
    (Method::GET, "/roles", "read:roles"),
    (Method::POST, "/roles", "create:roles"),
    (Method::GET, "/roles/x", "read:roles"),
    (Method::PATCH, "/roles/x", "update:roles"),
    (Method::DELETE, "/roles/x", "delete:roles"),
    (Method::GET, "/roles/x/users", "read:role_members"),
    (Method::POST, "/roles/x/users", "create:role_members"),
    (Method::GET, "/roles/x/permissions", "read:roles"),
    (Method::POST, "/roles/x/permissions", "update:roles"),
    (Method::DELETE, "/roles/x/permissions", "update:roles"),
    (Method::GET, "/grants", "read:grants"),
    (Method::DELETE, "/grants", "delete:grants"),
    (Method::DELETE, "/grants/x", "delete:grants"),
    (Method::GET, "/tenants/settings", "read:tenant_settings"),
    (Method::PATCH, "/tenants/settings", "update:tenant_settings"),
    (Method::GET, "/keys/signing", "read:signing_keys"),
    (Method::GET, "/keys/signing/x", "read:signing_keys"),
    (Method::POST, "/keys/signing/rotate", "create:signing_keys"),
    (Method::PUT, "/keys/signing/x/revoke", "update:signing_keys"),
    (Method::GET, "/user-blocks", "read:users"),
    (Method::DELETE, "/user-blocks", "update:users"),
    (Method::GET, "/user-blocks/x", "read:users"),
    (Method::DELETE, "/user-blocks/x", "update:users"),
    (
        Method::GET,
        "/attack-protection/brute-force-protection",
        "read:attack_protection",
    ),
    (
        Method::PATCH,
        "/attack-protection/brute-force-protection",
        "update:attack_protection",
    ),
    (Method::GET, "/refresh-tokens", "read:refresh_tokens"),
    (Method::GET, "/refresh-tokens/x", "read:refresh_tokens"),
    (Method::DELETE, "/refresh-tokens/x", "delete:refresh_tokens"),
    (Method::GET, "/sessions/x", "read:sessions"),
    (Method::DELETE, "/sessions/x", "delete:sessions"),
    (Method::POST, "/sessions/x/revoke", "delete:sessions"),
    (Method::GET, "/logs", "read:logs,read:logs_users"),
    (Method::GET, "/logs/x", "read:logs,read:logs_users"),
    (Method::GET, "/actions/actions", "read:actions"),
];

#[tokio::test]
async fn every_operation_wants_a_token_with_one_of_its_scopes() {
    let tenant = Managed::start().await;
    let token = tenant.token("read:nothing openid");
    for (method, path, scopes) in OPERATIONS {
        let name = format!("{method} {path}");
        let answer = tenant.call_with(None, method.clone(), path, None).await;
        let expected = refusal(401, "Unauthorized", "Missing authentication", None);
        assert_eq!((answer.status, &answer.body), (401, &expected), "{name}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");

        let answer = tenant
            .call_with(Some(&token), method.clone(), path, None)
            .await;
        let message = format!("Insufficient scope, expected any of: {scopes}");
        let expected = refusal(403, "Forbidden", &message, Some("insufficient_scope"));
        assert_eq!((answer.status, &answer.body), (403, &expected), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");

        // With any one of them it is the request that is judged.
        for scope in scopes
            .split(',')
            .filter(|scope| !scope.contains("current_user"))
        {
            let token = tenant.token(scope);
            let answer = tenant
                .call_with(Some(&token), method.clone(), path, None)
                .await;
            assert!(
                !matches!(answer.status, 401 | 403 | 405 | 500),
                "{name} {scope}: {answer:?}"
            );
        }
    }
}

fn invalid(message: &str) -> Value {
    let mut body = refusal(401, "Unauthorized", message, None);
    body["attributes"] = json!({ "error": message });
    body
}

#[tokio::test]
async fn only_a_good_token_for_this_api_opens_it() {
    let tenant = Managed::start().await;
    let audience = tenant.audience();
    let stranger = KeyRing::generate().unwrap();
    let (client, scope) = (Subject::Client, "read:clients");
    let user_info = format!("{}userinfo", tenant.issuer);
    for (name, token, message) in [
        (
            "another's key",
            tenant.sign_with(&stranger, client, "manager", &audience, scope),
            "Invalid token",
        ),
        (
            "another API",
            tenant.sign(client, "manager", "https://expenses-api", scope),
            "Bad audience",
        ),
        (
            "without the slash",
            tenant.sign(client, "manager", audience.trim_end_matches('/'), scope),
            "Bad audience",
        ),
        (
            "user info",
            tenant.sign(client, "manager", &user_info, scope),
            "Bad audience",
        ),
        (
            "no such application",
            tenant.sign(client, "gone", &audience, scope),
            "Invalid token",
        ),
        (
            "no such user",
            tenant.sign(Subject::User("auth0|gone"), "manager", &audience, scope),
            "Invalid token",
        ),
        ("no token", "undefined".to_owned(), "Invalid token"),
    ] {
        let answer = tenant
            .call_with(Some(&token), Method::GET, "/clients", None)
            .await;
        assert_eq!(
            (answer.status, answer.body),
            (401, invalid(message)),
            "{name}"
        );
    }
    let token = tenant.token(scope);
    tenant.set_time(NOW + 24 * 3600 + 4);
    let answer = tenant
        .call_with(Some(&token), Method::GET, "/clients", None)
        .await;
    assert_eq!(answer.status, 200);
    tenant.set_time(NOW + 24 * 3600 + 5);
    let answer = tenant
        .call_with(Some(&token), Method::GET, "/clients", None)
        .await;
    let message = "Expired token received for JSON Web Token validation";
    assert_eq!((answer.status, answer.body), (401, invalid(message)));
}

#[tokio::test]
async fn a_user_opens_only_what_is_theirs_whatever_the_token_says() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let eve = tenant.add_user("eve@example.com").await;
    let notes = json!({ "app_metadata": { "plan": "gold" }, "user_metadata": { "theme": "dark" } });
    tenant
        .patch(&format!("/users/{}", encoded(&ada)), notes)
        .await;

    let own = "read:current_user update:current_user_metadata";
    let token = tenant.user_token(&ada, &format!("{EVERYTHING} {own}"));
    for (method, path, _) in OPERATIONS {
        let path = path.replace("/x", &format!("/{}", encoded(&eve)));
        let answer = tenant
            .call_with(Some(&token), method.clone(), &path, Some(json!({})))
            .await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }

    let path = format!("/users/{}", encoded(&ada));
    let answer = tenant
        .call_with(Some(&token), Method::GET, &path, None)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["user_metadata"], json!({ "theme": "dark" }));
    assert_eq!(answer.body.get("app_metadata"), None);
    for (body, status) in [
        (json!({ "user_metadata": { "theme": "light" } }), 200),
        (json!({ "user_metadata": { "theme": null } }), 200),
        (json!({ "app_metadata": { "plan": "platinum" } }), 403),
        (json!({ "user_metadata": {}, "blocked": false }), 403),
        (json!({ "email_verified": true }), 403),
        (json!({ "password": "another password" }), 403),
    ] {
        let answer = tenant
            .call_with(Some(&token), Method::PATCH, &path, Some(body.clone()))
            .await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(answer.body.get("app_metadata"), None);
    }
    let stored = tenant.get(&path).await.body;
    assert_eq!(stored["app_metadata"], json!({ "plan": "gold" }));
    assert_eq!(
        (&stored["email_verified"], &stored["blocked"]),
        (&json!(false), &json!(false))
    );

    // Each scope is for what it says.
    for (scope, body, status) in [
        (
            "create:current_user_metadata",
            json!({ "user_metadata": { "a": 1 } }),
            200,
        ),
        (
            "create:current_user_metadata",
            json!({ "user_metadata": { "a": null } }),
            403,
        ),
        (
            "delete:current_user_metadata",
            json!({ "user_metadata": { "a": 2 } }),
            403,
        ),
        (
            "delete:current_user_metadata",
            json!({ "user_metadata": { "a": null } }),
            200,
        ),
        ("read:current_user", json!({ "user_metadata": {} }), 403),
    ] {
        let token = tenant.user_token(&ada, scope);
        let answer = tenant
            .call_with(Some(&token), Method::PATCH, &path, Some(body.clone()))
            .await;
        assert_eq!(answer.status, status, "{scope} {body}: {answer:?}");
    }

    tenant.patch(&path, json!({ "blocked": true })).await;
    let answer = tenant
        .call_with(Some(&token), Method::GET, &path, None)
        .await;
    assert_eq!(
        (answer.status, answer.body),
        (401, invalid("Invalid token"))
    );
}

#[tokio::test]
async fn an_application_with_less_than_users_changes_less() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let path = format!("/users/{}", encoded(&ada));
    let token = tenant.token("update:users_app_metadata");
    for (body, status) in [
        (json!({ "app_metadata": { "plan": "gold" } }), 200),
        (json!({ "blocked": true }), 403),
        (
            json!({ "app_metadata": {}, "email": "eve@example.com" }),
            403,
        ),
    ] {
        let answer = tenant
            .call_with(Some(&token), Method::PATCH, &path, Some(body.clone()))
            .await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_it_with_a_token() {
    let tenant = Managed::start().await;
    let request = reqwest::Client::new()
        .request(Method::OPTIONS, tenant.at("/users/auth0%7Cx"))
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "PATCH");
    let answer = request.send().await.unwrap();
    let header = |name| answer.headers()[name].to_str().unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(header("access-control-allow-origin"), "*");
    assert_eq!(
        header("access-control-allow-methods"),
        "GET, POST, PUT, PATCH, DELETE"
    );
    assert!(header("access-control-allow-headers").contains("Authorization"));
    assert_eq!(
        answer.headers().get("access-control-allow-credentials"),
        None
    );
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_any_more() {
    let tenant = Managed::start().await;
    let token = tenant.token("read:clients");
    let listing = || tenant.call_with(Some(&token), Method::GET, "/clients", None);
    assert_eq!(listing().await.status, 200);

    let endpoint = tenant.audience().replace("api/v2/", "oauth/revoke");
    let request = json!({ "client_id": "manager", "client_secret": "secret", "token": token });
    let revoking = reqwest::Client::new().post(endpoint);
    let revoking = revoking.header("content-type", "application/json");
    let answer = revoking.body(request.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = listing().await;
    assert_eq!(
        (answer.status, answer.body),
        (401, invalid("Invalid token"))
    );
}

#[tokio::test]
async fn a_token_opens_no_more_than_its_application_is_granted_by_now() {
    let tenant = Managed::start().await;
    let grants = tenant.database.client_grants();
    let audience = tenant.audience();
    let grant = grants.find_for("manager", &audience, "client").await;
    let grant = grant.unwrap().unwrap();
    let token = tenant.token("read:clients read:users");
    let ask = |path: &'static str| tenant.call_with(Some(&token), Method::GET, path, None);
    assert_eq!(ask("/clients").await.status, 200);
    let scopes = ["read:users".to_owned()];
    grants.replace_scopes(&grant.id, &scopes).await.unwrap();
    assert_eq!(ask("/users").await.status, 200);
    let less = ask("/clients").await;
    assert_eq!(
        (less.status, &less.body["errorCode"]),
        (403, &"insufficient_scope".into())
    );
    assert!(grants.delete(&grant.id).await.unwrap());
    let none = ask("/users").await;
    let revoked = invalid("Invalid token");
    assert_eq!((none.status, none.body), (401, revoked));
}
