//! Routes that take requests signed with temporary credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis::Clock as _;
use portcullis_gateway::{SignedBy, Signers};
use portcullis_token::sigv4::{
    DerivedKey, Leniency, Principal, Signature, SignatureRefusal, Trusted,
};
use portcullis_token::{RolePolicy, UnixTime};
use serde_json::json;

use crate::client::Client;
use crate::fixture::{Fixture, World, get, post};
use crate::switching::{AGREES, ASKS};
use crate::upstream::{Scripted, values};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const POOL: &str = r#"
[identity_pool.Auth]
providers = [{ domain = "a.example", client_id = "web" }]
[authorizer.iam]
type = "sigv4"
pool = "Auth"
"#;
const API: &str = r#"
[api.Api]
auth = "iam"
identity = { "x-user" = "sub" }
upstream = "UPSTREAM"
[api.Api.routes]
"GET /notes" = {}
"POST /notes" = {}
"GET /denied" = {}
"GET /inside" = {}
"GET /public" = { auth = "none" }
"GET /either" = { auth = ["iam", "user"] }
"#;

/// Knows one set of credentials, whose session token is a word.
#[derive(Debug, Default)]
struct Known {
    /// Whether the token `late` was asked about, which is good from then on.
    late: AtomicBool,
}

impl Signers for Known {
    fn trust(&self, signature: &Signature, _now: UnixTime) -> Result<Trusted, SignatureRefusal> {
        match (signature.access_key(), signature.session_token()) {
            ("ASIAGOOD", Some("good" | "ending")) => {}
            ("ASIAGOOD", Some("late")) if self.late.swap(true, Ordering::AcqRel) => {}
            ("ASIAGOOD", Some("old")) => return Err(SignatureRefusal::TokenExpired),
            _ => return Err(SignatureRefusal::TokenInvalid),
        }
        let policy = r#"{ "Statement": [
            { "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:us-east-1:000000000000:Api/*" },
            { "Effect": "Deny", "Action": "*", "Resource": "*/GET/denied" },
            { "Effect": "Deny", "Action": "*", "Resource": "*/GET/inside",
              "Condition": { "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } } }
        ] }"#;
        Ok(Trusted {
            key: Arc::new(DerivedKey::of(SECRET, signature)?),
            principal: Principal {
                user_arn: "arn:aws:sts::000000000000:assumed-role/r/s".to_owned(),
                identity: Some("us-east-1:ada".to_owned()),
                policy: RolePolicy::parse(policy.as_bytes()).unwrap(),
                expires: (signature.session_token() == Some("ending"))
                    .then_some(portcullis_testkit::TestClock::START),
                ..Principal::default()
            },
        })
    }
}

impl World {
    pub(crate) fn signed_by() -> SignedBy {
        SignedBy {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            leniency: Leniency::Clients,
            signers: Arc::new(Known::default()),
        }
    }
}

async fn fixture(tells_reason: bool) -> Fixture {
    let world = World {
        tells_reason,
        ..World::default()
    };
    Fixture::of(world, &format!("{POOL}{API}")).await
}

/// What is signed, and with what.
#[derive(Clone, Copy)]
struct Signing {
    method: &'static str,
    path: &'static str,
    body: &'static str,
    scope: &'static str,
    token: &'static str,
    seconds_ago: u64,
}

const GOOD: Signing = Signing {
    method: "GET",
    path: "/notes",
    body: "",
    scope: "us-east-1/execute-api",
    token: "good",
    seconds_ago: 0,
};

/// The header lines of a request to `a.example`, signed as AWS documents it.
fn sign(fixture: &Fixture, signing: Signing) -> String {
    let now = fixture.world.clock.now().0 - signing.seconds_ago;
    let date = UnixTime(now).to_string().replace(['-', ':'], "");
    let day = date.get(..8).unwrap();
    let names = "host;x-amz-date;x-amz-security-token";
    let canonical = format!(
        "{}\n{}\n\nhost:a.example\nx-amz-date:{date}\nx-amz-security-token:{}\n\n{names}\n{}",
        signing.method,
        signing.path,
        signing.token,
        hex(&crate::fixture::sha256(signing.body.as_bytes()))
    );
    let scope = format!("{day}/{}/aws4_request", signing.scope);
    format!(
        "X-Amz-Date: {date}\r\nX-Amz-Security-Token: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=ASIAGOOD/{scope}, SignedHeaders={names}, Signature={}\r\n",
        signing.token,
        signature(&date, &scope, &canonical)
    )
}

