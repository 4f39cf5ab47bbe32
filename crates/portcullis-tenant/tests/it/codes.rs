use portcullis_store::tenant::{Client, Code, Permission, ResourceServer};
use portcullis_tenant::{ErrorDialect, Options};
use serde_json::{Value, json};

use crate::rows::{
    ADA, CALLBACK, CHALLENGE, VERIFIER, ada, claims, client, code, guarded_api, hash, refreshing,
    seed, spa_code, spa_spending, spending, web, words,
};
use crate::server::{AUDIENCE, SECRET, Server};

const INVALID: (u16, &str, &str) = (403, "invalid_grant", "Invalid authorization code");
const WRONG_VERIFIER: (u16, &str, &str) = (403, "invalid_grant", "Failed to verify code verifier");
const UNKNOWN_REFRESH_TOKEN: (u16, &str, &str) =
    (403, "invalid_grant", "Unknown or invalid refresh token.");

/// A server at which Ada has just logged in.
async fn start(codes: impl FnOnce(&Server) -> Vec<Code>) -> Server {
    let server = Server::start().await;
    seed(&server).await;
    for code in codes(&server) {
        server.database.codes().insert(&code).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_code_brings_every_token() {
    let server = start(|server| vec![code(server, "c")]).await;
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = &answer.body;
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "access_token",
            "expires_in",
            "id_token",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(body["scope"], "openid profile read:reports offline_access");
    assert_eq!(body["expires_in"], 86_400);
    assert_eq!(body["token_type"], "Bearer");
    let now = server.now();
    assert_eq!(
        claims(&body["access_token"]),
        json!({
            "iss": server.issuer,
            "sub": ADA,
            "aud": [AUDIENCE, format!("{}userinfo", server.issuer)],
            "iat": now,
            "exp": now + 86_400,
            "scope": "openid profile read:reports offline_access",
            "azp": "web",
        })
    );
    let id_token = claims(&body["id_token"]);
    assert_eq!(
        id_token,
        json!({
            "nickname": "ada",
            "name": "Ada",
            "picture": id_token["picture"],
            "updated_at": "1970-01-01T00:00:00.000Z",
            "iss": server.issuer,
            "sub": ADA,
            "aud": "web",
            "iat": now,
            "exp": now + 36_000,
            "sid": "session-1",
            "nonce": "n-1",
        })
    );
}

#[tokio::test]
async fn a_code_without_an_audience_brings_an_opaque_token() {
    let server = start(|server| {
        vec![Code {
            audience: None,
            scopes: words("openid profile"),
            data: json!({ "tells_auth_time": true }),
            ..code(server, "c")
        }]
    })
    .await;
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.body["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(answer.body.get("refresh_token"), None);
    assert_eq!(answer.body["expires_in"], 86_400);
    let auth_time = &claims(&answer.body["id_token"])["auth_time"];
    assert_eq!(auth_time, server.now() - 5, "max_age was asked for");
    let tokens = server.database.opaque_tokens();
    let kept = tokens.find(&hash(token), server.now()).await.unwrap();
    let kept = kept.unwrap();
    assert_eq!(kept.user_id.as_deref(), Some(ADA));
    assert_eq!(kept.scopes, words("openid profile"));

    // A replay takes it back (RFC 6749 section 4.1.2).
    let replay = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(replay.error(), INVALID);
    let kept = tokens.find(&hash(token), server.now()).await.unwrap();
    assert_eq!(kept, None);
}

#[tokio::test]
async fn a_replay_revokes_the_family_and_the_access_token() {
    let server = start(|server| vec![spa_code(server, "c")]).await;
    let first = server.call("/oauth/token", &spa_spending("c")).await;
    assert_eq!(first.status, 200, "{first:?}");
    let access_token = first.body["access_token"].as_str().unwrap();
    let user_info = [("access_token", access_token)];
    let before = server.call("/userinfo", &user_info).await;
    assert_eq!((before.status, &before.body["sub"]), (200, &json!(ADA)));
    let replay = server.call("/oauth/token", &spa_spending("c")).await;
    assert_eq!(replay.error(), INVALID);

    let token = first.body["refresh_token"].as_str().unwrap();
    let refreshed = server.call("/oauth/token", &refreshing(token)).await;
    assert_eq!(refreshed.error(), UNKNOWN_REFRESH_TOKEN);
    let after = server.call("/userinfo", &user_info).await;
    assert_eq!(after.status, 401);
    assert_eq!(after.body["error"], "invalid_token");
}

#[tokio::test]
async fn of_many_who_spend_a_code_one_has_it() {
    let server = start(|server| vec![code(server, "c")]).await;
    let server = std::sync::Arc::new(server);
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let server = std::sync::Arc::clone(&server);
        set.spawn(async move { server.call("/oauth/token", &spending("c")).await.status });
    }
    let mut statuses = set.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[403; 9]].concat());
}

