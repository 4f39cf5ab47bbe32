use std::fmt;
use std::time::Duration;

use portcullis_token::Secret;
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::{IntrospectionError, Introspector};
use crate::BoxFuture;
use crate::fetch::{is_secure, read_bounded};

const TIMEOUT: Duration = Duration::from_secs(2);
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
    client_secret: Secret<String>,
    authentication: Authentication,
}

/// How the API shows who it is (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug)]
enum Authentication {
    /// In the `Authorization` header.
    Basic,
    /// In the body.
    Post,
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
        Self::new(
            endpoint,
            client_id.into(),
            client_secret,
            Authentication::Basic,
        )
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
        Self::new(
            endpoint,
            client_id.into(),
            client_secret,
            Authentication::Post,
        )
    }

    fn new(
        endpoint: Url,
        client_id: String,
        client_secret: Secret<String>,
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
            client_secret,
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
        let mut response = self.request(token).send().await.map_err(unreachable)?;
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

    fn request(&self, token: &str) -> RequestBuilder {
        let mut form = vec![("token", token), ("token_type_hint", "access_token")];
        let secret = self.client_secret.expose();
        let request = self
            .client
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json");
        let request = match self.authentication {
            // RFC 6749 section 2.3.1: both are form-encoded first.
            Authentication::Basic => {
                request.basic_auth(encoded(&self.client_id), Some(encoded(secret)))
            }
            Authentication::Post => {
                form.push(("client_id", &self.client_id));
                form.push(("client_secret", secret));
                request
            }
        };
        request.form(&form)
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
