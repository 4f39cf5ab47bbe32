//! Connections, settings, keys and logs.

use portcullis_store::tenant::LogEntry;
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{CONNECTION, DATE, EVERYTHING, Managed, refusal};

#[tokio::test]
async fn a_tenant_begins_with_one_store_of_users() {
    let tenant = Managed::start().await;
    let listed = tenant.get("/connections?strategy=auth0").await.body;
    let id = listed[0]["id"].as_str().unwrap();
    let options = |disable_signup: bool| json!({ "disable_signup": disable_signup, "disable_self_service_change_password": false });
    let expected = json!({ "id": id, "name": CONNECTION, "strategy": "auth0",
        "options": options(false), "enabled_clients": ["manager"], "is_domain_connection": false, "realms": [CONNECTION] });
    assert_eq!(listed, json!([expected]));
    assert!(id.starts_with("con_") && id.len() == 20, "{id}");
    let named = tenant
        .get(&format!("/connections?name={CONNECTION}"))
        .await
        .body;
    assert_eq!(named, json!([expected]));
    assert_eq!(tenant.get("/connections?name=other").await.body, json!([]));

    let path = format!("/connections/{id}");
    let change = json!({ "enabled_clients": ["manager"], "options": { "disable_signup": true } });
    let changed = tenant.patch(&path, change).await.body;
    assert_eq!(changed["options"], options(true));
    let clients = tenant.get(&format!("{path}/clients")).await.body;
    assert_eq!(clients, json!({ "clients": [{ "client_id": "manager" }] }));
    let clients = format!("{path}/clients");
    let change = json!([{ "client_id": "manager", "status": false },
        { "client_id": "web", "status": true }, { "client_id": "web", "status": true }]);
    assert_eq!(tenant.patch(&clients, change).await.status, 204);
    let shown = json!({ "clients": [{ "client_id": "web" }] });
    assert_eq!(tenant.get(&clients).await.body, shown);
    let answer = tenant
        .patch(&clients, json!([{ "client_id": "web" }]))
        .await;
    let message = "Payload validation error: 'Missing required property: status' \
                   on property clients[0].";
    let expected = refusal(400, "Bad Request", message, Some("invalid_body"));
    assert_eq!((answer.status, answer.body), (400, expected));
    let answer = tenant.patch(&path, json!({ "name": "other" })).await;
    let message = "Payload validation error: 'Additional properties not allowed: name'.";
    let expected = refusal(400, "Bad Request", message, Some("invalid_body"));
    assert_eq!((answer.status, answer.body), (400, expected));

    let body = json!({ "name": "second", "strategy": "auth0" });
    let made = tenant.post("/connections", body.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let again = tenant.post("/connections", body).await;
    let message = "A connection with the same name already exists";
    let expected = refusal(409, "Conflict", message, Some("connection_conflict"));
    assert_eq!((again.status, again.body), (409, expected));
    let body = json!({ "name": "third", "strategy": "google-oauth2" });
    assert_eq!(tenant.post("/connections", body).await.status, 400);
    let path = format!("/connections/{}", made.body["id"].as_str().unwrap());
    assert_eq!(tenant.delete(&path).await.status, 204);
    assert_eq!(tenant.delete(&path).await.status, 404);
}

#[tokio::test]
async fn settings_are_changed_member_by_member() {
    let tenant = Managed::start().await;
    let defaults = json!({
        "friendly_name": "",
        "default_audience": "",
        "default_directory": "",
        "allowed_logout_urls": [],
        "enabled_locales": ["en"],
        "session_lifetime": 168,
        "idle_session_lifetime": 72,
        "flags": {},
        "sessions": { "oidc_logout_prompt_enabled": true },
        "oidc_logout": { "rp_logout_end_session_endpoint_discovery": true },
    });
    assert_eq!(tenant.get("/tenants/settings").await.body, defaults);
    let change = json!({
        "friendly_name": "Lab",
        "allowed_logout_urls": ["http://localhost:3000"],
        "flags": { "use_scope_descriptions_for_consent": true },
        "sessions": { "oidc_logout_prompt_enabled": false },
    });
    let mut expected = defaults.clone();
    for (name, value) in change.as_object().unwrap() {
        expected[name] = value.clone();
    }
    let changed = tenant.patch("/tenants/settings", change).await;
    assert_eq!((changed.status, changed.body), (200, expected.clone()));
    for (minutes, hours) in [(90, json!(1.5)), (4320, json!(72))] {
        let change = json!({ "idle_session_lifetime_in_minutes": minutes });
        let changed = tenant.patch("/tenants/settings", change).await.body;
        assert_eq!(changed["idle_session_lifetime"], hours);
        assert_eq!(changed.get("idle_session_lifetime_in_minutes"), None);
    }
    let flags = json!({ "flags": { "enable_sso": true } });
    tenant.patch("/tenants/settings", flags).await;
    expected["flags"]["enable_sso"] = json!(true);
    assert_eq!(tenant.get("/tenants/settings").await.body, expected);
    for (change, text) in [
        (
            json!({ "idle_session_lifetime": 169 }),
            "'Value 169 is greater than maximum 168' on property idle_session_lifetime",
        ),
        (
            json!({ "session_lifetime": 0 }),
            "'Value 0 is less than minimum 1' on property session_lifetime",
        ),
        (
            json!({ "colour": "red" }),
            "'Additional properties not allowed: colour'",
        ),
    ] {
        let answer = tenant.patch("/tenants/settings", change.clone()).await;
        let message = format!("Payload validation error: {text}.");
        let expected = refusal(400, "Bad Request", &message, Some("invalid_body"));
        assert_eq!((answer.status, answer.body), (400, expected), "{change}");
    }
    assert_eq!(tenant.get("/tenants/settings").await.body, expected);
}

async fn published(tenant: &Managed) -> Vec<Value> {
    let url = format!("{}.well-known/jwks.json", tenant.issuer);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].clone()).collect()
}

