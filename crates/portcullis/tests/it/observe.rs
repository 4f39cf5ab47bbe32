use std::time::Duration;

use portcullis::{Cache, Issuer, Observer, Stage};
use portcullis_testkit::{TestClock, TestIssuer};
use portcullis_token::{ClaimRule, Reason, base64url};
use tracing::Level;

use crate::fixture::Fixture;
use crate::logs::Log;

fn fixture(issuer: TestIssuer, configured: &str) -> Fixture {
    let configured = Issuer::discover(configured)
        .audience("api")
        .claim_rule(ClaimRule::exists("org_id"));
    Fixture::with(issuer, configured, TestClock::default(), |builder| {
        builder
            .cache(Cache::default())
            .observer(Observer::default())
    })
}

/// What is logged when `token` is refused for `reason`.
async fn line(fixture: &Fixture, token: &str, reason: Reason) -> String {
    let log = Log::default();
    let guard = log.take(Level::TRACE);
    assert_eq!(fixture.verify(token).await, Err(reason));
    drop(guard);
    let text = log.text();
    let lines: Vec<_> = text.lines().collect();
    let refused = lines.iter().filter(|line| line.contains("token refused"));
    let [line] = refused.collect::<Vec<_>>().try_into().unwrap();
    (*line).to_owned()
}

#[tokio::test]
async fn a_classic_mistake_is_told_by_its_hint() {
    let fixture = fixture(TestIssuer::new(), "https://issuer.example/");
    let token = || fixture.fresh(&fixture.issuer).claim("org_id", "a");
    let at = |seconds: u64| TestClock::START.plus(Duration::from_secs(seconds)).0;
    let of = |issuer: &str| {
        let issuer = TestIssuer::named(issuer);
        fixture.fresh(&issuer).sign()
    };
    let encrypted = ["e30", "AA", "AA", "AA", "AA"].join(".");
    let expired = |ago: u64| token().claim("exp", TestClock::START.0 - ago).sign();
    for (name, token, reason, hint) in [
        (
            "opaque",
            "opaque-token-of-auth0".to_owned(),
            Reason::NotJwt,
            "Auth0 gives such a token",
        ),
        ("dotted", "a.b".to_owned(), Reason::NotJwt, "send a JWT"),
        (
            "encrypted",
            encrypted,
            Reason::JweUnsupported,
            "Auth0 gives such a token",
        ),
        (
            "slash",
            of("https://issuer.example"),
            Reason::IssUnknown,
            "by the slash at its end",
        ),
        (
            "other issuer",
            of("https://other.example/"),
            Reason::IssUnknown,
            "take the token from",
        ),
        (
            "shared secret",
            token().hs256(),
            Reason::AlgNotAllowed,
            "signing algorithm of the API to RS256",
        ),
        (
            "no algorithm",
            token().alg_none(),
            Reason::AlgNotAllowed,
            "one of the authorizer",
        ),
        (
            "nonce",
            token().claim("nonce", "n").sign(),
            Reason::IdToken,
            "this is an ID token",
        ),
        (
            "ID token",
            token().claim("nonce", "n").audience("client").sign(),
            Reason::AudMismatch,
            "this is an ID token",
        ),
        (
            "client",
            token().claim("azp", "client").audience("client").sign(),
            Reason::AudMismatch,
            "`aud` is the client id",
        ),
        (
            "audience slash",
            token().audience("api/").sign(),
            Reason::AudMismatch,
            "the audience differs by the slash",
        ),
        (
            "other API",
            token().audience("other").sign(),
            Reason::AudMismatch,
            "ask for a token with",
        ),
        (
            "ahead",
            token().claim("nbf", at(42)).sign(),
            Reason::NotYetValid,
            "42 s ahead",
        ),
        (
            "far ahead",
            token().claim("nbf", at(301)).sign(),
            Reason::NotYetValid,
            "wait until",
        ),
        (
            "issued ahead",
            token().claim("iat", at(300)).sign(),
            Reason::BadIat,
            "300 s ahead",
        ),
        (
            "just expired",
            expired(300),
            Reason::Expired,
            "expired 300 s ago",
        ),
        (
            "expired",
            expired(301),
            Reason::Expired,
            "get a token again: this one",
        ),
    ] {
        let line = line(&fixture, &token, reason).await;
        assert!(
            line.contains(&format!("reason=\"{}\"", reason.code())),
            "{name}: {line}"
        );
        assert!(line.contains(hint), "{name}: {line}");
    }
}

#[tokio::test]
async fn a_tenant_of_another_region_is_told() {
    let fixture = fixture(
        TestIssuer::named("https://acme.eu.auth0.com/"),
        "https://acme.eu.auth0.com/",
    );
    let elsewhere = TestIssuer::named("https://acme.us.auth0.com/");
    let token = fixture.fresh(&elsewhere).sign();
    let line = line(&fixture, &token, Reason::IssUnknown).await;
    assert!(line.contains("another region of Auth0"), "{line}");
    assert!(line.contains("issuer=\"unknown\""), "{line}");
}

