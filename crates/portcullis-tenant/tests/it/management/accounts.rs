//! Users, roles, permissions, consents and sessions.

use portcullis_store::tenant::{
    Hash, LoginAttempt, LoginLimit, RefreshFamily, RefreshToken, Session, UserGrant,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{CONNECTION, DATE, Managed, NOW, encoded, refusal};

const TIME: i64 = 1_700_000_000;
const AUDIENCE: &str = "https://expenses-api";

#[tokio::test]
async fn a_user_is_shown_as_auth0_shows_one() {
    let tenant = Managed::start().await;
    let body = json!({
        "connection": CONNECTION,
        "email": "Ada@Example.com",
        "password": "correct horse",
        "given_name": "Ada",
        "picture": "https://example.com/ada.png",
        "user_metadata": { "theme": "dark" },
        "app_metadata": { "plan": "gold" },
    });
    let made = tenant.post("/users", body.clone()).await;
    let id = made.body["user_id"].as_str().unwrap();
    let (_, provider_id) = id.split_once('|').unwrap();
    let expected = json!({
        "user_id": id,
        "email": "ada@example.com",
        "email_verified": false,
        "name": "ada@example.com",
        "nickname": "ada",
        "given_name": "Ada",
        "picture": "https://example.com/ada.png",
        "blocked": false,
        "logins_count": 0,
        "user_metadata": { "theme": "dark" },
        "app_metadata": { "plan": "gold" },
        "identities": [{
            "connection": CONNECTION,
            "user_id": provider_id,
            "provider": "auth0",
            "isSocial": false,
        }],
        "created_at": DATE,
        "updated_at": DATE,
    });
    assert_eq!((made.status, &made.body), (201, &expected));
    assert_eq!(provider_id.len(), 24);
    assert!(!made.body.to_string().contains("argon2"));

    let again = tenant.post("/users", body).await;
    let conflict = refusal(
        409,
        "Conflict",
        "The user already exists.",
        Some("auth0_idp_error"),
    );
    assert_eq!((again.status, again.body), (409, conflict));

    let listed = tenant.get("/users?include_totals=true").await.body;
    let totals = json!({ "start": 0, "limit": 50, "length": 1, "total": 1, "users": [expected] });
    assert_eq!(listed, totals);
    let alone = json!([expected]);
    for query in [
        "/users-by-email?email=ADA%40example.com",
        "/users?search_engine=v3&q=email%3A%22ada%40example.com%22",
        "/users?q=blocked%3Afalse+AND+email%3Aada%40example.com",
        &format!("/users?q=user_id%3A%22{}%22", encoded(id)),
        "/users?connection=Username-Password-Authentication",
    ] {
        assert_eq!(tenant.get(query).await.body, alone, "{query}");
    }
    for query in [
        "/users-by-email?email=eve%40example.com",
        "/users?q=blocked%3Atrue",
        &format!(
            "/users?q=user_id%3A%22{}%22+AND+blocked%3Atrue",
            encoded(id)
        ),
        "/users?connection=other",
    ] {
        assert_eq!(tenant.get(query).await.body, json!([]), "{query}");
    }
    assert_eq!(tenant.get("/users?q=name%3A*").await.status, 400);
    assert_eq!(tenant.get("/users-by-email").await.status, 400);

    let path = format!("/users/{}", encoded(id));
    assert_eq!(tenant.get(&path).await.body, expected);
    let brief = tenant.get(&format!("{path}?fields=email,name")).await.body;
    assert_eq!(
        brief,
        json!({ "email": "ada@example.com", "name": "ada@example.com" })
    );
    assert_eq!(tenant.delete(&path).await.status, 204);
    assert_eq!(tenant.get(&path).await.status, 404);
    assert_eq!(tenant.delete(&path).await.status, 204);
}

#[tokio::test]
async fn what_a_user_cannot_be_is_refused() {
    let tenant = Managed::start().await;
    tenant.add_user("ada@example.com").await;
    let whole =
        json!({ "connection": CONNECTION, "email": "a@example.com", "password": "12345678" });
    let invalid = |text: &str| {
        let message = format!("Payload validation error: {text}.");
        refusal(400, "Bad Request", &message, Some("invalid_body"))
    };
    for (change, expected) in [
        (
            json!({ "connection": null }),
            invalid("'Expected type string but found type null' on property connection"),
        ),
        (
            json!({ "connection": "other" }),
            refusal(
                400,
                "Bad Request",
                "The connection does not exist.",
                Some("inexistent_connection"),
            ),
        ),
        (
            json!({ "email": "a" }),
            invalid("'Object didn't pass validation for format email: a' on property email"),
        ),
        (
            json!({ "password": "1234567" }),
            refusal(
                400,
                "Bad Request",
                "PasswordStrengthError: Password is too weak",
                None,
            ),
        ),
        (
            json!({ "password": "x".repeat(1025) }),
            invalid("'String is too long (1025 chars), maximum 1024' on property password"),
        ),
        (
            json!({ "password": "ä".repeat(1024) }),
            invalid("'String is too long, maximum 1024 bytes' on property password"),
        ),
        (
            json!({ "user_id": "x@clients" }),
            invalid(
                "'String does not match pattern ^[A-Za-z0-9._-]+$: x@clients' on property user_id",
            ),
        ),
        (
            json!({ "user_id": "a|b" }),
            invalid("'String does not match pattern ^[A-Za-z0-9._-]+$: a|b' on property user_id"),
        ),
        (
            json!({ "roles": [] }),
            invalid("'Additional properties not allowed: roles'"),
        ),
    ] {
        let mut body = whole.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = tenant.post("/users", body).await;
        assert_eq!((answer.status, answer.body), (400, expected), "{change}");
    }
    for missing in ["connection", "email", "password"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(missing);
        let answer = tenant.post("/users", body).await;
        let expected = invalid(&format!("'Missing required property: {missing}'"));
        assert_eq!((answer.status, answer.body), (400, expected));
    }
    let made = tenant.post("/users", whole).await.body;
    let path = format!("/users/{}", encoded(made["user_id"].as_str().unwrap()));
    let answer = tenant
        .patch(&path, json!({ "email": "ADA@example.com" }))
        .await;
    let message = "The specified new email already exists";
    let expected = refusal(400, "Bad Request", message, Some("auth0_idp_error"));
    assert_eq!((answer.status, answer.body), (400, expected));
}

#[tokio::test]
async fn a_user_is_changed_member_by_member() {
    let tenant = Managed::start().await;
    let id = tenant.add_user("ada@example.com").await;
    let path = format!("/users/{}", encoded(&id));
    let change = json!({ "email_verified": true, "name": "Ada", "nickname": "countess",
        "user_metadata": { "a": 1, "b": { "c": 2 } } });
    let changed = tenant.patch(&path, change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["email_verified"], true);
    let change = json!({ "name": null, "user_metadata": { "a": null, "b": { "d": 3 } } });
    let changed = tenant.patch(&path, change).await.body;
    assert_eq!(changed["user_metadata"], json!({ "b": { "d": 3 } }));
    assert_eq!(
        (&changed["name"], &changed["nickname"]),
        (&json!("ada@example.com"), &json!("countess"))
    );
    // Another address is nobody's until somebody has shown that it is theirs.
    let changed = tenant
        .patch(&path, json!({ "email": "ada@example.org" }))
        .await
        .body;
    assert_eq!(changed["email_verified"], false);
    assert_eq!(tenant.get(&path).await.body, changed);
}

/// A session of a user, and a refresh token that began in it.
async fn log_in(tenant: &Managed, user_id: &str, byte: u8) -> (String, String) {
    let hash: Hash = [byte; 32];
    let session = Session {
        sid: format!("sid{byte}"),
        cookie_hash: hash,
        user_id: user_id.to_owned(),
        auth_time: TIME,
        amr: vec!["pwd".to_owned()],
        device: json!({ "last_ip": "192.0.2.1" }),
        created_at: TIME,
        last_used_at: TIME,
        idle_expires_at: TIME + 3600,
        expires_at: TIME + 7200,
    };
    tenant.database.sessions().insert(&session).await.unwrap();
    let sessions = tenant.database.sessions();
    sessions.add_client(&session.sid, "manager").await.unwrap();
    let family = RefreshFamily {
        id: format!("family{byte}"),
        client_id: "manager".to_owned(),
        user_id: user_id.to_owned(),
        sid: Some(session.sid.clone()),
        scopes: vec!["openid".to_owned(), "read:reports".to_owned()],
        audience: Some(AUDIENCE.to_owned()),
        auth_time: TIME,
        is_rotating: true,
        data: json!({}),
        created_at: TIME,
        last_used_at: TIME,
        expires_at: Some(TIME + 7200),
        revoked_at: None,
    };
    let token = RefreshToken {
        hash,
        expires_at: None,
    };
    let tokens = tenant.database.refresh_tokens();
    tokens.insert(&family, &token).await.unwrap();
    (session.sid, family.id)
}

async fn is_revoked(tenant: &Managed, family_id: &str) -> bool {
    let tokens = tenant.database.refresh_tokens();
    let family = tokens.find_family(family_id).await.unwrap().unwrap();
    family.revoked_at.is_some()
}

#[tokio::test]
async fn a_blocked_user_s_sessions_and_tokens_end() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let eve = tenant.add_user("eve@example.com").await;
    for (byte, change, ends) in [
        (1, json!({ "name": "Ada" }), false),
        (2, json!({ "blocked": true }), true),
        (3, json!({ "blocked": false }), false),
        (4, json!({ "password": "another password" }), true),
    ] {
        let (sid, family) = log_in(&tenant, &ada, byte).await;
        let (others_sid, others_family) = log_in(&tenant, &eve, byte + 100).await;
        let path = format!("/users/{}", encoded(&ada));
        assert_eq!(tenant.patch(&path, change.clone()).await.status, 200);
        let sessions = tenant.database.sessions();
        let ended = sessions.find(&sid, TIME).await.unwrap().is_none();
        assert_eq!(
            (ended, is_revoked(&tenant, &family).await),
            (ends, ends),
            "{change}"
        );
        assert!(sessions.find(&others_sid, TIME).await.unwrap().is_some());
        assert!(!is_revoked(&tenant, &others_family).await);
    }
}

