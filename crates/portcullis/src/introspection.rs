mod asking;
#[cfg(feature = "reqwest")]
mod assertion;
#[cfg(feature = "reqwest")]
mod http;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_token::SigningError;
use url::Url;

pub(crate) use self::asking::Asking;
#[cfg(feature = "reqwest")]
pub use self::http::HttpIntrospector;
use crate::BoxFuture;

/// The longest that an inactive token is remembered as such.
const MAX_NEGATIVE: Duration = Duration::from_secs(10);

/// Asks an issuer about a token (RFC 7662).
///
/// ```
/// use portcullis::{BoxFuture, IntrospectionError, Introspector};
///
/// /// Knows one token, and nobody to ask.
/// #[derive(Debug)]
/// struct OneToken;
///
/// impl Introspector for OneToken {
///     fn introspect<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>> {
///         let answer = if token == "2YotnFZFEjr1zCsicMWpAA" {
///             r#"{"active":true,"iss":"https://issuer.example/","aud":"api","exp":4102444800}"#
///         } else {
///             r#"{"active":false}"#
///         };
///         Box::pin(async move { Ok(answer.into()) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = OneToken.introspect("another").await?;
/// assert_eq!(answer, br#"{"active":false}"#);
/// # Ok(())
/// # }
/// ```
pub trait Introspector: Send + Sync + fmt::Debug {
    /// The body of the issuer's answer about `token`.
    ///
    /// An implementation bounds the answer's size; its time is bounded by the caller, to 2 s.
    ///
    /// ```
    /// # use portcullis::Introspector as _;
    /// # use portcullis_testkit::TestIntrospection;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let answer = endpoint.introspect("never-issued").await?;
    /// assert_eq!(answer, br#"{"active":false}"#);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`IntrospectionError`]. The request is then refused with 503.
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, IntrospectionError>>;
}

/// Which tokens an issuer is asked about, and how long its answers are believed.
///
/// By default it is asked about opaque tokens only, each time. What it answers is checked by the
/// issuer's rules like the claims of a JWT: audience, times and all.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
/// use portcullis_testkit::TestIntrospection;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = TestIntrospection::new();
/// let claims = json!({ "iss": "https://issuer.example/", "aud": "api", "exp": 4_102_444_800_u64 });
/// endpoint.activate("2YotnFZFEjr1zCsicMWpAA", claims);
/// let introspection = Introspection::new(Arc::new(endpoint)).cache(Duration::from_secs(30));
/// let issuer = Issuer::discover("https://issuer.example/")
///     .audience("api")
///     .introspection(introspection);
/// let auth = Verifier::builder().issuer(issuer).build()?;
/// assert!(auth.verify(&Credentials::bearer("2YotnFZFEjr1zCsicMWpAA")).await.is_ok());
/// let ended = auth.verify(&Credentials::bearer("another")).await;
/// assert_eq!(ended.unwrap_err(), Reason::Inactive);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Introspection {
    introspector: Arc<dyn Introspector>,
    jwts: Jwts,
    cache: Duration,
    negative_cache: Duration,
}

/// Whether an issuer is asked about tokens that verify by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jwts {
    Never,
    Always,
    /// About each of them at most once in this time.
    Every(Duration),
}