#[tokio::test]
async fn a_code_is_bound_to_what_it_was_asked_for_with() {
    let redirect = (
        403,
        "invalid_grant",
        "The redirect_uri is not that of the authorization request.",
    );
    let unexpected = (
        403,
        "invalid_grant",
        "A code_verifier was sent, but the code was requested without a code_challenge",
    );
    let required = (
        403,
        "invalid_grant",
        "Parameter 'code_verifier' is required",
    );
    let no_challenge = (
        403,
        "invalid_grant",
        "The code was requested without a code_challenge, which this application needs.",
    );
    let long = "a".repeat(129);
    let malformed = (
        403,
        "invalid_grant",
        "code_verifier must be 43 to 128 of the characters A-Z, a-z, 0-9, -, ., _ and ~",
    );
    let other = VERIFIER.replace('d', "e");
    // Whose code it is, and its challenge.
    let web = ("web", None);
    let challenged = ("web", Some(CHALLENGE));
    let spa = ("spa", Some(CHALLENGE));
    let plain_spa = ("spa", None);
    let damaged = ("spa", Some("short"));
    let missing = |name| (400, "invalid_request", name);
    let cases = [
        ("another code", web, spending("d"), INVALID),
        ("another client's", spa, spending("c"), INVALID),
        (
            "no code",
            web,
            set(spending("c"), "code", ""),
            missing("Missing required parameter: code"),
        ),
        (
            "no redirect_uri",
            web,
            set(spending("c"), "redirect_uri", ""),
            missing("Missing required parameter: redirect_uri"),
        ),
        (
            "longer redirect_uri",
            web,
            set(
                spending("c"),
                "redirect_uri",
                "http://localhost:3000/callback/",
            ),
            redirect,
        ),
        (
            "redirect_uri of another case",
            web,
            set(
                spending("c"),
                "redirect_uri",
                "http://LOCALHOST:3000/callback",
            ),
            redirect,
        ),
        (
            "downgrade: the challenge was taken out",
            web,
            set(spending("c"), "code_verifier", VERIFIER),
            unexpected,
        ),
        (
            "downgrade: no verifier",
            challenged,
            spending("c"),
            required,
        ),
        (
            "public, no verifier",
            spa,
            set(spa_spending("c"), "code_verifier", ""),
            required,
        ),
        (
            "public, no challenge",
            plain_spa,
            set(spa_spending("c"), "code_verifier", ""),
            no_challenge,
        ),
        (
            "public, no challenge but a verifier",
            plain_spa,
            spa_spending("c"),
            no_challenge,
        ),
        (
            "wrong verifier",
            spa,
            set(spa_spending("c"), "code_verifier", &other),
            WRONG_VERIFIER,
        ),
        (
            "the challenge as verifier",
            spa,
            set(spa_spending("c"), "code_verifier", CHALLENGE),
            WRONG_VERIFIER,
        ),
        (
            "long verifier",
            spa,
            set(spa_spending("c"), "code_verifier", &long),
            malformed,
        ),
        ("damaged challenge", damaged, spa_spending("c"), INVALID),
        (
            "wrong secret",
            web,
            set(spending("c"), "client_secret", "wrong"),
            (401, "access_denied", "Unauthorized"),
        ),
        (
            "no secret",
            web,
            set(spending("c"), "client_secret", ""),
            (401, "access_denied", "Unauthorized"),
        ),
    ];
    for (name, (client_id, challenge), parameters, expected) in cases {
        let server = start(|server| {
            vec![Code {
                client_id: client_id.to_owned(),
                challenge: challenge.map(str::to_owned),
                ..code(server, "c")
            }]
        })
        .await;
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.error(), expected, "{name}");
    }
}