#[tokio::test]
async fn sessions_and_refresh_tokens_are_seen_and_ended() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let (sid, family) = log_in(&tenant, &ada, 1).await;
    let session = json!({
        "id": sid,
        "user_id": ada,
        "created_at": DATE,
        "updated_at": DATE,
        "authenticated_at": DATE,
        "last_interacted_at": DATE,
        "idle_expires_at": "2023-11-14T23:13:20.000Z",
        "expires_at": "2023-11-15T00:13:20.000Z",
        "device": { "last_ip": "192.0.2.1" },
        "clients": [{ "client_id": "manager" }],
        "authentication": { "methods": [{ "name": "pwd", "timestamp": DATE }] },
    });
    let token = json!({
        "id": family,
        "user_id": ada,
        "client_id": "manager",
        "session_id": sid,
        "rotating": true,
        "created_at": DATE,
        "last_exchanged_at": DATE,
        "expires_at": "2023-11-15T00:13:20.000Z",
        "resource_servers": [{ "audience": AUDIENCE, "scopes": "openid read:reports" }],
    });
    let user = encoded(&ada);
    assert_eq!(tenant.get(&format!("/sessions/{sid}")).await.body, session);
    let sessions = tenant
        .get(&format!("/users/{user}/sessions?take=10"))
        .await
        .body;
    assert_eq!(sessions, json!({ "sessions": [session] }));
    assert_eq!(
        tenant.get(&format!("/refresh-tokens/{family}")).await.body,
        token
    );
    for path in [
        format!("/users/{user}/refresh-tokens?take=10"),
        format!("/refresh-tokens?user_id={user}&take=10"),
    ] {
        assert_eq!(
            tenant.get(&path).await.body,
            json!({ "tokens": [token] }),
            "{path}"
        );
    }
    assert_eq!(tenant.get("/refresh-tokens").await.status, 400);

    assert_eq!(
        tenant
            .delete(&format!("/refresh-tokens/{family}"))
            .await
            .status,
        204
    );
    assert_eq!(
        tenant
            .get(&format!("/refresh-tokens/{family}"))
            .await
            .status,
        404
    );
    assert_eq!(
        tenant
            .delete(&format!("/refresh-tokens/{family}"))
            .await
            .status,
        404
    );
    assert_eq!(tenant.delete(&format!("/sessions/{sid}")).await.status, 204);
    assert_eq!(tenant.get(&format!("/sessions/{sid}")).await.status, 404);

    let (sid, family) = log_in(&tenant, &ada, 2).await;
    let (_, other) = log_in(&tenant, &ada, 3).await;
    let revoked = tenant
        .call(Method::POST, &format!("/sessions/{sid}/revoke"), None)
        .await;
    assert_eq!((revoked.status, revoked.body), (200, json!({})));
    assert!(is_revoked(&tenant, &family).await && !is_revoked(&tenant, &other).await);
    for path in ["sessions", "refresh-tokens"] {
        let path = format!("/users/{user}/{path}");
        assert_eq!(tenant.delete(&path).await.status, 204);
        assert_eq!(tenant.get(&path).await.body, json!([]));
    }
}

