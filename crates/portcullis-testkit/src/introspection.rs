use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use portcullis::{BoxFuture, IntrospectionError, Introspector};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{Body, TestServer, text};

/// The longest question that is read.
const MAX_QUESTION: usize = 64 * 1024;

/// An introspection endpoint (RFC 7662): in memory an [`Introspector`], or over HTTP.
///
/// It knows the tokens that it was told of; any other is inactive. Clones are the same endpoint.
///
/// ```
/// use portcullis::Introspector as _;
/// use portcullis_testkit::TestIntrospection;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let endpoint = TestIntrospection::new();
/// endpoint.activate("an-opaque-token", json!({ "sub": "ada" }));
/// let answer = endpoint.introspect("an-opaque-token").await.unwrap();
/// assert_eq!(answer, br#"{"active":true,"sub":"ada"}"#);
/// endpoint.fail(500);
/// assert!(endpoint.introspect("an-opaque-token").await.is_err());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct TestIntrospection {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    active: HashMap<String, Value>,
    failure: Option<u16>,
    questions: usize,
}

impl TestIntrospection {
    /// An endpoint that knows no token.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// assert_eq!(endpoint.introspect("unknown").await?, br#"{"active":false}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Says of `token`, from here on, that it is active, and these claims, a JSON object.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.activate("opaque", serde_json::json!({ "sub": "ada" }));
    /// assert_eq!(endpoint.introspect("opaque").await?, br#"{"active":true,"sub":"ada"}"#);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the claims are not a JSON object.
    pub fn activate(&self, token: &str, mut claims: Value) {
        assert!(claims.is_object(), "claims are a JSON object");
        claims["active"] = json!(true);
        self.state().active.insert(token.to_owned(), claims);
    }

    /// Says of `token`, from here on, that it is not active.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.activate("opaque", serde_json::json!({ "sub": "ada" }));
    /// endpoint.end("opaque");
    /// assert_eq!(endpoint.introspect("opaque").await?, br#"{"active":false}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn end(&self, token: &str) {
        self.state().active.remove(token);
    }

    /// Answers with this HTTP status and nothing else, until [`recover`](Self::recover).
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.fail(500);
    /// let error = endpoint.introspect("opaque").await.unwrap_err();
    /// assert_eq!(error.to_string(), "https://issuer.example/introspect answered 500");
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail(&self, status: u16) {
        self.state().failure = Some(status);
    }

    /// Answers questions again.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.fail(500);
    /// endpoint.recover();
    /// assert!(endpoint.introspect("opaque").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn recover(&self) {
        self.state().failure = None;
    }

    /// How many questions were asked so far.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.introspect("opaque").await?;
    /// endpoint.introspect("opaque").await?;
    /// assert_eq!(endpoint.questions(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn questions(&self) -> usize {
        self.state().questions
    }

    /// Serves the endpoint over HTTP, at any path: `token=…` as a form, by any client.
    ///
    /// ```
    /// # use http::Request;
    /// # use portcullis_testkit::conformance::Remote;
    /// # use portcullis_testkit::{TestIntrospection, text};
    /// # use tower_service::Service as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// endpoint.activate("opaque", serde_json::json!({ "sub": "ada" }));
    /// let server = endpoint.serve().await;
    /// let question = Request::post("/").body(text("token=opaque"))?;
    /// assert_eq!(Remote::at(&server.url()).call(question).await?.status(), 200);
    /// assert_eq!(endpoint.questions(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn serve(&self) -> TestServer {
        let endpoint = self.clone();
        TestServer::start(move |request| {
            let endpoint = endpoint.clone();
            async move { endpoint.respond(request.into_body()).await }
        })
        .await
    }

    async fn respond(&self, body: Incoming) -> Response<Body> {
        let form = Limited::new(body, MAX_QUESTION).collect().await;
        let form = form.map(http_body_util::Collected::to_bytes);
        let form = form.unwrap_or_default();
        let mut pairs = form_urlencoded::parse(&form);
        let token = pairs.find_map(|(name, value)| (name == "token").then_some(value));
        let answer = match token {
            Some(token) => self.answer(&token),
            None => Err(400),
        };
        let (status, body) = match answer {
            Ok(body) => (StatusCode::OK, Bytes::from(body)),
            Err(status) => (
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                Bytes::new(),
            ),
        };
        let mut response = Response::new(text(body));
        *response.status_mut() = status;
        response
    }

    fn answer(&self, token: &str) -> Result<String, u16> {
        let mut state = self.state();
        state.questions += 1;
        if let Some(status) = state.failure {
            return Err(status);
        }
        let unknown = || json!({ "active": false });
        let answer = state.active.get(token).cloned().unwrap_or_else(unknown);
        Ok(answer.to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no code panics while it holds the lock")
    }
}

impl Introspector for TestIntrospection {
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>> {
        Box::pin(async move {
            self.answer(token)
                .map(String::into_bytes)
                .map_err(|status| IntrospectionError::Status {
                    url: Url::parse("https://issuer.example/introspect")
                        .expect("the address is one"),
                    status,
                })
        })
    }
}

impl fmt::Debug for TestIntrospection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIntrospection").finish_non_exhaustive()
    }
}
