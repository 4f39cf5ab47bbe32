//! What somebody has ends with what it comes from.

use portcullis_store::tenant::Database;
use portcullis_token::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::Answer;
use crate::site::{API, CHALLENGE, CONNECTION, Site, USER_ID, Visitor, form};

/// What `CHALLENGE` is the challenge of (RFC 7636 appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SPA: [(&str, &str); 7] = [
    ("client_id", "spa"),
    ("redirect_uri", "http://localhost:3001"),
    ("response_type", "code"),
    ("scope", "openid offline_access read:reports"),
    ("audience", API),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

async fn post(site: &Site, path: &str, parameters: &[(&str, &str)]) -> Answer {
    let request = reqwest::Client::new()
        .post(format!("http://{}{path}", site.address))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(parameters));
    Answer::of(request.send().await.unwrap()).await
}

async fn code(visitor: &Visitor<'_>) -> String {
    visitor.pass(&SPA).await.sent()["code"].clone()
}

async fn redeem(site: &Site, code: &str) -> Answer {
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("redirect_uri", "http://localhost:3001"),
        ("code", code),
        ("code_verifier", VERIFIER),
    ];
    post(site, "/oauth/token", &parameters).await
}

async fn refresh(site: &Site, token: &str) -> Answer {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", "spa"),
        ("refresh_token", token),
    ];
    post(site, "/oauth/token", &parameters).await
}

async fn user_info(site: &Site, token: &str) -> u16 {
    let request = reqwest::Client::new()
        .request(Method::GET, format!("http://{}/userinfo", site.address))
        .header("authorization", format!("Bearer {token}"));
    request.send().await.unwrap().status().as_u16()
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{body}"))
}

/// What ends tokens.
#[derive(Clone, Copy, Debug)]
enum End {
    Nothing,
    RefreshToken,
    Family,
    Session,
    Consent,
    Password,
    Block,
}

async fn bring_about(site: &Site, end: End, refresh_token: &str) {
    let database: &Database = &site.database;
    let now = i64::try_from(crate::site::NOW).unwrap();
    match end {
        End::Nothing => {}
        End::RefreshToken => {
            let parameters = [("client_id", "spa"), ("token", refresh_token)];
            assert_eq!(post(site, "/oauth/revoke", &parameters).await.status, 200);
        }
        End::Family => {
            let families = database.refresh_tokens();
            let filter = portcullis_store::tenant::RefreshFamilyFilter {
                user_id: Some(USER_ID.to_owned()),
                ..Default::default()
            };
            let slice = portcullis_store::tenant::Slice::page(0, 10);
            let family = families.list(&filter, &slice).await.unwrap().rows.remove(0);
            assert!(families.revoke_family(&family.id, now).await.unwrap());
        }
        End::Session => {
            let sessions = database.sessions();
            let slice = portcullis_store::tenant::Slice::page(0, 10);
            let listed = sessions.of_user(USER_ID, now, &slice).await.unwrap();
            for session in listed.rows {
                sessions.revoke(&session.sid, now).await.unwrap();
            }
        }
        End::Consent => {
            let grants = database.user_grants();
            assert_eq!(grants.delete_of_user(USER_ID, now).await.unwrap(), 1);
        }
        End::Password => {
            let phc = Secret::new("$argon2id$another".to_owned());
            let identities = database.identities();
            let changed = identities.change_password(USER_ID, CONNECTION, &phc, now);
            assert!(changed.await.unwrap());
        }
        End::Block => {
            let users = database.users();
            let mut user = users.find(USER_ID).await.unwrap().unwrap();
            user.blocked = true;
            assert!(users.update(&user).await.unwrap());
            user.blocked = false;
            assert!(users.update(&user).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_users_tokens_and_codes_end_with_what_they_come_from() {
    for (end, access, refreshed, redeemed) in [
        (End::Nothing, 200, 200, 200),
        (End::RefreshToken, 401, 403, 200),
        (End::Family, 401, 403, 200),
        (End::Session, 401, 403, 403),
        (End::Consent, 401, 403, 403),
        (End::Password, 401, 403, 403),
        (End::Block, 401, 403, 403),
    ] {
        let site = Site::start().await;
        let visitor = site.visitor();
        let first = code(&visitor).await;
        let tokens = redeem(&site, &first).await;
        assert_eq!(tokens.status, 200, "{end:?} {tokens:?}");
        let access_token = text(&tokens.body, "access_token");
        let refresh_token = text(&tokens.body, "refresh_token");
        site.set_time(crate::site::NOW + 1);
        let again = refresh(&site, refresh_token).await;
        let second_token = text(&again.body, "access_token");
        assert_ne!(access_token, second_token);
        let waiting = visitor.authorize(&SPA).await.sent()["code"].clone();
        assert_eq!(user_info(&site, second_token).await, 200, "{end:?}");

        bring_about(&site, end, refresh_token).await;
        for token in [access_token, second_token] {
            assert_eq!(user_info(&site, token).await, access, "{end:?}");
        }
        let answer = refresh(&site, refresh_token).await;
        assert_eq!(answer.status, refreshed, "{end:?} {answer:?}");
        let answer = redeem(&site, &waiting).await;
        assert_eq!(answer.status, redeemed, "{end:?} {answer:?}");
    }
}

#[tokio::test]
async fn a_code_that_is_sent_twice_ends_its_tokens() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let code = code(&visitor).await;
    let tokens = redeem(&site, &code).await;
    let access_token = text(&tokens.body, "access_token");
    assert_eq!(user_info(&site, access_token).await, 200);
    let again = redeem(&site, &code).await;
    assert_eq!(
        (again.status, &again.body["error"]),
        (403, &json!("invalid_grant"))
    );
    assert_eq!(user_info(&site, access_token).await, 401);
}
