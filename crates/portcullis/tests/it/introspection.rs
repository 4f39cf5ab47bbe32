use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use portcullis::{
    BoxFuture, Credentials, HttpIntrospector, Introspection, IntrospectionError, Introspector,
    Issuer, Revocation, RevocationList, Secret, Verifier,
};
use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer, TestServer, text};
use portcullis_token::{KeyIdentity, KeySet, Reason, SigningKey};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

/// An issuer's endpoint in memory, which counts its questions.
#[derive(Clone, Debug)]
struct Endpoint {
    answer: Arc<Mutex<Option<String>>>,
    questions: Arc<AtomicUsize>,
}

impl Endpoint {
    fn new(answer: &Value) -> Self {
        Self {
            answer: Arc::new(Mutex::new(Some(answer.to_string()))),
            questions: Arc::default(),
        }
    }

    /// Answers with this text from here on; with nothing, by failing.
    fn answer(&self, answer: Option<&str>) {
        *self.answer.lock().unwrap() = answer.map(str::to_owned);
    }

    fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

impl Introspector for Endpoint {
    fn introspect<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer.map(String::into_bytes).ok_or_else(|| {
                let url = "https://issuer.example/introspect".parse().unwrap();
                IntrospectionError::Status { url, status: 500 }
            })
        })
    }
}

fn active() -> Value {
    json!({
        "active": true,
        "iss": "https://issuer.example/",
        "aud": "api",
        "sub": "ada",
        "exp": TestClock::START.0 + 60,
    })
}

fn fixture(introspection: Introspection) -> Fixture {
    let issuer = TestIssuer::new();
    let configured = Issuer::discover(issuer.name())
        .audience("api")
        .introspection(introspection);
    Fixture::with(issuer, configured, TestClock::default(), |builder| builder)
}

fn asking(endpoint: &Endpoint) -> Introspection {
    Introspection::new(Arc::new(endpoint.clone()))
}

#[tokio::test]
async fn an_opaque_token_is_what_its_issuer_says() {
    let with = |name: &str, value: Value| {
        let mut answer = active();
        answer[name] = value;
        answer.to_string()
    };
    for (answer, expected) in [
        (active().to_string(), Ok(())),
        (with("active", json!(false)), Err(Reason::Inactive)),
        (with("active", json!("true")), Err(Reason::Inactive)),
        (with("aud", json!("other")), Err(Reason::AudMismatch)),
        (
            with("iss", json!("https://other.example/")),
            Err(Reason::IssUnknown),
        ),
        (with("exp", json!(1)), Err(Reason::Expired)),
        (with("exp", json!("soon")), Err(Reason::ClaimType)),
        ("<html>".to_owned(), Err(Reason::IntrospectionUnavailable)),
    ] {
        let endpoint = Endpoint::new(&Value::Null);
        endpoint.answer(Some(&answer));
        let fixture = fixture(asking(&endpoint));
        assert_eq!(fixture.verify(OPAQUE).await, expected, "{answer}");
        assert_eq!(fixture.issuer.fetched(), [""; 0], "no key is needed");
    }
}

#[tokio::test]
async fn a_token_whose_issuer_does_not_name_itself_is_revoked_like_any_other() {
    let clock = TestClock::default();
    for (revoked, expected) in [("a-jti", Err(Reason::Revoked)), ("another", Ok(()))] {
        let list = RevocationList::new(Arc::new(clock.clone()));
        let mut answer = active();
        answer["jti"] = json!("a-jti");
        answer.as_object_mut().unwrap().remove("iss");
        let issuer = TestIssuer::new();
        let configured = Issuer::discover(issuer.name())
            .audience("api")
            .introspection(asking(&Endpoint::new(&answer)));
        let name = issuer.name().to_owned();
        let fixture = Fixture::with(issuer, configured, clock.clone(), |builder| {
            builder.revocations(Arc::new(list.clone()))
        });
        let until = TestClock::START.plus(Duration::from_mins(1));
        let revocation = Revocation::Token(revoked.to_owned());
        list.revoke(&name, revocation, until).unwrap();
        assert_eq!(fixture.verify(OPAQUE).await, expected, "{revoked}");
    }
}