/// The parameters with another value of one; without it when that is empty.
fn set<'a>(
    mut parameters: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    parameters.retain(|(known, _)| *known != name);
    parameters.push((name, value));
    parameters
}

#[tokio::test]
async fn a_code_is_accepted_for_its_minute() {
    for (seconds, status) in [(59, 200), (60, 403)] {
        let server = start(|server| vec![code(server, "c")]).await;
        server.advance(seconds);
        let answer = server.call("/oauth/token", &spending("c")).await;
        assert_eq!(answer.status, status, "{seconds}");
    }
}

#[tokio::test]
async fn whoever_guesses_a_verifier_has_few_tries() {
    // Anybody can say to be a public client, so one wrong guess does not void its user's code.
    for (guesses, status) in [(1, 200), (2, 403)] {
        let server = start(|server| vec![spa_code(server, "c")]).await;
        for _ in 0..guesses {
            let wrong = set(spa_spending("c"), "code_verifier", CHALLENGE);
            let answer = server.call("/oauth/token", &wrong).await;
            assert_eq!(answer.error(), WRONG_VERIFIER);
        }
        let answer = server.call("/oauth/token", &spa_spending("c")).await;
        assert_eq!(answer.status, status, "{guesses}");
    }
    // A client that has shown who it is has no reason to guess.
    let server = start(|server| vec![code(server, "c")]).await;
    let wrong = set(
        spending("c"),
        "redirect_uri",
        "http://localhost:3001/callback",
    );
    assert_eq!(server.call("/oauth/token", &wrong).await.status, 403);
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(answer.error(), INVALID);
}

#[tokio::test]
async fn a_third_party_needs_a_challenge_though_it_has_a_secret() {
    let server = start(|_| Vec::new()).await;
    let third = Client {
        is_first_party: false,
        ..client("third", Some(SECRET), &json!({}))
    };
    server.database.clients().insert(&third).await.unwrap();
    for (text, challenge, verifier, status) in
        [("a", None, "", 403), ("b", Some(CHALLENGE), VERIFIER, 200)]
    {
        let code = Code {
            client_id: "third".to_owned(),
            challenge: challenge.map(str::to_owned),
            ..code(&server, text)
        };
        server.database.codes().insert(&code).await.unwrap();
        let parameters = set(spending(text), "client_id", "third");
        let parameters = set(parameters, "code_verifier", verifier);
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.status, status, "{text} {answer:?}");
    }
}

#[tokio::test]
async fn the_standard_s_dialect_answers_400() {
    let server = Server::start_with(Options {
        error_dialect: ErrorDialect::Rfc6749,
        ..Options::default()
    })
    .await;
    seed(&server).await;
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(
        answer.error(),
        (400, "invalid_grant", "Invalid authorization code")
    );
    let wrong = set(spending("c"), "client_secret", "wrong");
    let answer = server.call("/oauth/token", &wrong).await;
    assert_eq!(answer.error(), (401, "invalid_client", "Unauthorized"));
}

#[tokio::test]
async fn a_blocked_user_gets_nothing() {
    let server = start(|server| vec![code(server, "c")]).await;
    let blocked = portcullis_store::tenant::User {
        blocked: true,
        ..ada()
    };
    assert!(server.database.users().update(&blocked).await.unwrap());
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(answer.error(), (401, "unauthorized", "user is blocked"));
}