#[tokio::test]
async fn a_withdrawn_consent_is_asked_for_again_and_its_tokens_end() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let (_, family) = log_in(&tenant, &ada, 1).await;
    let grant = |id: &str, audience: &str| UserGrant {
        id: id.to_owned(),
        user_id: ada.clone(),
        client_id: "manager".to_owned(),
        audience: audience.to_owned(),
        scopes: vec!["openid".to_owned(), "read:reports".to_owned()],
        created_at: TIME,
    };
    let grants = tenant.database.user_grants();
    grants.add(&grant("g1", AUDIENCE)).await.unwrap();
    grants.add(&grant("g2", "")).await.unwrap();
    let shown = |id: &str, audience: &str| {
        json!({ "id": id, "clientID": "manager", "user_id": ada, "audience": audience,
            "scope": ["openid", "read:reports"] })
    };
    let user = encoded(&ada);
    let listed = tenant.get(&format!("/grants?user_id={user}")).await.body;
    assert_eq!(listed, json!([shown("g1", AUDIENCE), shown("g2", "")]));
    let listed = tenant
        .get(&format!("/grants?audience={}", encoded(AUDIENCE)))
        .await
        .body;
    assert_eq!(listed, json!([shown("g1", AUDIENCE)]));
    let listed = tenant
        .get("/grants?client_id=manager&include_totals=true")
        .await
        .body;
    assert_eq!(
        (&listed["total"], &listed["grants"][1]),
        (&json!(2), &shown("g2", ""))
    );

    assert!(!is_revoked(&tenant, &family).await);
    assert_eq!(tenant.delete("/grants/g1").await.status, 204);
    assert!(is_revoked(&tenant, &family).await);
    assert_eq!(grants.find(&ada, "manager", AUDIENCE).await.unwrap(), None);
    let answer = tenant.delete("/grants/g1").await;
    let expected = refusal(
        404,
        "Not Found",
        "The grant does not exist.",
        Some("inexistent_grant"),
    );
    assert_eq!((answer.status, answer.body), (404, expected));

    let answer = tenant.delete("/grants").await;
    let message = "Query validation error: 'Missing required property: user_id'.";
    let expected = refusal(400, "Bad Request", message, Some("invalid_query_string"));
    assert_eq!((answer.status, answer.body), (400, expected));
    // A filter that is none must not delete more than was meant.
    assert_eq!(
        tenant.delete("/grants?user_id=x&client_id=y").await.status,
        400
    );
    assert_eq!(
        tenant
            .delete(&format!("/grants?user_id={user}"))
            .await
            .status,
        204
    );
    assert_eq!(tenant.get("/grants").await.body, json!([]));
}

