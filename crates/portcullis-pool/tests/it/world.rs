use std::sync::{Arc, LazyLock};

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use portcullis::{Clock as _, Issuer, Verifier};
use portcullis_pool::{Ambiguity, Pool, PoolKeys, Provider, Role, Settings};
use portcullis_testkit::{TestClock, TestIssuer, TokenBuilder};
use portcullis_token::{Algorithm, RolePolicy, Secret, TokenType};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const PROVIDER: &str = "issuer.example";
pub(crate) const OTHER: &str = "other.example";

static ISSUER: LazyLock<TestIssuer> =
    LazyLock::new(|| TestIssuer::named("https://issuer.example/"));
static SECOND: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::named("https://other.example"));

/// Everything a pool is made of.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) secret: [u8; 32],
    pub(crate) ring: Vec<[u8; 32]>,
    pub(crate) settings: Settings,
}

/// What a pool has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Default for World {
    fn default() -> Self {
        let clock = TestClock::default();
        let role = |name: &str| Role {
            name: name.to_owned(),
            policy: RolePolicy::allowing("execute-api:Invoke", vec![format!("{name}/*")]),
        };
        let settings = Settings {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            id: None,
            providers: vec![
                provider(&ISSUER, PROVIDER, &clock),
                provider(&SECOND, OTHER, &clock),
            ],
            roles: ["authenticated", "unauthenticated", "sales"]
                .map(role)
                .to_vec(),
            authenticated: Some("authenticated".to_owned()),
            guests: None,
            rules: Vec::new(),
            roles_by_token: false,
            ambiguity: Ambiguity::AuthenticatedRole,
            tags: Vec::new(),
            epoch: 0,
        };
        Self {
            clock,
            secret: [1; 32],
            ring: Vec::new(),
            settings,
        }
    }
}

fn provider(issuer: &TestIssuer, name: &str, clock: &TestClock) -> Provider {
    let rules = Issuer::fixed(issuer.key_set())
        .named(issuer.name())
        .audience("web")
        .algorithms([Algorithm::Rs256])
        .token_type(TokenType::Any);
    let verifier = Verifier::builder()
        .issuer(rules)
        .clock(Arc::new(clock.clone()));
    Provider {
        names: vec![name.to_owned()],
        client_ids: vec!["web".to_owned()],
        verifier: verifier.build().unwrap(),
    }
}

impl World {
    pub(crate) fn pool(self) -> Arc<Pool> {
        let secret = |bytes: &[u8; 32]| Secret::new(bytes.to_vec());
        let ring: Vec<_> = self.ring.iter().map(secret).collect();
        let keys = PoolKeys::new("Auth", &secret(&self.secret), &ring).unwrap();
        Arc::new(Pool::new(self.settings, keys, Arc::new(self.clock)))
    }
}

/// An ID token for the application.
pub(crate) fn id_token() -> TokenBuilder {
    ISSUER.token().audience("web").subject("auth0|ada")
}

pub(crate) fn second_token() -> TokenBuilder {
    SECOND.token().audience("web").subject("ada")
}

/// The time by which tokens of the test are judged.
pub(crate) fn now() -> u64 {
    TestClock::default().now().0
}

pub(crate) async fn call(pool: &Arc<Pool>, operation: &str, body: Value) -> Answer {
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "x-amz-target",
            format!("AWSCognitoIdentityService.{operation}"),
        )
        .body(Body::from(body.to_string()));
    answer(pool, request.unwrap()).await
}

pub(crate) async fn answer(pool: &Arc<Pool>, request: Request<Body>) -> Answer {
    let response = pool.router().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The value of a member of an answer that is no refusal.
    pub(crate) fn good(&self, member: &str) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()[member].clone()
    }
}

/// The identity of a login.
pub(crate) async fn identity(pool: &Arc<Pool>, logins: Value) -> String {
    let asked = json!({ "IdentityPoolId": pool.id(), "Logins": logins });
    let identity = call(pool, "GetId", asked).await.good("IdentityId");
    identity.as_str().unwrap().to_owned()
}

/// Asserts that a call is refused with this code and this message.
pub(crate) fn assert_refused(answer: &Answer, code: &str, message: &str) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json(), json!({ "__type": code, "message": message }));
    assert_eq!(answer.headers["x-amzn-errortype"], format!("{code}:"));
    assert_eq!(answer.headers["x-amzn-errormessage"], message);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
}