#[tokio::test]
async fn what_is_neither_a_jwt_nor_a_token_is_never_asked_about() {
    let endpoint = Endpoint::new(&active());
    let fixture = fixture(asking(&endpoint));
    let large = "a".repeat(16 * 1024 + 1);
    for (token, expected) in [
        ("", Reason::NotJwt),
        ("a b", Reason::NotJwt),
        ("a&client_id=b", Reason::NotJwt),
        ("a.b", Reason::NotJwt),
        (large.as_str(), Reason::TooLarge),
    ] {
        assert_eq!(fixture.verify(token).await, Err(expected), "{token:.20}");
    }
    assert_eq!(fixture.verify(&fixture.token()).await, Ok(()), "a JWT");
    assert_eq!(endpoint.questions(), 0);
    assert_eq!(
        Fixture::new().verify(OPAQUE).await,
        Err(Reason::NotJwt),
        "nobody to ask"
    );
}

#[tokio::test]
async fn twenty_requests_at_once_ask_once() {
    let endpoint = Endpoint::new(&active());
    let fixture = Arc::new(fixture(asking(&endpoint)));
    let requests: tokio::task::JoinSet<_> = (0..20)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            async move { fixture.verify(OPAQUE).await }
        })
        .collect();
    assert_eq!(requests.join_all().await, [Ok(()); 20]);
    assert_eq!(endpoint.questions(), 1);
    assert_eq!(fixture.verify(OPAQUE).await, Ok(()));
    assert_eq!(endpoint.questions(), 2, "nothing is remembered by default");
}

#[tokio::test]
async fn an_active_token_is_remembered_as_long_as_allowed_and_never_past_its_end() {
    let endpoint = Endpoint::new(&active());
    let fixture = fixture(asking(&endpoint).cache(Duration::from_secs(40)));
    let refused = Err(Reason::Expired);
    for (seconds, expected, questions) in [
        (0, Ok(()), 1),
        (39, Ok(()), 1),
        (1, Ok(()), 2),
        (19, Ok(()), 2),
        (6, refused, 3),
    ] {
        fixture.clock.advance(Duration::from_secs(seconds));
        assert_eq!(fixture.verify(OPAQUE).await, expected, "{seconds} s later");
        assert_eq!(endpoint.questions(), questions, "{seconds} s later");
    }
}

#[tokio::test]
async fn an_inactive_token_is_remembered_for_ten_seconds() {
    let endpoint = Endpoint::new(&json!({ "active": false }));
    let fixture = fixture(asking(&endpoint).negative_cache(Duration::from_hours(1)));
    for (seconds, questions) in [(0, 1), (9, 1), (1, 2)] {
        fixture.clock.advance(Duration::from_secs(seconds));
        assert_eq!(fixture.verify(OPAQUE).await, Err(Reason::Inactive));
        assert_eq!(endpoint.questions(), questions, "{seconds} s later");
    }
    assert_eq!(fixture.verify("another").await, Err(Reason::Inactive));
    assert_eq!(endpoint.questions(), 3);
}