/// The target of a request to `a.example` that is signed in its query.
fn presign(fixture: &Fixture, path: &str) -> String {
    let now = UnixTime(fixture.world.clock.now().0);
    let date = now.to_string().replace(['-', ':'], "");
    let scope = format!(
        "{}/us-east-1/execute-api/aws4_request",
        date.get(..8).unwrap()
    );
    let credential = format!("ASIAGOOD/{scope}").replace('/', "%2F");
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={date}\
         &X-Amz-Expires=60&X-Amz-Security-Token=good&X-Amz-SignedHeaders=host"
    );
    let empty = hex(&crate::fixture::sha256(b""));
    let canonical = format!("GET\n{path}\n{query}\nhost:a.example\n\nhost\n{empty}");
    format!(
        "{path}?{query}&X-Amz-Signature={}",
        signature(&date, &scope, &canonical)
    )
}

fn hex(bytes: &[u8]) -> String {
    let digit = |text: String, byte| format!("{text}{byte:02x}");
    bytes.iter().fold(String::new(), digit)
}

fn signature(date: &str, scope: &str, canonical: &str) -> String {
    let hash = hex(&crate::fixture::sha256(canonical.as_bytes()));
    let message = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, piece| {
            hmac(&key, piece.as_bytes())
        });
    hex(&hmac(&key, message.as_bytes()))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
}

