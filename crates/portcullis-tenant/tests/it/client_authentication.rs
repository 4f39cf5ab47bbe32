use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_store::tenant::{Client, ClientCredential, ClientGrant, ClientSecret};
use portcullis_tenant::{Options, TokenRate};
use portcullis_token::{Secret, SigningKey};
use serde_json::{Value, json};

use crate::rows::{client, hash};
use crate::server::{AUDIENCE, SECRET, Server};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const UNAUTHORIZED: (u16, &str, &str) = (401, "access_denied", "Unauthorized");

/// A client `id` that may ask in its own name.
async fn add(server: &Server, row: Client) {
    let row = Client {
        grant_types: vec!["client_credentials".to_owned()],
        ..row
    };
    server.database.clients().insert(&row).await.unwrap();
    let grant = ClientGrant {
        id: format!("cgr_{}", row.client_id),
        client_id: row.client_id,
        audience: AUDIENCE.to_owned(),
        scopes: vec!["read:reports".to_owned()],
        subject_type: "client".to_owned(),
        created_at: 0,
    };
    server
        .database
        .client_grants()
        .insert(&grant)
        .await
        .unwrap();
}

async fn with_key(key: &SigningKey) -> Server {
    let server = Server::start().await;
    let row = Client {
        authentication_method: "private_key_jwt".to_owned(),
        ..client("signer", None, &json!({}))
    };
    add(&server, row).await;
    let public_jwk = key.public_jwk();
    let credential = ClientCredential {
        id: "cred_1".to_owned(),
        client_id: "signer".to_owned(),
        kind: "public_key".to_owned(),
        name: None,
        kid: public_jwk["kid"].as_str().unwrap().to_owned(),
        algorithm: "RS256".to_owned(),
        public_jwk,
        created_at: 0,
        expires_at: Some(server.now() + 10_000),
    };
    let credentials = server.database.client_credentials();
    credentials.insert(&credential).await.unwrap();
    server
}