#[tokio::test]
async fn an_issuer_that_fails_is_503_and_after_five_times_left_alone() {
    let endpoint = Endpoint::new(&active());
    endpoint.answer(None);
    let fixture = fixture(asking(&endpoint));
    for _ in 0..7 {
        assert_eq!(
            fixture.verify(OPAQUE).await,
            Err(Reason::IntrospectionUnavailable)
        );
    }
    assert_eq!(endpoint.questions(), 5);
    endpoint.answer(Some(&active().to_string()));
    assert_eq!(
        fixture.verify(OPAQUE).await,
        Err(Reason::IntrospectionUnavailable)
    );
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(fixture.verify(OPAQUE).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_is_503_after_two_seconds() {
    #[derive(Debug)]
    struct Hanging;

    impl Introspector for Hanging {
        fn introspect<'a>(
            &'a self,
            _: &'a str,
        ) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>> {
            Box::pin(std::future::pending())
        }
    }

    let fixture = fixture(Introspection::new(Arc::new(Hanging)));
    let began = tokio::time::Instant::now();
    assert_eq!(
        fixture.verify(OPAQUE).await,
        Err(Reason::IntrospectionUnavailable)
    );
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn a_jwt_is_asked_about_when_the_issuer_may_end_it_early() {
    let endpoint = Endpoint::new(&active());
    let fixture = fixture(asking(&endpoint).always());
    let token = fixture.token();
    assert_eq!(fixture.verify(&token).await, Ok(()));
    endpoint.answer(Some(r#"{"active":false}"#));
    assert_eq!(fixture.verify(&token).await, Err(Reason::Inactive));
    assert_eq!(endpoint.questions(), 2);
    let expired = fixture
        .issuer
        .token()
        .audience("api")
        .claim("exp", 1)
        .sign();
    assert_eq!(fixture.verify(&expired).await, Err(Reason::Expired));
    assert_eq!(
        endpoint.questions(),
        2,
        "what is bad by itself is not asked about"
    );
}

#[tokio::test]
async fn a_jwt_is_asked_about_once_an_interval() {
    let endpoint = Endpoint::new(&active());
    let fixture = fixture(asking(&endpoint).interval(Duration::from_mins(1)));
    let token = fixture.token();
    let ended = Some(r#"{"active":false}"#);
    let verify = async || fixture.verify(&token).await;
    assert_eq!(verify().await, Ok(()));
    // What has happened since is not known: the issuer has ended it, or is away.
    for answer in [ended, None] {
        endpoint.answer(answer);
        fixture.clock.advance(Duration::from_secs(29));
        assert_eq!(verify().await, Ok(()));
    }
    assert_eq!(endpoint.questions(), 1);
    fixture.clock.advance(Duration::from_secs(2));
    assert_eq!(verify().await, Err(Reason::IntrospectionUnavailable));
    endpoint.answer(Some(&active().to_string()));
    assert_eq!(verify().await, Ok(()));
    endpoint.answer(ended);
    fixture.clock.advance(Duration::from_mins(1));
    assert_eq!(verify().await, Err(Reason::Inactive));
    assert_eq!(endpoint.questions(), 4);
    assert_eq!(fixture.verify(OPAQUE).await, Err(Reason::Inactive));
    assert_eq!(
        endpoint.questions(),
        5,
        "opaque tokens are asked about as ever"
    );
}

/// What the endpoint was sent: the path, the credentials of the header, and the body.
type Sent = Arc<Mutex<Vec<(String, Option<String>, String)>>>;

/// An endpoint that answers as its path says.
async fn server(sent: Sent) -> TestServer {
    TestServer::start(move |request: http::Request<_>| {
        let sent = Arc::clone(&sent);
        async move {
            let path = request.uri().path().to_owned();
            let header = request.headers().get("authorization");
            let header = header.map(|value| value.to_str().unwrap().to_owned());
            let collected = request.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(collected.to_vec()).unwrap();
            sent.lock().unwrap().push((path.clone(), header, body));
            let response = http::Response::builder();
            match path.as_str() {
                "/redirect" => response
                    .status(307)
                    .header("location", "/good")
                    .body(text("")),
                "/unauthorized" => response.status(401).body(text("")),
                "/large" => response.body(text(active().to_string() + &" ".repeat(64 * 1024))),
                _ => response.body(text(active().to_string())),
            }
            .unwrap()
        }
    })
    .await
}

#[tokio::test]
async fn the_client_shows_itself_by_header_or_by_body() {
    let sent = Sent::default();
    let server = server(Arc::clone(&sent)).await;
    let endpoint = || format!("{}/good", server.url()).parse().unwrap();
    let secret = || Secret::new("p:ss w/rd".to_owned());
    let basic = HttpIntrospector::basic(endpoint(), "an api", secret()).unwrap();
    let post = HttpIntrospector::post(endpoint(), "an api", secret()).unwrap();
    assert!(!format!("{basic:?}").contains("rd"), "{basic:?}");
    for introspector in [basic, post] {
        let fixture = fixture(Introspection::new(Arc::new(introspector)));
        assert_eq!(fixture.verify("a+token/=").await, Ok(()));
    }
    let form = "token=a%2Btoken%2F%3D&token_type_hint=access_token";
    // an+api:p%3Ass+w%2Frd
    let header = Some("Basic YW4rYXBpOnAlM0Fzcyt3JTJGcmQ=".to_owned());
    let credentials = "&client_id=an+api&client_secret=p%3Ass+w%2Frd";
    let path = || "/good".to_owned();
    assert_eq!(
        *sent.lock().unwrap(),
        [
            (path(), header, form.to_owned()),
            (path(), None, format!("{form}{credentials}")),
        ]
    );
}

#[tokio::test]
async fn the_client_shows_itself_by_a_signature() {
    let sent = Sent::default();
    let server = server(Arc::clone(&sent)).await;
    let endpoint = format!("{}/good", server.url()).parse().unwrap();
    let key = SigningKey::generate().unwrap().named("k1");
    let published = json!({ "keys": [key.public_jwk()] }).to_string();
    let audience = "https://issuer.example/";
    let introspector =
        HttpIntrospector::private_key_jwt(endpoint, "an api", key, audience).unwrap();
    let fixture = fixture(Introspection::new(Arc::new(introspector)));
    assert_eq!(fixture.verify("a+token/=").await, Ok(()));
    assert_eq!(fixture.verify("another").await, Ok(()));

    // Whoever is asked checks the signature as we do.
    let judge = Issuer::fixed(KeySet::parse(published.as_bytes()).unwrap())
        .named("an api")
        .audience(audience)
        .max_lifetime(Duration::from_mins(1));
    let judge = Verifier::builder().issuer(judge).build().unwrap();
    let mut ids = Vec::new();
    let questions: Vec<_> = sent.lock().unwrap().drain(..).collect();
    for (_, header, body) in questions {
        assert_eq!(header, None);
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let value = |name: &str| {
            let mut own = form.iter().filter(|(own, _)| own == name);
            own.next()
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        assert_eq!(value("client_id"), "an api");
        assert_eq!(
            value("client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assert_eq!(value("client_secret"), "");
        let assertion = value("client_assertion");
        let verified = judge
            .verify(&Credentials::bearer(&assertion))
            .await
            .unwrap();
        assert_eq!(verified.claims().subject(), Some("an api"));
        assert_eq!(verified.key().and_then(KeyIdentity::kid), Some("k1"));
        ids.push(verified.claims().find("jti").unwrap().to_value());
    }
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1], "each may be used once");
}

#[tokio::test]
async fn an_endpoint_that_misbehaves_is_503() {
    let server = server(Sent::default()).await;
    let introspector = |url: &str| {
        HttpIntrospector::basic(url.parse().unwrap(), "api", Secret::new(String::new())).unwrap()
    };
    let closed = "http://127.0.0.1:1/".to_owned();
    let plain = "http://issuer.example/".to_owned();
    let below = |path: &str| format!("{}/{path}", server.url());
    for (url, expected) in [
        (below("redirect"), "answered 307"),
        (below("unauthorized"), "answered 401"),
        (below("large"), "answered more than 65536 bytes"),
        (closed, "could not be reached"),
        (plain, "is neither https nor on this machine"),
    ] {
        let error = introspector(&url).introspect(OPAQUE).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{url} {expected}"));
        let fixture = fixture(Introspection::new(Arc::new(introspector(&url))));
        let answer = fixture.verify(OPAQUE).await;
        assert_eq!(answer, Err(Reason::IntrospectionUnavailable), "{url}");
    }
}

#[tokio::test]
async fn the_kits_endpoint_is_asked_over_http_as_in_memory() {
    let endpoint = TestIntrospection::new();
    let server = endpoint.serve().await;
    let url = server.url().parse().unwrap();
    let secret = Secret::new("secret".to_owned());
    let introspector = HttpIntrospector::basic(url, "api", secret).unwrap();
    let fixture = fixture(Introspection::new(Arc::new(introspector)));
    endpoint.activate("a+token/=", active());
    endpoint.activate(OPAQUE, active());
    assert_eq!(fixture.verify("a+token/=").await, Ok(()));
    assert_eq!(fixture.verify("unknown").await, Err(Reason::Inactive));
    endpoint.fail(500);
    let unavailable = Err(Reason::IntrospectionUnavailable);
    assert_eq!(fixture.verify(OPAQUE).await, unavailable);
    endpoint.recover();
    assert_eq!(fixture.verify(OPAQUE).await, Ok(()));
    endpoint.end(OPAQUE);
    assert_eq!(fixture.verify(OPAQUE).await, Err(Reason::Inactive));
    assert_eq!(endpoint.questions(), 5);
}