#[tokio::test]
async fn keys_are_rotated_and_revoked_while_the_tenant_runs() {
    let tenant = Managed::start().await;
    let before = published(&tenant).await;
    let listed = tenant.get("/keys/signing").await.body;
    assert_eq!(
        (&listed[0]["kid"], &listed[0]["current"]),
        (&before[0], &json!(true))
    );
    assert_eq!(
        (&listed[1]["kid"], &listed[1]["next"]),
        (&before[1], &json!(true))
    );
    assert_eq!(listed[0]["fingerprint"].as_str().unwrap().len(), 59);
    assert_eq!(listed[0]["thumbprint"].as_str().unwrap().len(), 40);
    let cert = listed[0]["cert"].as_str().unwrap();
    assert!(cert.starts_with("-----BEGIN CERTIFICATE-----"), "{cert}");
    let token = tenant.token(EVERYTHING);

    let rotated = tenant
        .call(Method::POST, "/keys/signing/rotate", None)
        .await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let after = published(&tenant).await;
    let kid = &rotated.body["kid"];
    assert_eq!(after, [before[1].clone(), kid.clone(), before[0].clone()]);
    // What was signed before is good.
    let answer = tenant
        .call_with(Some(&token), Method::GET, "/keys/signing", None)
        .await;
    let states: Vec<_> = ["current", "next", "previous"]
        .iter()
        .enumerate()
        .map(|(index, state)| answer.body[index][state].clone())
        .collect();
    assert_eq!(states, [json!(true), json!(true), json!(true)]);
    for kid in [&after[0], &after[1]] {
        let path = format!("/keys/signing/{}/revoke", kid.as_str().unwrap());
        let answer = tenant
            .call_with(Some(&token), Method::PUT, &path, None)
            .await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert_eq!(answer.body["errorCode"], "operation_not_supported");
    }
    let path = format!("/keys/signing/{}/revoke", before[0].as_str().unwrap());
    let answer = tenant
        .call_with(Some(&token), Method::PUT, &path, None)
        .await;
    assert_eq!(
        (answer.status, &answer.body["kid"]),
        (200, &before[0]),
        "{answer:?}"
    );
    assert_eq!(published(&tenant).await, [before[1].clone(), kid.clone()]);
    // The token that revoked its own key was its last.
    let answer = tenant
        .call_with(Some(&token), Method::GET, "/keys/signing", None)
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn rotated_keys_are_the_same_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let before = Managed::start_in(directory.path()).await;
    let rotated = before
        .call(Method::POST, "/keys/signing/rotate", None)
        .await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let after = Managed::start_in(directory.path()).await;
    assert_eq!(published(&after).await, published(&before).await);
    let (listed, known) = (
        after.get("/keys/signing").await,
        before.get("/keys/signing").await,
    );
    assert_eq!((listed.status, listed.body), (200, known.body));
    // Another process that rotates goes on from there.
    let rotated = after.call(Method::POST, "/keys/signing/rotate", None).await;
    let rotated_again = before
        .call(Method::POST, "/keys/signing/rotate", None)
        .await;
    assert_eq!((rotated.status, rotated_again.status), (201, 201));
    assert_eq!(published(&before).await.len(), 5);
}

#[tokio::test]
async fn only_so_many_keys_are_published() {
    let tenant = Managed::start().await;
    for turn in 0..9 {
        let answer = tenant
            .call(Method::POST, "/keys/signing/rotate", None)
            .await;
        let expected = if turn < 8 { 201 } else { 403 };
        assert_eq!(answer.status, expected, "{turn}: {answer:?}");
    }
    assert_eq!(published(&tenant).await.len(), 10);
}