/// Why an issuer could not be asked about a token. Not the caller's fault: HTTP 503.
///
/// ```
/// use portcullis::IntrospectionError;
///
/// let url = "https://issuer.example/introspect".parse().unwrap();
/// let error = IntrospectionError::Status { url, status: 500 };
/// assert_eq!(error.to_string(), "https://issuer.example/introspect answered 500");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// Plain `http` to anything but this machine.
    #[error("{url} is neither https nor on this machine")]
    Insecure {
        /// The address that was refused.
        url: Url,
    },
    /// The proof of who asks could not be signed.
    #[error("the question to {url} could not be signed")]
    Unsigned {
        /// The address that was not asked.
        url: Url,
        /// What the signer says.
        #[source]
        cause: SigningError,
    },
    /// An answer other than 200, such as 401 for a wrong client secret.
    #[error("{url} answered {status}")]
    Status {
        /// The address that was asked.
        url: Url,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// An answer larger than its limit.
    #[error("{url} answered more than {limit} bytes")]
    TooLarge {
        /// The address that was asked.
        url: Url,
        /// The limit in bytes.
        limit: usize,
    },
    /// No whole answer: refused, reset, too slow, or not TLS as it should be.
    #[error("{url} could not be reached")]
    Unreachable {
        /// The address that was asked.
        url: Url,
        /// What the network layer says.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl Introspection {
    /// Asks `introspector` about opaque tokens: those without a dot.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let introspection = Introspection::new(Arc::new(endpoint.clone()));
    /// # let provider = TestIssuer::new();
    /// # let issuer = Issuer::fixed(provider.key_set()).any_audience().introspection(introspection);
    /// # let clock = Arc::new(TestClock::default());
    /// # let auth = Verifier::builder().issuer(issuer).clock(clock).build()?;
    /// let answer = auth.verify(&Credentials::bearer("an-opaque-token")).await;
    /// assert_eq!(answer.unwrap_err(), Reason::Inactive);
    /// assert_eq!(endpoint.questions(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(introspector: Arc<dyn Introspector>) -> Self {
        Self {
            introspector,
            jwts: Jwts::Never,
            cache: Duration::ZERO,
            negative_cache: MAX_NEGATIVE,
        }
    }

    /// Asks about JWTs too, after their own checks: the issuer may have ended them early.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let introspection = Introspection::new(Arc::new(endpoint.clone())).always();
    /// # let provider = TestIssuer::new();
    /// # let issuer = Issuer::fixed(provider.key_set()).any_audience().introspection(introspection);
    /// # let clock = Arc::new(TestClock::default());
    /// # let auth = Verifier::builder().issuer(issuer).clock(clock).build()?;
    /// let jwt = provider.token().sign();
    /// let ended = auth.verify(&Credentials::bearer(&jwt)).await;
    /// assert_eq!(ended.unwrap_err(), Reason::Inactive, "the endpoint does not know it");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn always(self) -> Self {
        Self {
            jwts: Jwts::Always,
            ..self
        }
    }

    /// Asks about JWTs too, after their own checks, but about each at most once in `interval`.
    ///
    /// What the issuer has ended goes on being good for as long. When it cannot be asked, only
    /// tokens that it was asked about within the interval are good.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let introspection =
    ///     Introspection::new(Arc::new(endpoint.clone())).interval(Duration::from_mins(1));
    /// # let provider = TestIssuer::new();
    /// # let issuer = Issuer::fixed(provider.key_set()).any_audience().introspection(introspection);
    /// # let clock = Arc::new(TestClock::default());
    /// # let auth = Verifier::builder().issuer(issuer).clock(clock.clone()).build()?;
    /// let jwt = provider.token().sign();
    /// endpoint.activate(&jwt, serde_json::json!({}));
    /// for _ in 0..3 {
    ///     auth.verify(&Credentials::bearer(&jwt)).await?;
    /// }
    /// assert_eq!(endpoint.questions(), 1);
    /// clock.advance(Duration::from_mins(1));
    /// auth.verify(&Credentials::bearer(&jwt)).await?;
    /// assert_eq!(endpoint.questions(), 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self {
            jwts: Jwts::Every(interval),
            ..self
        }
    }

    /// How long an active token is believed to be active. Default: not at all.
    ///
    /// Its `exp` and all its other claims are checked each time all the same.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let introspection = Introspection::new(Arc::new(endpoint.clone())).cache(Duration::from_secs(30));
    /// # let provider = TestIssuer::new();
    /// # let issuer = Issuer::fixed(provider.key_set()).any_audience().introspection(introspection);
    /// # let clock = Arc::new(TestClock::default());
    /// # let auth = Verifier::builder().issuer(issuer).clock(clock).build()?;
    /// endpoint.activate("opaque", serde_json::json!({ "exp": 4_102_444_800_u64 }));
    /// for _ in 0..3 {
    ///     auth.verify(&Credentials::bearer("opaque")).await?;
    /// }
    /// assert_eq!(endpoint.questions(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(self, cache: Duration) -> Self {
        Self { cache, ..self }
    }

    /// How long an inactive token is believed to be inactive. Default and maximum 10 s.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = TestIntrospection::new();
    /// let introspection = Introspection::new(Arc::new(endpoint.clone())).negative_cache(Duration::ZERO);
    /// # let provider = TestIssuer::new();
    /// # let issuer = Issuer::fixed(provider.key_set()).any_audience().introspection(introspection);
    /// # let clock = Arc::new(TestClock::default());
    /// # let auth = Verifier::builder().issuer(issuer).clock(clock).build()?;
    /// for _ in 0..3 {
    ///     assert!(auth.verify(&Credentials::bearer("opaque")).await.is_err());
    /// }
    /// assert_eq!(endpoint.questions(), 3);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn negative_cache(self, negative_cache: Duration) -> Self {
        Self {
            negative_cache: negative_cache.min(MAX_NEGATIVE),
            ..self
        }
    }
}