#[tokio::test]
async fn roles_bring_permissions() {
    let tenant = Managed::start().await;
    tenant.add_api(AUDIENCE).await;
    let ada = tenant.add_user("ada@example.com").await;
    let made = tenant
        .post(
            "/roles",
            json!({ "name": "accountant", "description": "Counts" }),
        )
        .await;
    let id = made.body["id"].as_str().unwrap();
    let role = json!({ "id": id, "name": "accountant", "description": "Counts" });
    assert_eq!((made.status, &made.body), (200, &role));
    assert!(id.starts_with("rol_") && id.len() == 20, "{id}");
    let again = tenant.post("/roles", json!({ "name": "accountant" })).await;
    assert_eq!(
        (again.status, &again.body["error"]),
        (409, &json!("Conflict"))
    );
    assert_eq!(
        tenant.get("/roles?name_filter=count").await.body,
        json!([role])
    );
    assert_eq!(tenant.get("/roles?name_filter=admin").await.body, json!([]));
    assert_eq!(tenant.get("/roles?type=tenant").await.body, json!([role]));
    assert_eq!(tenant.get("/roles?type=organization").await.body, json!([]));

    let user = encoded(&ada);
    let permission = |name: &str| json!({ "permissions": [{ "resource_server_identifier": AUDIENCE, "permission_name": name }] });
    let of_role = format!("/roles/{id}/permissions");
    let answer = tenant.post(&of_role, permission("read:reports")).await;
    assert_eq!((answer.status, answer.body), (201, json!({})));
    let of_user = format!("/users/{user}/permissions");
    let answer = tenant.post(&of_user, permission("read:reports")).await;
    assert_eq!((answer.status, answer.body), (201, json!({})));
    let answer = tenant.post(&of_user, permission("write:reports")).await;
    assert_eq!(answer.status, 201);
    for (path, name, audience, status) in [
        (&of_user, "admin", AUDIENCE, 400),
        (&of_role, "admin", AUDIENCE, 400),
        (&of_role, "read:reports", "https://other", 404),
    ] {
        let mut body = permission(name);
        body["permissions"][0]["resource_server_identifier"] = json!(audience);
        let answer = tenant.post(path, body).await;
        assert_eq!(answer.status, status, "{path} {name}: {answer:?}");
    }

    let roles = format!("/users/{user}/roles");
    assert_eq!(
        tenant.post(&roles, json!({ "roles": [id] })).await.status,
        204
    );
    assert_eq!(tenant.get(&roles).await.body, json!([role]));
    let unknown = tenant.post(&roles, json!({ "roles": ["rol_x"] })).await;
    assert_eq!(
        (unknown.status, &unknown.body["errorCode"]),
        (404, &json!("inexistent_role"))
    );
    let members = tenant.get(&format!("/roles/{id}/users")).await.body;
    assert_eq!(members[0]["user_id"], json!(ada));
    assert_eq!(members[0].as_object().unwrap().len(), 4);

    let shown = |name: &str, description: &str, sources: Value| {
        json!({ "permission_name": name, "description": description,
            "resource_server_name": "Expenses", "resource_server_identifier": AUDIENCE,
            "sources": sources })
    };
    let direct = json!({ "source_id": "", "source_name": "", "source_type": "DIRECT" });
    let by_role = json!({ "source_id": id, "source_name": "accountant", "source_type": "ROLE" });
    let all = tenant
        .get(&format!("{of_user}?include_totals=true"))
        .await
        .body;
    let expected = json!({ "start": 0, "limit": 50, "total": 2, "permissions": [
        shown("read:reports", "Read reports", json!([direct, by_role])),
        shown("write:reports", "", json!([direct])),
    ] });
    assert_eq!(all, expected);

    let removed = tenant
        .call(Method::DELETE, &of_user, Some(permission("read:reports")))
        .await;
    assert_eq!(removed.status, 204);
    let left = tenant.get(&of_user).await.body;
    assert_eq!(left[0]["sources"], json!([by_role]));
    let removed = tenant
        .call(Method::DELETE, &of_role, Some(permission("read:reports")))
        .await;
    assert_eq!(removed.status, 204);
    assert_eq!(tenant.get(&of_role).await.body, json!([]));
    let body = Some(json!({ "roles": [id] }));
    assert_eq!(tenant.call(Method::DELETE, &roles, body).await.status, 204);
    assert_eq!(tenant.get(&roles).await.body, json!([]));

    let body = json!({ "users": [ada] });
    let assigned = tenant.post(&format!("/roles/{id}/users"), body).await;
    assert_eq!((assigned.status, assigned.body), (200, json!({})));
    let body = json!({ "users": ["auth0|x"] });
    assert_eq!(
        tenant
            .post(&format!("/roles/{id}/users"), body)
            .await
            .status,
        404
    );
    let renamed = tenant
        .patch(&format!("/roles/{id}"), json!({ "name": "auditor" }))
        .await
        .body;
    assert_eq!(
        renamed,
        json!({ "id": id, "name": "auditor", "description": "Counts" })
    );
    let deleted = tenant.delete(&format!("/roles/{id}")).await;
    assert_eq!((deleted.status, deleted.body), (200, json!({})));
    assert_eq!(tenant.get(&roles).await.body, json!([]));
}

