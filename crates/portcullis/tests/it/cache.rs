use std::time::Duration;

use portcullis::{Cache, Clock as _, Issuer};
use portcullis_testkit::{Answer, TestClock, TestIssuer};
use portcullis_token::{ClaimRule, Reason};

use crate::fixture::Fixture;

fn fixture() -> (Fixture, Cache) {
    let cache = Cache::default();
    let fixture = Fixture::built(|builder| builder.cache(cache.clone()));
    (fixture, cache)
}

fn served(cache: &Cache) -> (u64, u64) {
    let status = cache.status();
    (status.hits, status.misses)
}

#[tokio::test]
async fn a_token_is_verified_once_in_five_minutes() {
    let (fixture, cache) = fixture();
    let token = fixture.token();
    for (seconds, expected) in [
        (0, (0, 1)),
        (0, (1, 1)),
        (299, (2, 1)),
        (1, (2, 2)),
        (0, (3, 2)),
    ] {
        fixture.clock.advance(Duration::from_secs(seconds));
        assert_eq!(fixture.verify(&token).await, Ok(()));
        assert_eq!(served(&cache), expected, "{seconds} s later");
    }
    cache.clear();
    assert_eq!((cache.status().entries, cache.status().bytes), (0, 0));
    assert_eq!(fixture.verify(&token).await, Ok(()));
    assert_eq!(served(&cache), (3, 3));
}

#[tokio::test]
async fn an_expired_token_is_refused_however_recently_it_was_good() {
    let (fixture, _) = fixture();
    let token = fixture.issuer.token().audience("api");
    let token = token.valid_from(fixture.clock.now(), 60).sign();
    for (seconds, expected) in [
        (0, Ok(())),
        (59, Ok(())),
        (5, Ok(())),
        (1, Err(Reason::Expired)),
    ] {
        fixture.clock.advance(Duration::from_secs(seconds));
        assert_eq!(fixture.verify(&token).await, expected, "{seconds} s later");
    }
}

#[tokio::test]
async fn what_is_refused_is_never_remembered() {
    let (fixture, cache) = fixture();
    let expired = fixture
        .issuer
        .token()
        .audience("api")
        .claim("exp", 1)
        .sign();
    let other_api = fixture.issuer.token().audience("other").sign();
    for (name, token) in [
        ("expired", expired),
        ("other audience", other_api),
        ("foreign", fixture.foreign()),
        ("malformed", "a.b.c".to_owned()),
        ("too large", "a".repeat(16 * 1024 + 1)),
    ] {
        assert!(fixture.verify(&token).await.is_err(), "{name}");
        assert_eq!(cache.status().entries, 0, "{name}");
    }
    assert_eq!(
        served(&cache),
        (0, 4),
        "what is too large is not even hashed"
    );
}

#[tokio::test]
async fn a_key_that_its_issuer_removes_is_refused_on_the_next_request() {
    let (fixture, cache) = fixture();
    let old = fixture.token();
    assert_eq!(fixture.verify(&old).await, Ok(()));
    assert_eq!(fixture.verify(&old).await, Ok(()));
    fixture.issuer.rotate();
    assert_eq!(
        fixture.verify(&fixture.token()).await,
        Ok(()),
        "brings the keys"
    );
    assert_eq!(fixture.verify(&old).await, Err(Reason::KeyUnknown));
    assert_eq!(cache.status().stale_keys, 1);
    assert_eq!(cache.status().entries, 1, "the old token is forgotten");
}

#[tokio::test]
async fn a_key_that_stays_when_another_comes_is_still_good() {
    let (fixture, cache) = fixture();
    let token = fixture.token();
    assert_eq!(fixture.verify(&token).await, Ok(()));
    fixture.issuer.publish_another();
    assert_eq!(
        fixture.verify(&fixture.foreign()).await,
        Err(Reason::KeyUnknown)
    );
    assert_eq!(fixture.verify(&token).await, Ok(()));
    assert_eq!((cache.status().hits, cache.status().stale_keys), (1, 0));
}

#[tokio::test]
async fn keys_that_are_too_old_to_tell_are_503_for_a_remembered_token_too() {
    let cache = Cache::default();
    let issuer = TestIssuer::new();
    let configured = Issuer::discover(issuer.name())
        .audience("api")
        .max_stale(Duration::ZERO);
    let fixture = Fixture::with(issuer, configured, TestClock::default(), |builder| {
        builder.cache(cache.clone())
    });
    let token = fixture.token();
    fixture.verifier.ready().await.unwrap();
    fixture.clock.advance(Duration::from_secs(359));
    assert_eq!(fixture.verify(&token).await, Ok(()));
    fixture.issuer.answer(Answer::Status(500));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.verify(&token).await, Err(Reason::KeysUnavailable));
}

#[tokio::test]
async fn verifiers_that_share_a_cache_never_see_each_others_answers() {
    let cache = Cache::default();
    let issuer = TestIssuer::new();
    let verifier = |configured: Issuer| {
        Fixture::with(
            issuer.clone(),
            configured,
            TestClock::default(),
            |builder| builder.cache(cache.clone()),
        )
    };
    let open = verifier(Issuer::discover(issuer.name()).any_audience());
    let strict = verifier(Issuer::discover(issuer.name()).audience("other"));
    let ruled = verifier(
        Issuer::discover(issuer.name())
            .audience("api")
            .claim_rule(ClaimRule::exists("org_id")),
    );
    let token = open.token();
    for _ in 0..2 {
        assert_eq!(open.verify(&token).await, Ok(()));
        assert_eq!(strict.verify(&token).await, Err(Reason::AudMismatch));
        assert_eq!(ruled.verify(&token).await, Err(Reason::ClaimMismatch));
    }
    assert_eq!(served(&cache), (1, 5));
}

#[tokio::test]
async fn neither_bound_is_passed_by_many_tokens() {
    for (max_entries, max_bytes) in [(3, 1_000_000), (1_000, 9_000)] {
        let cache = Cache::new(max_entries, max_bytes);
        let fixture = Fixture::built(|builder| builder.cache(cache.clone()));
        for number in 0..20 {
            let token = fixture.issuer.token().audience("api");
            let token = token.claim("number", number).sign();
            assert_eq!(fixture.verify(&token).await, Ok(()));
            assert_eq!(fixture.verify(&token).await, Ok(()));
            let status = cache.status();
            assert!(
                status.entries <= max_entries && status.bytes <= max_bytes,
                "{status:?}"
            );
        }
        let status = cache.status();
        assert!(status.entries >= 3, "{status:?}");
        assert_eq!((status.hits, status.misses), (20, 20));
        let entries = u64::try_from(status.entries).unwrap();
        assert_eq!(status.evictions, 20 - entries);
    }
}