#[tokio::test]
async fn logs_are_read_from_the_newest_or_onwards() {
    let tenant = Managed::start().await;
    for number in 1..=3 {
        let entry = LogEntry {
            id: format!("log{number}"),
            at: 1_700_000_000,
            event: if number == 2 { "fp" } else { "s" }.to_owned(),
            client_id: Some("manager".to_owned()),
            user_id: Some(format!("auth0|{number}")),
            ip: None,
            description: Some("Logged in".to_owned()),
            details: json!({}),
        };
        tenant.database.logs().insert(&entry).await.unwrap();
    }
    let shown = |number: u32| {
        json!({ "_id": format!("log{number}"), "log_id": format!("log{number}"), "date": DATE,
            "type": if number == 2 { "fp" } else { "s" }, "client_id": "manager",
            "user_id": format!("auth0|{number}"), "description": "Logged in", "details": {} })
    };
    assert_eq!(
        tenant.get("/logs").await.body,
        json!([shown(3), shown(2), shown(1)])
    );
    let page = tenant
        .get("/logs?per_page=1&page=1&include_totals=true")
        .await
        .body;
    assert_eq!(
        page,
        json!({ "start": 1, "limit": 1, "length": 1, "total": 3, "logs": [shown(2)] })
    );
    let onwards = tenant.get("/logs?from=log1&take=10").await.body;
    assert_eq!(onwards, json!({ "logs": [shown(2), shown(3)] }));
    assert_eq!(
        tenant.get("/logs?q=type%3Afp").await.body,
        json!([shown(2)])
    );
    assert_eq!(
        tenant.get("/logs?search=type%3Afp&sort=date:-1").await.body,
        json!([shown(2)])
    );
    let oldest = tenant.get("/logs?sort=date:1&per_page=2").await.body;
    assert_eq!(oldest, json!([shown(1), shown(2)]));
    let odd = tenant.get("/logs?sort=type:1").await;
    let message = "Query validation error: 'No enum match for: type:1' on property sort.";
    assert_eq!((odd.status, &odd.body["message"]), (400, &json!(message)));
    assert_eq!(tenant.get("/logs/log2").await.body, shown(2));
}

#[tokio::test]
async fn brute_force_protection_is_as_it_was_set() {
    const PATH: &str = "/attack-protection/brute-force-protection";
    let tenant = Managed::start().await;
    let token = tenant.token("read:attack_protection update:attack_protection");
    let call = |method, body| tenant.call_with(Some(&token), method, PATH, body);
    let mut expected = json!({
        "enabled": true,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10,
    });
    let read = call(Method::GET, None).await;
    assert_eq!((read.status, &read.body), (200, &expected));
    let change = json!({ "max_attempts": 3, "allowlist": ["192.0.2.1", "2001:db8::1"] });
    let changed = call(Method::PATCH, Some(change)).await;
    expected["max_attempts"] = 3.into();
    expected["allowlist"] = json!(["192.0.2.1", "2001:db8::1"]);
    assert_eq!((changed.status, &changed.body), (200, &expected));
    assert_eq!(call(Method::GET, None).await.body, expected);
    for (body, message) in [
        (
            json!({ "allowlist": ["everywhere"] }),
            "Payload validation error: 'Invalid value: everywhere' on property allowlist.",
        ),
        (
            json!({ "shields": ["alarm"] }),
            "Payload validation error: 'Invalid value: alarm' on property shields.",
        ),
    ] {
        let refused = call(Method::PATCH, Some(body)).await;
        let expected = refusal(400, "Bad Request", message, Some("invalid_body"));
        assert_eq!((refused.status, refused.body), (400, expected), "{message}");
    }
    for (body, status) in [
        (json!({ "max_attempts": 0 }), 400),
        (json!({ "max_attempts": 1 }), 200),
        (json!({ "max_attempts": 100 }), 200),
        (json!({ "max_attempts": 101 }), 400),
        (json!({ "mode": "none" }), 400),
        (json!({ "unknown": true }), 400),
    ] {
        let answer = call(Method::PATCH, Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}");
    }
    let settings = tenant.get("/tenants/settings").await;
    assert_eq!(settings.status, 200);
    let told = &settings.body["brute_force_protection"];
    assert!(told.is_null(), "{told}");
    let named = json!({ "friendly_name": "Expenses" });
    assert_eq!(tenant.patch("/tenants/settings", named).await.status, 200);
    assert_eq!(call(Method::GET, None).await.body["max_attempts"], 100);
}

#[tokio::test]
async fn there_are_no_actions() {
    let tenant = Managed::start().await;
    let listed = tenant
        .get("/actions/actions?page=0&per_page=100")
        .await
        .body;
    let expected = json!({ "actions": [], "total": 0, "page": 0, "per_page": 100 });
    assert_eq!(listed, expected);
}
