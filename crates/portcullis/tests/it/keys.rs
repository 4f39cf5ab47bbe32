use std::sync::Arc;
use std::time::Duration;

use portcullis::{
    Cache, Credentials, DistrustList, Distrusted, HttpFetcher, Issuer, KeyFetcher as _, Origin,
    Revalidated, Trigger, Verifier,
};
use portcullis_testkit::{Answer, TestClock, TestIssuer, TestServer, text};
use portcullis_token::Reason;
use serde_json::json;
use url::Url;

use crate::fixture::Fixture;

#[tokio::test]
async fn concurrent_cold_requests_cause_one_discovery_and_one_key_fetch() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (verifier, token) = (fixture.verifier.clone(), token.clone());
            tokio::spawn(async move {
                verifier
                    .verify(&Credentials::bearer(&token))
                    .await
                    .map(drop)
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert_eq!(
        fixture.issuer.fetched(),
        [
            "https://issuer.example/.well-known/openid-configuration",
            "https://issuer.example/.well-known/jwks.json",
        ]
    );
}

#[tokio::test]
async fn the_issuer_may_be_written_with_or_without_its_slash() {
    for (spelled, configured) in [
        ("https://issuer.example/", "https://issuer.example"),
        ("https://issuer.example", "https://issuer.example/"),
        ("https://issuer.example/a/", "https://issuer.example/a"),
    ] {
        let fixture = Fixture::of(TestIssuer::named(spelled), configured);
        assert_eq!(fixture.verify(&fixture.token()).await, Ok(()), "{spelled}");
        let other = fixture
            .issuer
            .token()
            .audience("api")
            .claim("iss", configured)
            .sign();
        let refused = fixture.verify(&other).await;
        assert_eq!(
            refused,
            Err(Reason::IssUnknown),
            "the other spelling of {spelled}"
        );
    }
}

#[tokio::test]
async fn a_rotated_key_is_picked_up_on_first_use() {
    let fixture = Fixture::new();
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()));
    let old = fixture.token();
    fixture.issuer.rotate();
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()));
    assert_eq!(
        fixture.verify(&old).await,
        Err(Reason::KeyUnknown),
        "its key is gone"
    );
}

#[tokio::test]
async fn forged_key_ids_cause_one_fetch_in_ten_seconds() {
    let fixture = Fixture::new();
    let (good, forged) = (fixture.token(), fixture.foreign());
    assert_eq!(fixture.verify(&good).await, Ok(()));
    for _ in 0..100 {
        assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
        assert_eq!(fixture.verify(&good).await, Ok(()));
    }
    assert_eq!(fixture.issuer.key_fetches(), 2);

    fixture.clock.advance(Duration::from_secs(9));
    assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
    assert_eq!(fixture.issuer.key_fetches(), 2);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
    assert_eq!(fixture.issuer.key_fetches(), 3);
}

#[tokio::test]
async fn expired_and_foreign_tokens_never_cause_a_fetch() {
    let fixture = Fixture::new();
    let expired = fixture
        .issuer
        .token()
        .audience("api")
        .claim("exp", 1)
        .sign();
    assert_eq!(fixture.verify(&expired).await, Err(Reason::Expired));
    let foreign = fixture
        .issuer
        .token()
        .claim("iss", "https://evil.example/")
        .sign();
    assert_eq!(fixture.verify(&foreign).await, Err(Reason::IssUnknown));
    assert_eq!(fixture.issuer.fetched(), [""; 0]);
}

