use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use portcullis::{
    BoxFuture, Cache, Document, FetchError, HttpFetcher, HttpIntrospector, Introspection, Issuer,
    KeyFetcher, Observer, Secret, Verifier,
};
use portcullis_testkit::{Answer, TestClock, TestIssuer, TestServer, text};
use portcullis_token::Reason;
use serde_json::json;
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::dpop::{self, Caller};
use crate::fixture::Fixture;

const WINDOW: usize = 16;

/// Everything that is logged, at any level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what this thread logs up to `level`, until the guard is dropped.
    pub(crate) fn take(&self, level: Level) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Takes everything, and a line for each span that ends.
    pub(crate) fn take_spans(&self) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_span_events(FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[track_caller]
fn assert_silent(log: &str, tokens: &[String]) {
    let logged: HashSet<&[u8]> = log.as_bytes().windows(WINDOW).collect();
    for token in tokens {
        assert!(token.len() >= WINDOW);
        for part in token.as_bytes().windows(WINDOW) {
            assert!(
                !logged.contains(part),
                "the log has a part of a token: {log}"
            );
        }
    }
}

#[tokio::test]
async fn no_sixteen_characters_of_a_token_are_ever_logged() {
    let log = Log::default();
    let guard = log.take_spans();

    let endpoint =
        TestServer::start(|_| async { http::Response::new(text(r#"{"active":false}"#)) }).await;
    let introspector = HttpIntrospector::post(
        endpoint.url().parse().unwrap(),
        "api",
        Secret::new("a-secret-of-sixteen-and-more".to_owned()),
    )
    .unwrap();
    let issuer = TestIssuer::new();
    let configured = Issuer::discover(issuer.name())
        .audience("api")
        .introspection(Introspection::new(Arc::new(introspector)));
    let fixture = Fixture::with(issuer, configured, TestClock::default(), |builder| {
        builder
            .cache(Cache::default())
            .observer(Observer::default())
    });

    let mut tokens = vec!["a-secret-of-sixteen-and-more".to_owned()];
    let caller = Caller::new();
    let bound = caller.token(&fixture);
    let proof = caller.proof(&bound, "a");
    for expected in [Ok(()), Err(Reason::DpopReplay)] {
        assert_eq!(dpop::verify(&fixture, &bound, &proof).await, expected);
    }
    tokens.extend([bound, proof]);

    let good = fixture.token();
    let expired = fixture
        .issuer
        .token()
        .audience("api")
        .claim("exp", 1)
        .sign();
    let mut changed = fixture.token();
    changed.replace_range(changed.len() - 8..changed.len() - 4, "AAAA");
    for (token, expected) in [
        (good.clone(), Ok(())),
        (good, Ok(())),
        (expired, Err(Reason::Expired)),
        (changed, Err(Reason::BadSignature)),
        (fixture.foreign(), Err(Reason::KeyUnknown)),
        (
            fixture.issuer.token().alg_none(),
            Err(Reason::AlgNotAllowed),
        ),
        (fixture.issuer.token().hs256(), Err(Reason::AlgNotAllowed)),
        (
            "an-opaque-token-of-some-length".to_owned(),
            Err(Reason::Inactive),
        ),
        (
            "not a token, but long enough to be one".to_owned(),
            Err(Reason::NotJwt),
        ),
        (
            "one.dot-is-not-enough-for-a-token".to_owned(),
            Err(Reason::NotJwt),
        ),
    ] {
        assert_eq!(fixture.verify(&token).await, expected);
        tokens.push(token);
    }
    fixture.issuer.answer(Answer::Status(500));
    fixture.clock.advance(std::time::Duration::from_secs(10));
    let foreign = fixture.foreign();
    assert_eq!(fixture.verify(&foreign).await, Err(Reason::KeysUnavailable));
    tokens.push(foreign);
    drop(guard);

    let log = log.text();
    for line in ["could not fetch keys", "token refused", "auth.verify"] {
        assert!(log.contains(line), "the log was taken: {log}");
    }
    assert_silent(&log, &tokens);
}

#[tokio::test]
async fn no_token_is_logged_when_keys_are_fetched_over_sockets() {
    let log = Log::default();
    let guard = log.take_spans();
    let verifier = Verifier::builder()
        .issuer(
            Issuer::jwks("http://127.0.0.1:1/keys")
                .named("https://issuer.example/")
                .audience("api"),
        )
        .fetcher(Arc::new(HttpFetcher::new().unwrap()))
        .clock(Arc::new(TestClock::default()))
        .observer(Observer::default())
        .build()
        .unwrap();
    let token = TestIssuer::new().token().audience("api").sign();
    let answer = verifier
        .verify(&portcullis::Credentials::bearer(&token))
        .await;
    assert_eq!(answer.map(drop), Err(Reason::KeysUnavailable));
    drop(guard);
    let log = log.text();
    assert!(
        log.contains("could not fetch keys"),
        "the log was taken: {log}"
    );
    assert_silent(&log, &[token]);
}

/// A provider whose key set is this text.
#[derive(Debug)]
struct Published(String);

impl KeyFetcher for Published {
    fn fetch<'a>(
        &'a self,
        _: &'a url::Url,
        _: usize,
    ) -> BoxFuture<'a, Result<Document, FetchError>> {
        Box::pin(async { Ok(Document::new(&*self.0)) })
    }
}

#[tokio::test]
async fn a_private_key_that_is_published_is_an_alarm_even_when_it_is_the_only_key() {
    let provider = TestIssuer::new();
    let good = provider.jwks()["keys"][0].clone();
    let mut private = good.clone();
    private["d"] = json!("AQAB");
    private["kid"] = json!("lost");
    for (name, keys, is_ready, alarms) in [
        ("good", json!([good]), true, 0),
        ("beside a good one", json!([good, private]), true, 1),
        ("alone", json!([private]), false, 1),
        ("none", json!([]), false, 0),
    ] {
        let log = Log::default();
        let guard = log.take(Level::ERROR);
        let auth = Verifier::builder()
            .issuer(Issuer::jwks("https://issuer.example/jwks").audience("api"))
            .fetcher(Arc::new(Published(json!({ "keys": keys }).to_string())))
            .build()
            .unwrap();
        assert_eq!(auth.ready().await.is_ok(), is_ready, "{name}");
        drop(guard);
        let text = log.text();
        let told = text
            .matches("the issuer has published a private key")
            .count();
        assert_eq!(told, alarms, "{name}: {text}");
        assert_eq!(text.contains("kid=\"lost\""), alarms > 0, "{name}: {text}");
        assert!(!text.contains("AQAB"), "{name}: {text}");
    }
}
