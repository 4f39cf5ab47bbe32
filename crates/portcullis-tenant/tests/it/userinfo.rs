use std::time::Duration;

use portcullis_store::tenant::OpaqueToken;
use portcullis_tenant::access_token::{AccessToken, Subject};
use portcullis_tenant::{Issuer, KeyRing, TokenDialect, opaque_token};
use portcullis_token::UnixTime;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::Answer;
use crate::site::{API, NOW, Site, USER_ID, changed};

async fn ask(site: &Site, token: Option<&str>) -> Answer {
    let mut request = reqwest::Client::new().get(format!("http://{}/userinfo", site.address));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Answer::of(request.send().await.unwrap()).await
}

/// An opaque token for `scopes`, good for a minute.
async fn opaque(site: &Site, scopes: &str, user_id: Option<&str>) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    let token = opaque_token().unwrap().expose().clone();
    let hash = digest(&SHA256, token.as_bytes());
    let now = i64::try_from(NOW).unwrap();
    let row = OpaqueToken {
        hash: hash.as_ref().try_into().unwrap(),
        client_id: "web".to_owned(),
        user_id: user_id.map(str::to_owned),
        sid: None,
        family_id: None,
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        audience: None,
        data: json!({}),
        created_at: now,
        expires_at: now + 60,
    };
    assert!(site.database.opaque_tokens().insert(&row).await.unwrap());
    token
}

fn jwt<'a>(issuer: &'a Issuer, scope: &'a str) -> AccessToken<'a> {
    AccessToken {
        issuer,
        dialect: TokenDialect::Rfc9068Profile,
        subject: Subject::User(USER_ID),
        client_id: "web",
        audience: API,
        scope,
        permissions: &[],
        grant: None,
        jti: "unique",
        issued_at: UnixTime(NOW),
        lifetime: Duration::from_mins(1),
        custom: None,
    }
}

/// The keys of the site, to sign with.
fn ring(site: &Site) -> KeyRing {
    KeyRing::load(site.directory()).unwrap()
}

#[tokio::test]
async fn each_scope_opens_its_claims() {
    let site = Site::start().await;
    let issuer: Issuer = site.issuer.parse().unwrap();
    let keys = ring(&site);
    for (scope, expected) in [
        ("openid", json!({ "sub": USER_ID })),
        (
            "openid email",
            json!({ "sub": USER_ID, "email": "ada@example.com", "email_verified": true }),
        ),
        (
            "openid name read:reports",
            json!({ "sub": USER_ID, "name": "Ada Lovelace" }),
        ),
    ] {
        let signed = jwt(&issuer, scope).sign(&keys).unwrap();
        for token in [
            opaque(&site, scope, Some(USER_ID)).await,
            signed.expose().clone(),
        ] {
            let answer = ask(&site, Some(&token)).await;
            assert_eq!((answer.status, &answer.body), (200, &expected), "{scope}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[tokio::test]
async fn a_token_may_come_as_a_form() {
    let site = Site::start().await;
    let token = opaque(&site, "openid", Some(USER_ID)).await;
    let visitor = site.visitor();
    let page = visitor.post("/userinfo", &[("access_token", &token)]).await;
    assert_eq!(page.status, 200);
    let claims: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(claims, json!({ "sub": USER_ID }));
    let bearer = ("authorization", format!("Bearer {token}"));
    visitor.headers.borrow_mut().push(bearer);
    let twice = visitor.post("/userinfo", &[("access_token", &token)]).await;
    assert_eq!(twice.status, 400);
    let path = format!("/userinfo?access_token={token}");
    assert_eq!(site.visitor().get(&path).await.status, 401);
}

#[tokio::test]
async fn what_does_not_open_it_is_refused_with_a_challenge() {
    let site = Site::start().await;
    let issuer: Issuer = site.issuer.parse().unwrap();
    let (keys, foreign) = (ring(&site), KeyRing::generate().unwrap());
    let sign = |token: AccessToken<'_>, keys| token.sign(keys).unwrap().expose().clone();
    let good = jwt(&issuer, "openid");
    let elsewhere: Issuer = "https://evil.example/".parse().unwrap();
    let implicit = changed(&[("response_type", "id_token"), ("nonce", "n")]);
    let id_token = site.visitor().pass(&implicit).await.sent()["id_token"].clone();
    let invalid = Some("invalid_token");
    for (name, token, status, error) in [
        ("none", None, 401, None),
        ("unknown", Some("A".repeat(32)), 401, invalid),
        ("foreign key", Some(sign(good, &foreign)), 401, invalid),
        (
            "foreign issuer",
            Some(sign(jwt(&elsewhere, "openid"), &keys)),
            401,
            invalid,
        ),
        (
            "expired",
            Some(sign(
                AccessToken {
                    issued_at: UnixTime(NOW - 60),
                    ..good
                },
                &keys,
            )),
            401,
            invalid,
        ),
        (
            "of an API",
            Some(sign(jwt(&issuer, "read:reports"), &keys)),
            401,
            invalid,
        ),
        ("an ID token", Some(id_token), 401, invalid),
        (
            "of a client",
            Some(opaque(&site, "openid", None).await),
            401,
            invalid,
        ),
        (
            "without openid",
            Some(opaque(&site, "email", Some(USER_ID)).await),
            403,
            Some("insufficient_scope"),
        ),
        (
            "malformed",
            Some("a b".to_owned()),
            400,
            Some("invalid_request"),
        ),
    ] {
        let answer = ask(&site, token.as_deref()).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        let challenge = answer.header("www-authenticate").unwrap();
        match error {
            None => assert_eq!(challenge, "Bearer", "{name}"),
            Some(error) => {
                let begins = format!("Bearer error=\"{error}\", ");
                assert!(challenge.starts_with(&begins), "{name}: {challenge}");
                assert_eq!(answer.body["error"], error, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_over_opens_nothing() {
    let site = Site::start().await;
    let issuer: Issuer = site.issuer.parse().unwrap();
    let signed = jwt(&issuer, "openid").sign(&ring(&site)).unwrap();
    let token = opaque(&site, "openid", Some(USER_ID)).await;
    let both = [signed.expose().as_str(), &token];
    for (after, status) in [(59, 200), (60, 401)] {
        site.set_time(NOW + after);
        for token in both {
            assert_eq!(ask(&site, Some(token)).await.status, status, "{after}");
        }
    }
    site.set_time(NOW);
    let id = portcullis_token::base64url::encode(&crate::rows::hash(both[0]));
    let revoked = site.database.token_ids().revoke(&id, i64::MAX).await;
    revoked.unwrap();
    assert_eq!(ask(&site, Some(both[0])).await.status, 401);
    let users = site.database.users();
    let mut user = users.find(USER_ID).await.unwrap().unwrap();
    user.blocked = true;
    users.update(&user).await.unwrap();
    assert_eq!(ask(&site, Some(&token)).await.status, 401);
}

#[tokio::test]
async fn registered_pages_may_ask_by_script() {
    let site = Site::start().await;
    let url = format!("http://{}/userinfo", site.address);
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("http://localhost:3001", true),
        ("https://app.example.com", true),
        ("http://evil.example", false),
        ("http://localhost:300", false),
        ("null", false),
    ] {
        let preflight = reqwest::Client::new()
            .request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let answer = Answer::of(preflight.send().await.unwrap()).await;
        assert_eq!(answer.status, 204, "{origin}");
        let told = answer.header("access-control-allow-origin");
        assert_eq!(told, allowed.then_some(origin), "{origin}");
    }
}