#[tokio::test]
async fn a_provider_that_fails_is_503_cold_and_changes_nothing_warm() {
    for answer in [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Status(302),
        Answer::Html,
        Answer::EmptySet,
        Answer::OtherIssuer,
    ] {
        let cold = Fixture::new();
        cold.issuer.answer(answer);
        let refused = cold.verify(&cold.token()).await;
        assert_eq!(refused, Err(Reason::KeysUnavailable), "cold, {answer:?}");

        let warm = Fixture::new();
        assert_eq!(warm.verify(&warm.token()).await, Ok(()));
        warm.issuer.answer(answer);
        assert_eq!(
            warm.verify(&warm.foreign()).await,
            Err(Reason::KeysUnavailable),
            "{answer:?}"
        );
        assert_eq!(warm.verify(&warm.token()).await, Ok(()), "warm, {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_503_after_two_seconds() {
    let fixture = Fixture::new();
    fixture.issuer.answer(Answer::Hang);
    let began = tokio::time::Instant::now();
    assert_eq!(
        fixture.verify(&fixture.token()).await,
        Err(Reason::KeysUnavailable)
    );
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn a_provider_that_comes_back_is_asked_again_after_a_pause() {
    let fixture = Fixture::new();
    fixture.issuer.answer(Answer::Status(500));
    assert_eq!(
        fixture.verify(&fixture.token()).await,
        Err(Reason::KeysUnavailable)
    );
    fixture.issuer.answer(Answer::Documents);
    assert_eq!(
        fixture.verify(&fixture.token()).await,
        Err(Reason::KeysUnavailable),
        "too soon"
    );
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()));
}

#[tokio::test]
async fn ten_thousand_forged_key_ids_in_ten_seconds_cause_two_fetches_at_most() {
    let fixture = Fixture::new();
    for second in 0..10 {
        for number in 0..1_000 {
            let header = json!({ "alg": "RS256", "kid": format!("{second}-{number}") });
            let forged = fixture.issuer.token().audience("api").unsigned(&header);
            assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
        }
        assert_eq!(
            fixture.verify(&fixture.token()).await,
            Ok(()),
            "after {second} s"
        );
        if second < 9 {
            fixture.clock.advance(Duration::from_secs(1));
        }
    }
    let fetches = fixture.issuer.key_fetches();
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test]
async fn a_key_changed_within_its_id_is_picked_up_once_the_keys_are_five_minutes_old() {
    let fixture = Fixture::new();
    fixture.issuer.publish_predecessor();
    let token = fixture.token();
    assert_eq!(fixture.verify(&token).await, Err(Reason::BadSignature));
    fixture.issuer.publish_signing_key();
    fixture.clock.advance(Duration::from_secs(299));
    assert_eq!(
        fixture.verify(&token).await,
        Err(Reason::BadSignature),
        "too young"
    );
    assert_eq!(fixture.issuer.key_fetches(), 1);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.verify(&token).await, Ok(()));
    assert_eq!(fixture.issuer.key_fetches(), 2);
}

#[tokio::test]
async fn bad_signatures_cause_one_fetch_in_five_minutes_and_never_503() {
    let fixture = Fixture::new();
    fixture.issuer.publish_predecessor();
    let token = fixture.token();
    fixture.verifier.ready().await.unwrap();
    fixture.issuer.answer(Answer::Status(500));
    let outcomes = [(300, 2), (300, 3)];
    for (seconds, fetches) in outcomes {
        fixture.clock.advance(Duration::from_secs(seconds));
        for _ in 0..100 {
            assert_eq!(fixture.verify(&token).await, Err(Reason::BadSignature));
        }
        assert_eq!(fixture.issuer.key_fetches(), fetches);
    }
}

#[tokio::test]
async fn the_discovery_document_is_read_again_after_three_failures() {
    let fixture = Fixture::new();
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()));
    fixture.issuer.answer(Answer::NoKeys(410));
    for failures in 1..=3 {
        assert_eq!(
            fixture.verify(&fixture.foreign()).await,
            Err(Reason::KeysUnavailable)
        );
        assert_eq!(fixture.discoveries(), 1, "after {failures} failures");
        fixture.clock.advance(Duration::from_secs(10));
    }
    fixture.issuer.move_keys("https://keys.example/");
    fixture.issuer.answer(Answer::Documents);
    fixture.issuer.rotate();
    assert_eq!(
        fixture.verify(&fixture.token()).await,
        Ok(()),
        "found where they are"
    );
    assert_eq!(fixture.discoveries(), 2);
    let last = fixture.issuer.fetched().pop();
    assert_eq!(
        last.as_deref(),
        Some("https://keys.example/.well-known/jwks.json")
    );
}

