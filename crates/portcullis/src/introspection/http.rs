use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{Secret, SigningError, SigningKey};
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::assertion::Assertion;
use super::{IntrospectionError, Introspector};
use crate::fetch::{is_secure, read_bounded};
use crate::{BoxFuture, Clock as _, SystemClock};

const TIMEOUT: Duration = Duration::from_secs(2);
/// RFC 7523 section 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MAX_BYTES: usize = 64 * 1024;

/// Asks an issuer's introspection endpoint over HTTP (RFC 7662 section 2): 2 s, no redirects,
/// https outside of loopback, answers of at most 64 KiB.
///
/// ```
/// use portcullis::{HttpIntrospector, IntrospectionError, Introspector as _, Secret};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let introspector = HttpIntrospector::basic(
///     "http://issuer.example/introspect".parse()?,
///     "expenses-api",
///     Secret::new("client-secret".to_owned()),
/// )?;
/// let refused = introspector.introspect("an-opaque-token").await;
/// assert!(matches!(refused, Err(IntrospectionError::Insecure { .. })), "not over plain http");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpIntrospector {
    client: Client,
    endpoint: Url,
    client_id: String,
    authentication: Authentication,
}

/// How the API shows who it is (RFC 6749 section 2.3).
#[derive(Clone, Debug)]
enum Authentication {
    /// By a secret in the `Authorization` header.
    Basic(Secret<String>),
    /// By a secret in the body.
    Post(Secret<String>),
    /// By a signature in the body.
    Key(Arc<Assertion>),
}

impl HttpIntrospector {
    /// An endpoint that is told the client in the `Authorization` header (`client_secret_basic`).
    ///
    /// ```
    /// # use portcullis::{HttpIntrospector, Introspector as _, Secret};
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let server = endpoint.serve().await;
    /// let secret = Secret::new("client-secret".to_owned());
    /// let introspector = HttpIntrospector::basic(server.url().parse()?, "expenses-api", secret)?;
    /// assert_eq!(introspector.introspect("ended").await?, br#"{"active":false}"#);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn basic(
        endpoint: Url,
        client_id: impl Into<String>,
        client_secret: Secret<String>,
    ) -> Result<Self, reqwest::Error> {
        let authentication = Authentication::Basic(client_secret);
        Self::new(endpoint, client_id.into(), authentication)
    }

    /// An endpoint that is told the client in the body (`client_secret_post`).
    ///
    /// ```
    /// # use portcullis::{HttpIntrospector, Introspector as _, Secret};
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let server = endpoint.serve().await;
    /// let secret = Secret::new("client-secret".to_owned());
    /// let introspector = HttpIntrospector::post(server.url().parse()?, "expenses-api", secret)?;
    /// assert_eq!(introspector.introspect("ended").await?, br#"{"active":false}"#);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn post(
        endpoint: Url,
        client_id: impl Into<String>,
        client_secret: Secret<String>,
    ) -> Result<Self, reqwest::Error> {
        let authentication = Authentication::Post(client_secret);
        Self::new(endpoint, client_id.into(), authentication)
    }

    /// An endpoint that is shown a signature instead of a secret (`private_key_jwt`, RFC 7523).
    ///
    /// `audience` is what the issuer calls itself: the assertion is meant for nobody else. Each
    /// question carries one of its own, signed with RS256 and good for a minute.
    ///
    /// ```no_run
    /// use portcullis::HttpIntrospector;
    /// use portcullis_token::SigningKey;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SigningKey::from_pem(&std::fs::read_to_string("introspection-key.pem")?)?;
    /// let introspector = HttpIntrospector::private_key_jwt(
    ///     "https://issuer.example/oauth/introspect".parse()?,
    ///     "expenses-api",
    ///     key,
    ///     "https://issuer.example/",
    /// )?;
    /// # let _ = introspector;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn private_key_jwt(
        endpoint: Url,
        client_id: impl Into<String>,
        key: SigningKey,
        audience: impl Into<String>,
    ) -> Result<Self, reqwest::Error> {
        let audience = audience.into();
        let assertion = Arc::new(Assertion { key, audience });
        let authentication = Authentication::Key(assertion);
        Self::new(endpoint, client_id.into(), authentication)
    }

    fn new(
        endpoint: Url,
        client_id: String,
        authentication: Authentication,
    ) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            endpoint,
            client_id,
            authentication,
        })
    }

    async fn ask(&self, token: &str) -> Result<Vec<u8>, IntrospectionError> {
        if !is_secure(&self.endpoint) {
            return Err(IntrospectionError::Insecure {
                url: self.endpoint.clone(),
            });
        }
        let unreachable = |cause: reqwest::Error| IntrospectionError::Unreachable {
            url: self.endpoint.clone(),
            cause: cause.without_url().into(),
        };
        let request = self.request(token);
        let request = request.map_err(|cause| IntrospectionError::Unsigned {
            url: self.endpoint.clone(),
            cause,
        })?;
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(IntrospectionError::Status {
                url: self.endpoint.clone(),
                status: response.status().as_u16(),
            });
        }
        read_bounded(&mut response, MAX_BYTES)
            .await
            .map_err(unreachable)?
            .ok_or_else(|| IntrospectionError::TooLarge {
                url: self.endpoint.clone(),
                limit: MAX_BYTES,
            })
    }

    fn request(&self, token: &str) -> Result<RequestBuilder, SigningError> {
        let assertion;
        let mut form = vec![("token", token), ("token_type_hint", "access_token")];
        let request = self
            .client
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json");
        let request = match &self.authentication {
            // RFC 6749 section 2.3.1: both are form-encoded first.
            Authentication::Basic(secret) => {
                let secret = encoded(secret.expose());
                request.basic_auth(encoded(&self.client_id), Some(secret))
            }
            Authentication::Post(secret) => {
                form.push(("client_id", &self.client_id));
                form.push(("client_secret", secret.expose()));
                request
            }
            Authentication::Key(key) => {
                assertion = key.sign(&self.client_id, SystemClock.now())?;
                form.push(("client_id", &self.client_id));
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", &assertion));
                request
            }
        };
        Ok(request.form(&form))
    }
}

impl Introspector for HttpIntrospector {
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>> {
        Box::pin(self.ask(token))
    }
}

impl fmt::Debug for HttpIntrospector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpIntrospector")
            .field("endpoint", &self.endpoint.as_str())
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
