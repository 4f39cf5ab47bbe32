use std::sync::Arc;
use std::time::Duration;

use portcullis::{Credentials, HttpFetcher, Issuer, KeyFetcher as _, Verifier};
use portcullis_testkit::{Answer, TestClock, TestIssuer, TestServer, text};
use portcullis_token::Reason;
use serde_json::json;
use url::Url;

struct Fixture {
    issuer: TestIssuer,
    clock: TestClock,
    verifier: Verifier,
}

impl Fixture {
    fn new() -> Self {
        Self::of(TestIssuer::new(), "https://issuer.example/")
    }

    fn of(issuer: TestIssuer, configured: &str) -> Self {
        let clock = TestClock::default();
        let verifier = Verifier::builder()
            .issuer(Issuer::discover(configured).audience("api"))
            .fetcher(Arc::new(issuer.clone()))
            .clock(Arc::new(clock.clone()))
            .build()
            .expect("the issuer is well-formed");
        Self {
            issuer,
            clock,
            verifier,
        }
    }

    fn token(&self) -> String {
        self.issuer.token().audience("api").sign()
    }

    /// A token whose key id nobody has published.
    fn foreign(&self) -> String {
        TestIssuer::named(self.issuer.name())
            .token()
            .audience("api")
            .sign()
    }

    async fn verify(&self, token: &str) -> Result<(), Reason> {
        self.verifier
            .verify(&Credentials::bearer(token))
            .await
            .map(drop)
    }
}

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
    ] {
        let error = fetch(url.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{url} {expected}"));
    }
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