#[tokio::test]
async fn the_id_of_a_token_is_logged_once_its_signature_was_checked() {
    let fixture = fixture(TestIssuer::new(), "https://issuer.example/");
    let token = || {
        fixture
            .fresh(&fixture.issuer)
            .claim("jti", "id-of-the-token")
    };
    let long = "j".repeat(129);
    for (name, token, reason, has_id) in [
        ("lacks a claim", token().sign(), Reason::ClaimMismatch, true),
        (
            "other API",
            token().audience("other").sign(),
            Reason::AudMismatch,
            true,
        ),
        ("changed", token().tamper(), Reason::BadSignature, false),
        (
            "expired",
            token().claim("exp", 1).sign(),
            Reason::Expired,
            false,
        ),
        (
            "forever",
            token().without("exp").sign(),
            Reason::ClaimMissing,
            false,
        ),
        (
            "too long",
            token().claim("jti", long).sign(),
            Reason::ClaimMismatch,
            false,
        ),
    ] {
        let line = line(&fixture, &token, reason).await;
        assert_eq!(
            line.contains("jti=\"id-of-the-token\""),
            has_id,
            "{name}: {line}"
        );
        assert!(has_id || !line.contains("jti="), "{name}: {line}");
    }
}

/// The value of a field of a line.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, value) = line.rsplit_once(&format!(" {name}="))?;
    value.split(' ').next()
}

#[tokio::test]
async fn lines_tell_that_they_are_about_the_same_token_and_key_without_naming_either() {
    let issuer = TestIssuer::new();
    let (one, other) = (
        fixture(issuer.clone(), "https://issuer.example/"),
        fixture(issuer, "https://issuer.example/"),
    );
    let token = |audience: &str| one.fresh(&one.issuer).audience(audience).sign();
    let (a, b) = (token("a"), token("b"));
    let mut lines = Vec::new();
    for (fixture, token) in [(&one, &a), (&one, &a), (&one, &b), (&other, &a)] {
        lines.push(line(fixture, token, Reason::AudMismatch).await);
    }
    let ids: Vec<_> = lines
        .iter()
        .map(|line| field(line, "token_id").unwrap())
        .collect();
    let keys: Vec<_> = lines
        .iter()
        .map(|line| field(line, "kid").unwrap())
        .collect();
    for id in ids.iter().chain(&keys) {
        assert_eq!(id.len(), 12, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[3], "each observer has a key of its own");
    assert_eq!(keys[0], keys[2]);
    assert_ne!(keys[0], keys[3]);
    assert_eq!(
        field(&lines[0], "issuer"),
        Some("\"https://issuer.example/\"")
    );
    assert_eq!(field(&lines[0], "alg"), Some("\"RS256\""));
}

#[tokio::test]
async fn a_flood_of_refusals_is_logged_in_part_and_counted_whole() {
    let observer = Observer::default();
    let fixture = Fixture::built(|builder| builder.observer(observer.clone()));
    let log = Log::default();
    let guard = log.take(Level::DEBUG);
    for _ in 0..210 {
        assert_eq!(fixture.verify("a.b").await, Err(Reason::NotJwt));
    }
    let header = base64url::encode(b"{}");
    let other = format!("{header}.e30.AA");
    assert_eq!(fixture.verify(&other).await, Err(Reason::AlgNotAllowed));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.verify("a.b").await, Err(Reason::NotJwt));
    drop(guard);
    let text = log.text();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("token refused"))
        .collect();
    assert_eq!(lines.len(), 10 + 2 + 1 + 1, "{text}");
    assert_eq!(text.matches("suppressed=99").count(), 2, "{text}");

    let status = observer.status();
    assert_eq!(status.accepted, 0);
    let refused: Vec<_> = status
        .refused
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(refused, [(Reason::NotJwt, 211), (Reason::AlgNotAllowed, 1)]);
    assert_eq!(status.stages[1].count(), 212);
}

#[tokio::test]
async fn answers_are_counted_and_timed_by_stage() {
    let (observer, cache) = (Observer::default(), Cache::default());
    let fixture = Fixture::built(|builder| builder.observer(observer.clone()).cache(cache.clone()));
    let token = fixture.token();
    for _ in 0..3 {
        assert_eq!(fixture.verify(&token).await, Ok(()));
    }
    let status = observer.status();
    assert_eq!(status.accepted, 3);
    let counts: Vec<_> = status
        .stages
        .iter()
        .map(|stage| (stage.stage, stage.count()))
        .collect();
    assert_eq!(counts, [(Stage::Cached, 2), (Stage::Full, 1)]);
    assert!(
        status.stages[1].sum > status.stages[0].sum,
        "a fetch and a signature take longer"
    );
    assert_eq!(cache.status().hits, 2);
}

#[tokio::test]
async fn a_good_answer_is_a_span_and_no_line() {
    let fixture = Fixture::built(|builder| builder.observer(Observer::default()));
    let token = fixture.token();
    let (log, events) = (Log::default(), Log::default());
    let guard = log.take_spans();
    assert_eq!(fixture.verify(&token).await, Ok(()));
    drop(guard);
    let text = log.text();
    let closed = text
        .lines()
        .find(|line| line.contains("close") && line.contains("auth.verify"));
    let closed = closed.unwrap_or_else(|| panic!("no span: {text}"));
    for part in [
        "reason=\"ok\"",
        "issuer=\"https://issuer.example/\"",
        "alg=\"RS256\"",
        "kid=",
    ] {
        assert!(closed.contains(part), "{part}: {closed}");
    }
    assert!(!text.contains("token refused"), "{text}");

    let guard = events.take(Level::INFO);
    assert_eq!(fixture.verify("a.b").await, Err(Reason::NotJwt));
    drop(guard);
    assert_eq!(events.text(), "", "what is not asked for is not written");
}

#[tokio::test]
async fn without_an_observer_there_is_neither_span_nor_line() {
    let fixture = Fixture::new();
    let log = Log::default();
    let guard = log.take_spans();
    assert_eq!(fixture.verify("a.b").await, Err(Reason::NotJwt));
    drop(guard);
    assert_eq!(log.text(), "");
}