#[tokio::test]
async fn the_discovery_document_is_read_again_after_a_day() {
    let fixture = Fixture::new();
    fixture.verifier.ready().await.unwrap();
    for (seconds, discoveries) in [(86_399, 1), (1, 1), (10, 2)] {
        fixture.clock.advance(Duration::from_secs(seconds));
        let forged = fixture.forged_now();
        assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
        assert_eq!(fixture.discoveries(), discoveries, "{seconds} s later");
    }
}

#[tokio::test]
async fn keys_that_have_not_changed_are_vouched_for_without_being_sent() {
    let fixture = Fixture::new();
    fixture.issuer.tag_documents();
    fixture.verifier.ready().await.unwrap();
    fixture.clock.advance(Duration::from_secs(86_399));
    let forged = fixture.forged_now();
    assert_eq!(fixture.verify(&forged).await, Err(Reason::KeyUnknown));
    assert_eq!(fixture.issuer.revalidations(), 1);

    fixture.issuer.answer(Answer::Status(500));
    fixture.clock.advance(Duration::from_secs(86_399));
    assert_eq!(
        fixture.verify(&fixture.token_now()).await,
        Ok(()),
        "as fresh as new ones"
    );

    fixture.issuer.answer(Answer::Documents);
    fixture.issuer.rotate();
    assert_eq!(
        fixture.verify(&fixture.token_now()).await,
        Ok(()),
        "the tag has changed"
    );
}

#[tokio::test]
async fn a_distrusted_key_is_refused_at_once_and_shown_as_such() {
    let list = DistrustList::default();
    let fixture = Fixture::built(|builder| builder.distrust(list.clone()).cache(Cache::default()));
    let token = fixture.token();
    let name = fixture.issuer.name();
    let [thumbprint] = thumbprints(&fixture.issuer);
    let kid = fixture.issuer.key_set().keys()[0].kid().unwrap().to_owned();
    for entry in [
        Distrusted::issuer(name),
        Distrusted::key_id(name, kid),
        Distrusted::Thumbprint(thumbprint),
    ] {
        list.replace([]);
        assert_eq!(fixture.verify(&token).await, Ok(()), "before {entry:?}");
        list.replace([entry.clone()]);
        assert_eq!(
            fixture.verify(&token).await,
            Err(Reason::Revoked),
            "{entry:?}"
        );
        assert!(
            fixture.verifier.key_status()[0].keys[0].is_distrusted,
            "{entry:?}"
        );
    }
}

#[tokio::test]
async fn the_status_of_keys_tells_what_an_operator_asks() {
    let fixture = Fixture::new();
    fixture.verifier.ready().await.unwrap();
    fixture.clock.advance(Duration::from_mins(2));
    fixture.issuer.answer(Answer::Status(500));
    assert_eq!(
        fixture.verify(&fixture.foreign()).await,
        Err(Reason::KeysUnavailable)
    );

    let [status] = fixture.verifier.key_status().try_into().unwrap();
    assert_eq!(status.issuer.as_deref(), Some("https://issuer.example/"));
    assert_eq!(status.origin, Origin::Provider);
    assert_eq!(status.age, Some(Duration::from_mins(2)));
    assert_eq!(
        (status.is_usable, status.is_stale, status.failures),
        (true, true, 1)
    );
    assert_eq!(
        status.last_error.as_deref(),
        Some(
            "the key set could not be fetched: \
             https://issuer.example/.well-known/jwks.json answered 500"
        )
    );
    let counted = |trigger| {
        let count = status.fetches.iter().find(|count| count.trigger == trigger);
        count.map(|count| (count.fetched, count.not_modified, count.failed))
    };
    assert_eq!(counted(Trigger::Start), Some((1, 0, 0)));
    assert_eq!(counted(Trigger::KeyId), Some((0, 0, 1)));
    assert_eq!(counted(Trigger::Signature), Some((0, 0, 0)));
    let [key] = status.keys.try_into().unwrap();
    assert_eq!(key.kid.as_deref(), fixture.issuer.key_set().keys()[0].kid());
}