#[tokio::test]
async fn a_signed_request_passes_without_its_signature() {
    let fixture = fixture(false).await;
    let lines = sign(&fixture, GOOD);
    let answer = fixture
        .get("/notes", &format!("{lines}X-User: eve\r\n"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = fixture.upstream.seen().pop().unwrap();
    assert_eq!(values(&seen, "x-user"), ["us-east-1:ada"]);
    assert_eq!(values(&seen, "authorization"), [""; 0]);
    assert_eq!(values(&seen, "x-amz-security-token"), [""; 0]);

    let body = r#"{"note":1}"#;
    let lines = sign(
        &fixture,
        Signing {
            method: "POST",
            body,
            ..GOOD
        },
    );
    let answer = fixture.send(post("/notes", &lines, body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(fixture.upstream.seen().pop().unwrap()["body"], body);
    let answer = fixture.send(post("/notes", &lines, r#"{"note":2}"#)).await;
    assert_eq!(answer.status, 403);

    assert_eq!(fixture.get("/public", "").await.status, 200);
    let lines = sign(
        &fixture,
        Signing {
            path: "/either",
            ..GOOD
        },
    );
    assert_eq!(fixture.get("/either", &lines).await.status, 200);
    let token = fixture.world.token().sign();
    assert_eq!(fixture.get_with("/either", &token).await.status, 200);
    assert_eq!(fixture.get_with("/notes", &token).await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_words_of_aws() {
    const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let fixture = fixture(false).await;
    for (name, path, signing, error, message) in [
        (
            "another path",
            "/notes",
            Signing {
                path: "/other",
                ..GOOD
            },
            "InvalidSignatureException",
            MISMATCH,
        ),
        (
            "another region",
            "/notes",
            Signing {
                scope: "eu-west-1/execute-api",
                ..GOOD
            },
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'eu-west-1'.",
        ),
        (
            "another service",
            "/notes",
            Signing {
                scope: "us-east-1/s3",
                ..GOOD
            },
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'execute-api'.",
        ),
        (
            "another pool",
            "/notes",
            Signing {
                token: "theirs",
                ..GOOD
            },
            "AccessDeniedException",
            "The security token included in the request is invalid.",
        ),
        (
            "over",
            "/notes",
            Signing {
                token: "old",
                ..GOOD
            },
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        (
            "denied",
            "/denied",
            Signing {
                path: "/denied",
                ..GOOD
            },
            "AccessDeniedException",
            "User: arn:aws:sts::000000000000:assumed-role/r/s is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:000000000000:Api/$default/GET/denied with an explicit deny",
        ),
    ] {
        let lines = sign(&fixture, signing);
        let answer = fixture.get(path, &lines).await;
        assert_eq!(answer.status, 403, "{name}");
        assert_eq!(answer.header("x-amzn-errortype"), Some(error), "{name}");
        assert_eq!(answer.json(), json!({ "message": message }), "{name}");
    }
    let unsigned = fixture.get("/notes", "").await;
    assert_eq!(unsigned.status, 403);
    assert_eq!(unsigned.json(), json!({ "message": "Forbidden" }));

    let late = sign(
        &fixture,
        Signing {
            seconds_ago: 301,
            ..GOOD
        },
    );
    let answer = fixture.get("/notes", &late).await;
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Signature expired: "), "{message}");
    assert!(message.ends_with(" - 5 min.)"), "{message}");
    let in_time = sign(
        &fixture,
        Signing {
            seconds_ago: 300,
            ..GOOD
        },
    );
    assert_eq!(fixture.get("/notes", &in_time).await.status, 200);
    for path in ["/notes//", "//notes", "/./notes", "/notes%2F", "/%6eotes"] {
        let lines = sign(&fixture, GOOD);
        let status = fixture.send(get(path, &lines)).await.status;
        assert!([400, 403, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn in_development_the_canonical_request_is_shown() {
    let fixture = fixture(true).await;
    let lines = sign(
        &fixture,
        Signing {
            path: "/other",
            ..GOOD
        },
    );
    let answer = fixture.get("/notes", &lines).await;
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    let expected =
        "The Canonical String for this request should have been\n'GET\n/notes\n\nhost:a.example\n";
    assert!(message.contains(expected), "{message}");
    assert!(
        message.contains("The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n"),
        "{message}"
    );
}

#[tokio::test]
async fn a_body_that_nobody_has_read_is_not_signed() {
    let signing = Signing {
        method: "POST",
        token: "late",
        ..GOOD
    };
    let fixture = fixture(false).await;
    // Worthless when the body would have been read, and good when the signature is checked.
    let lines = sign(&fixture, signing);
    let answer = fixture.send(post("/notes", &lines, "forged")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(fixture.upstream.seen().len(), 0);
    // The next time the body is there, and is another one.
    let answer = fixture.send(post("/notes", &lines, "forged")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(fixture.send(post("/notes", &lines, "")).await.status, 200);
}

#[tokio::test]
async fn the_source_is_the_caller_behind_a_trusted_proxy() {
    for (trusted, chain, status) in [
        ("", "192.0.2.1", 403),
        (
            "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n",
            "192.0.2.1",
            200,
        ),
        (
            "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n",
            "198.51.100.1",
            403,
        ),
    ] {
        let fixture = Fixture::start(&format!("{trusted}{POOL}{API}")).await;
        let signing = Signing {
            path: "/inside",
            ..GOOD
        };
        let lines = format!("{}X-Forwarded-For: {chain}\r\n", sign(&fixture, signing));
        let answer = fixture.get("/inside", &lines).await;
        assert_eq!(answer.status, status, "{trusted}{chain}");
    }
}

#[tokio::test]
async fn the_answer_to_a_signed_address_is_private() {
    let fixture = fixture(false).await;
    let target = presign(&fixture, "/notes");
    let answer = fixture.send(get(&target, "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("private"));
    let seen = fixture.upstream.seen().pop().unwrap();
    assert_eq!(seen["target"], "/notes", "{seen}");
    let lines = sign(&fixture, GOOD);
    let answer = fixture.get("/notes", &lines).await;
    assert_eq!(answer.header("cache-control"), None);
    // Under another spelling it would stay in the address that upstreams see.
    let hidden = target.replace("Security-Token", "Security%2DToken");
    assert_eq!(fixture.send(get(&hidden, "")).await.status, 403);
}

#[tokio::test]
async fn a_websocket_ends_with_the_credentials_where_the_api_says_so() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write(format!("{AGREES}hello")).await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    for (token, ends) in [("ending", true), ("good", false)] {
        let api = API.replace("UPSTREAM", &upstream.url());
        let api = api.replace("identity =", "websocket_expires = true\nidentity =");
        let fixture = Fixture::start(&format!("{POOL}{api}")).await;
        let lines = sign(&fixture, Signing { token, ..GOOD }) + ASKS;
        let mut client = Client::connect(fixture.gateway.address()).await.unwrap();
        client.write(get("/notes", &lines)).await.unwrap();
        assert_eq!(client.head().await.unwrap().status, 101, "{token}");
        if ends {
            let rest = client.rest().await.unwrap();
            assert!(b"hello".starts_with(&rest), "{rest:?}");
        } else {
            let rest = client.rest_until(|said| said == b"hello").await;
            assert_eq!(rest, b"hello", "{token}");
        }
    }
}