fn assertion(server: &Server, key: &SigningKey, changes: &Value) -> String {
    let mut claims = json!({
        "iss": "signer", "sub": "signer", "aud": server.issuer, "jti": "one",
        "iat": server.now(), "exp": server.now() + 60,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign("JWT", &claims).unwrap()
}

fn asking(assertion: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("audience", AUDIENCE),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ]
}

#[tokio::test]
async fn a_signed_assertion_is_good_once() {
    let key = SigningKey::generate().unwrap();
    let server = with_key(&key).await;
    let token = assertion(&server, &key, &json!({}));
    let answer = server.call("/oauth/token", &asking(&token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = server.call("/oauth/token", &asking(&token)).await;
    assert_eq!(again.error(), UNAUTHORIZED);
    // Also within the leeway after its end.
    server.advance(64);
    let again = server.call("/oauth/token", &asking(&token)).await;
    assert_eq!(again.error(), UNAUTHORIZED);
}

#[tokio::test]
async fn an_assertion_is_checked_in_every_part() {
    let key = SigningKey::generate().unwrap();
    let other = SigningKey::generate().unwrap();
    let server = with_key(&key).await;
    let now = server.now();
    let endpoint = format!("{}oauth/token", server.issuer);
    for (name, changes, status) in [
        ("as it should be", json!({}), 200),
        (
            "the endpoint as audience",
            json!({ "aud": endpoint, "jti": "b" }),
            200,
        ),
        ("used", json!({}), 401),
        ("an hour", json!({ "jti": "c", "exp": now + 3600 }), 200),
        (
            "more than an hour",
            json!({ "jti": "d", "exp": now + 3601 }),
            401,
        ),
        ("expired", json!({ "jti": "e", "exp": now - 6 }), 401),
        ("no jti", json!({ "jti": null }), 401),
        ("long jti", json!({ "jti": "j".repeat(513) }), 401),
        (
            "another's audience",
            json!({ "jti": "f", "aud": "https://evil.example/" }),
            401,
        ),
        (
            "another subject",
            json!({ "jti": "g", "sub": "worker" }),
            401,
        ),
        (
            "another issuer",
            json!({ "jti": "h", "iss": "worker" }),
            401,
        ),
        (
            "almost the issuer",
            json!({ "jti": "i", "iss": "signer/" }),
            401,
        ),
    ] {
        let token = assertion(&server, &key, &changes);
        let answer = server.call("/oauth/token", &asking(&token)).await;
        assert_eq!(answer.status, status, "{name} {answer:?}");
    }
    let foreign = assertion(&server, &other, &json!({ "jti": "z" }));
    let answer = server.call("/oauth/token", &asking(&foreign)).await;
    assert_eq!(answer.error(), UNAUTHORIZED);
    server.advance(10_000);
    let late = assertion(&server, &key, &json!({ "jti": "y" }));
    let answer = server.call("/oauth/token", &asking(&late)).await;
    assert_eq!(answer.error(), UNAUTHORIZED, "the key has expired");
}

#[tokio::test]
async fn each_client_authenticates_by_its_own_method() {
    let key = SigningKey::generate().unwrap();
    let server = with_key(&key).await;
    let public = client("public", None, &json!({}));
    let with_secret = Client {
        authentication_method: "none".to_owned(),
        ..client("public-with-secret", Some(SECRET), &json!({}))
    };
    let passwords = &server.passwords;
    let phc = passwords.hash(Secret::new("hunter2".to_owned())).await;
    let chosen = Client {
        secret: Some(ClientSecret::Phc(phc.unwrap())),
        authentication_method: "client_secret_basic".to_owned(),
        ..client("chosen", None, &json!({}))
    };
    let damaged = Client {
        secret: Some(ClientSecret::Sha256(Secret::new(hash("")))),
        ..client("damaged", Some(SECRET), &json!({}))
    };
    for row in [public, with_secret, chosen, damaged] {
        add(&server, row).await;
    }
    let token = assertion(&server, &key, &json!({ "sub": "worker", "iss": "worker" }));
    let not_allowed = (
        403,
        "unauthorized_client",
        "Grant type 'client_credentials' not allowed for the client.",
    );
    let secret = |secret| vec![("client_secret", secret)];
    for (name, client_id, more, expected) in [
        ("chosen", "chosen", secret("hunter2"), None),
        (
            "chosen, wrong",
            "chosen",
            secret("hunter3"),
            Some(UNAUTHORIZED),
        ),
        ("public", "public", Vec::new(), Some(not_allowed)),
        ("public with any", "public", secret("x"), Some(UNAUTHORIZED)),
        (
            "public with its own",
            "public-with-secret",
            secret(SECRET),
            None,
        ),
        (
            "public with a wrong one",
            "public-with-secret",
            secret("x"),
            Some(UNAUTHORIZED),
        ),
        (
            "signer with a secret",
            "signer",
            secret(SECRET),
            Some(UNAUTHORIZED),
        ),
        (
            "signer with nothing",
            "signer",
            Vec::new(),
            Some(UNAUTHORIZED),
        ),
        ("an empty secret", "damaged", secret(""), Some(UNAUTHORIZED)),
        (
            "worker with an assertion",
            "worker",
            vec![
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", &token),
            ],
            Some(UNAUTHORIZED),
        ),
        (
            "no type",
            "signer",
            vec![("client_assertion", &token)],
            Some(UNAUTHORIZED),
        ),
    ] {
        let mut parameters = vec![
            ("grant_type", "client_credentials"),
            ("audience", AUDIENCE),
            ("client_id", client_id),
        ];
        parameters.extend(more);
        let answer = server.call("/oauth/token", &parameters).await;
        match expected {
            None => assert_eq!(answer.status, 200, "{name} {answer:?}"),
            Some(error) => assert_eq!(answer.error(), error, "{name}"),
        }
    }
}

#[tokio::test]
async fn an_application_has_so_many_requests_a_second() {
    let server = Server::start_with(Options {
        token_rate: TokenRate::PerSecond(NonZeroU32::new(3).unwrap()),
        ..Options::default()
    })
    .await;
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_id", "worker"),
        ("client_secret", "wrong"),
        ("audience", AUDIENCE),
    ];
    for _ in 0..3 {
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.error(), UNAUTHORIZED, "guesses count, too");
    }
    let answer = server.call("/oauth/token", &parameters).await;
    assert_eq!(
        answer.error(),
        (
            429,
            "too_many_requests",
            "Too many requests: this application may make 3 a second."
        )
    );
    for (name, value) in [
        ("x-ratelimit-limit", "3"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1"),
        ("retry-after", "1"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    server.advance(1);
    let answer = server.call("/oauth/token", &parameters).await;
    assert_eq!(answer.error(), UNAUTHORIZED);
}

#[tokio::test]
async fn scripts_of_registered_origins_may_call() {
    let server = Server::start().await;
    crate::rows::seed(&server).await;
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/device/code"] {
        for (origin, allowed) in [
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://localhost:3001", None),
        ] {
            let request = reqwest::Client::new()
                .request(reqwest::Method::OPTIONS, server.url(path))
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "auth0-client");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 204, "{path} {origin}");
            let found = response.headers().get("access-control-allow-origin");
            let found = found.map(|value| value.to_str().unwrap());
            assert_eq!(found, allowed, "{path} {origin}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_logins_keeps_no_application_from_its_secret() {
    let server = Server::start().await;
    let phc = server
        .passwords
        .hash(Secret::new("hunter2".to_owned()))
        .await;
    let chosen = Client {
        secret: Some(ClientSecret::Phc(phc.unwrap())),
        ..client("chosen", None, &json!({}))
    };
    add(&server, chosen).await;
    let flood: Vec<_> = (0..80)
        .map(|_| {
            let passwords = server.passwords.clone();
            tokio::spawn(async move {
                loop {
                    let password = Secret::new("taken".to_owned());
                    if passwords.hash(password).await.is_err() {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for (secret, status) in [("hunter3", 401), ("hunter2", 200), ("hunter2", 200)] {
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_id", "chosen"),
            ("client_secret", secret),
            ("audience", AUDIENCE),
        ];
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.status, status, "{secret}: {answer:?}");
    }
    for task in flood {
        task.abort();
    }
}

/// RFC 6749 section 2.3.1 has both form-encoded, which curl and authlib do not do.
#[tokio::test]
async fn a_secret_in_basic_is_taken_encoded_and_as_it_is() {
    let server = Server::start().await;
    for (name, secret) in [("sha256", "a+b %41: é"), ("argon2id", "p+q %42")] {
        let mut row = client(name, Some(secret), &json!({}));
        if name == "argon2id" {
            let phc = server.passwords.hash(Secret::new(secret.to_owned())).await;
            row.secret = Some(ClientSecret::Phc(phc.unwrap()));
        }
        add(&server, row).await;
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for (given, status) in [
            (encoded.as_str(), 200),
            (secret, 200),
            (&secret.replace('+', " "), 401),
            (&encoded.replace("%2B", "+"), 401),
        ] {
            let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{given}")));
            let body = format!("grant_type=client_credentials&audience={AUDIENCE}");
            let form = "application/x-www-form-urlencoded";
            let answer = server.post(form, body, Some(&basic)).await;
            assert_eq!(answer.status, status, "{name} {given}: {answer:?}");
        }
    }
}