#[tokio::test]
async fn a_block_is_seen_and_lifted() {
    let tenant = Managed::start().await;
    let ada = tenant.add_user("ada@example.com").await;
    let attempts = tenant.database.login_attempts();
    let limit = LoginLimit {
        attempts: 0,
        window: 600,
        block: 600,
    };
    let attempt = LoginAttempt {
        identifier: "ada@example.com",
        ip: "192.0.2.1",
        now: TIME,
    };
    let shown = json!({ "blocked_for": [{ "identifier": "ada@example.com", "ip": "192.0.2.1" }] });
    let none = json!({ "blocked_for": [] });
    for path in [
        "/user-blocks?identifier=ada%40example.com".to_owned(),
        format!("/user-blocks/{}", encoded(&ada)),
    ] {
        attempts.count(&attempt, limit).await.unwrap();
        assert_eq!(tenant.get(&path).await.body, shown, "{path}");
        assert_eq!(tenant.delete(&path).await.status, 204, "{path}");
        assert_eq!(tenant.get(&path).await.body, none, "{path}");
    }
    attempts.count(&attempt, limit).await.unwrap();
    tenant.set_time(NOW + 600);
    let path = "/user-blocks?identifier=ada%40example.com";
    assert_eq!(tenant.get(path).await.body, none);
    assert_eq!(tenant.delete("/user-blocks").await.status, 400);
}