#[tokio::test]
async fn permissions_are_told_by_dialect_and_limit_scopes() {
    for (dialect, enforced, scope, permissions) in [
        ("access_token", true, "openid read", Value::Null),
        ("access_token_authz", true, "openid read", json!(["read"])),
        (
            "rfc9068_profile_authz",
            true,
            "openid read",
            json!(["read"]),
        ),
        ("access_token_authz", false, "openid read write", json!([])),
    ] {
        let server = start(|_| Vec::new()).await;
        let api = ResourceServer {
            enforce_policies: enforced,
            ..guarded_api(dialect)
        };
        server
            .database
            .resource_servers()
            .insert(&api)
            .await
            .unwrap();
        let may_read = Permission {
            audience: "guarded".to_owned(),
            permission: "read".to_owned(),
        };
        let rows = server.database.permissions();
        rows.add_to_user(ADA, &[may_read]).await.unwrap();
        let code = Code {
            audience: Some("guarded".to_owned()),
            scopes: words("openid read write"),
            ..code(&server, "c")
        };
        server.database.codes().insert(&code).await.unwrap();
        let answer = server.call("/oauth/token", &spending("c")).await;
        assert_eq!(answer.body["scope"], scope, "{dialect} {answer:?}");
        assert_eq!(answer.body["expires_in"], 600, "{dialect}");
        let claims = claims(&answer.body["access_token"]);
        assert_eq!(claims["scope"], scope, "{dialect}");
        let told = claims.get("permissions").unwrap_or(&Value::Null);
        assert_eq!(told, &permissions, "{dialect}");
    }
}

#[tokio::test]
async fn an_api_decides_who_its_users_may_come_through() {
    let no_grant = "Client is not authorized to access \"guarded\". You need to create a \
                    \"client-grant\" associated to this API. See: \
                    https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants";
    for (policy, status) in [
        ("allow_all", 200),
        ("require_client_grant", 403),
        ("deny_all", 403),
        ("nonsense", 403),
    ] {
        let server = start(|_| Vec::new()).await;
        let api = ResourceServer {
            enforce_policies: false,
            subject_type_authorization: json!({ "user": { "policy": policy } }),
            ..guarded_api("access_token")
        };
        server
            .database
            .resource_servers()
            .insert(&api)
            .await
            .unwrap();
        let code = Code {
            audience: Some("guarded".to_owned()),
            ..code(&server, "c")
        };
        server.database.codes().insert(&code).await.unwrap();
        let answer = server.call("/oauth/token", &spending("c")).await;
        assert_eq!(answer.status, status, "{policy}");
        if status == 403 {
            assert_eq!(answer.error(), (403, "access_denied", no_grant), "{policy}");
        }
    }
}

#[tokio::test]
async fn a_client_without_the_grant_type_is_told_so() {
    let server = start(|server| vec![code(server, "c")]).await;
    let bare = Client {
        grant_types: Vec::new(),
        ..web()
    };
    assert!(server.database.clients().update(&bare).await.unwrap());
    let answer = server.call("/oauth/token", &spending("c")).await;
    assert_eq!(
        answer.error(),
        (
            403,
            "unauthorized_client",
            "Grant type 'authorization_code' not allowed for the client."
        )
    );
}

#[tokio::test]
async fn the_guide_s_exchange_works_as_it_is_written() {
    let server = start(|server| {
        vec![Code {
            audience: None,
            nonce: None,
            sid: None,
            scopes: words("openid profile"),
            ..code(server, "c")
        }]
    })
    .await;
    let body = format!(
        "grant_type=authorization_code&client_id=web&client_secret={}&code=c&redirect_uri={CALLBACK}",
        SECRET.replace(' ', "%20"),
    );
    let answer = server.post_form(body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id_token = claims(&answer.body["id_token"]);
    let names: Vec<&String> = id_token.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "aud",
            "exp",
            "iat",
            "iss",
            "name",
            "nickname",
            "picture",
            "sub",
            "updated_at"
        ]
    );
    assert_eq!(answer.body["scope"], "openid profile");
}