fn thumbprints(issuer: &TestIssuer) -> [[u8; 32]; 1] {
    let set = issuer.key_set();
    let thumbprints: Vec<_> = set.keys().iter().map(|key| *key.thumbprint()).collect();
    thumbprints.try_into().unwrap()
}

#[tokio::test]
async fn keys_are_used_for_a_day_after_they_were_last_fetched() {
    let fixture = Fixture::new();
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()));
    fixture.issuer.answer(Answer::Status(500));
    let later = |seconds| {
        let token = fixture.issuer.token().audience("api");
        token.claim("exp", TestClock::START.0 + seconds + 60).sign()
    };
    fixture.clock.advance(Duration::from_secs(86_399));
    assert_eq!(fixture.verify(&later(86_399)).await, Ok(()));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(
        fixture.verify(&later(86_400)).await,
        Err(Reason::KeysUnavailable)
    );
}

/// A server whose path decides how it misbehaves, and the fetcher's answer to it.
#[tokio::test]
async fn the_http_fetcher_takes_a_bounded_200_and_nothing_else() {
    let server = TestServer::start(|request| async move {
        let response = http::Response::builder();
        let response = match request.uri().path() {
            "/redirect" => response.status(302).header("location", "/good"),
            "/missing" => response.status(404),
            _ => response.header("cache-control", "max-age=120"),
        };
        let length = if request.uri().path() == "/large" {
            101
        } else {
            100
        };
        response.body(text("x".repeat(length))).unwrap()
    })
    .await;
    let fetcher = HttpFetcher::new().unwrap();
    let fetch = async |url: String| fetcher.fetch(&Url::parse(&url).unwrap(), 100).await;

    let good = fetch(format!("{}/good", server.url())).await.unwrap();
    assert_eq!(
        (good.body.len(), good.max_age),
        (100, Some(Duration::from_mins(2)))
    );
    for (url, expected) in [
        (
            format!("{}/large", server.url()),
            "answered more than 100 bytes",
        ),
        (format!("{}/redirect", server.url()), "answered 302"),
        (format!("{}/missing", server.url()), "answered 404"),
        (
            "http://issuer.example/".to_owned(),
            "is neither https nor on this machine",
        ),
        (
            "https://169.254.169.254/keys".to_owned(),
            "is a link-local address",
        ),
    ] {
        let error = fetch(url.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{url} {expected}"));
    }
}

#[tokio::test]
async fn the_http_fetcher_asks_only_for_what_has_changed() {
    let server = TestServer::start(|request| async move {
        let sent = request.headers().get("if-none-match").cloned();
        let response = http::Response::builder()
            .header("etag", "\"one\"")
            .header("cache-control", "max-age=60");
        match sent {
            Some(tag) if tag == "\"one\"" => response.status(304).body(text("")),
            _ => response.body(text("document")),
        }
        .unwrap()
    })
    .await;
    let fetcher = HttpFetcher::new().unwrap();
    let url = Url::parse(&server.url()).unwrap();
    let first = fetcher.fetch(&url, 100).await.unwrap();
    assert_eq!(first.etag.as_deref(), Some("\"one\""));
    let max_age = Some(Duration::from_mins(1));
    let same = fetcher.revalidate(&url, 100, "\"one\"").await.unwrap();
    assert_eq!(same, Revalidated::NotModified { max_age });
    let other = fetcher.revalidate(&url, 100, "\"two\"").await.unwrap();
    assert_eq!(other, Revalidated::Modified(first));
}

#[tokio::test]
async fn a_fixed_key_set_is_never_fetched() {
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder()
        .issuer(
            Issuer::fixed(issuer.key_set())
                .named(issuer.name())
                .audience("api"),
        )
        .clock(Arc::new(TestClock::default()))
        .build()
        .unwrap();
    let good = issuer
        .token()
        .audience("api")
        .claim("roles", json!(["a"]))
        .sign();
    assert!(verifier.verify(&Credentials::bearer(&good)).await.is_ok());
    let foreign = TestIssuer::new().token().audience("api").sign();
    assert_eq!(
        verifier
            .verify(&Credentials::bearer(&foreign))
            .await
            .map(drop),
        Err(Reason::KeyUnknown)
    );
}
