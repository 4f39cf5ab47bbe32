#[cfg(feature = "reqwest")]
mod address;
#[cfg(feature = "reqwest")]
mod http;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use url::Url;

#[cfg(feature = "reqwest")]
pub use http::HttpFetcher;
#[cfg(feature = "reqwest")]
pub(crate) use http::read_bounded;

/// A boxed future, as a trait object's asynchronous method returns it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::BoxFuture;
///
/// fn double(number: u32) -> BoxFuture<'static, u32> {
///     Box::pin(async move { 2 * number })
/// }
/// assert_eq!(double(21).await, 42);
/// # Ok(())
/// # }
/// ```
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Gets a provider's documents: discovery and key set.
///
/// ```
/// use portcullis::{BoxFuture, Document, FetchError, KeyFetcher};
/// use url::Url;
///
/// /// A key set that was built into the program.
/// #[derive(Debug)]
/// struct BuiltIn(&'static str);
///
/// impl KeyFetcher for BuiltIn {
///     fn fetch<'a>(&'a self, url: &'a Url, limit: usize) -> BoxFuture<'a, Result<Document, FetchError>> {
///         Box::pin(async move {
///             if self.0.len() > limit {
///                 return Err(FetchError::TooLarge { url: url.clone(), limit });
///             }
///             Ok(Document::new(self.0))
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fetcher = BuiltIn(r#"{"keys":[]}"#);
/// let url = "https://issuer.example/jwks.json".parse()?;
/// assert_eq!(fetcher.fetch(&url, 1024).await?.body, br#"{"keys":[]}"#);
/// assert!(fetcher.fetch(&url, 10).await.is_err());
/// # Ok(())
/// # }
/// ```
pub trait KeyFetcher: Send + Sync + fmt::Debug {
    /// Gets the document at `url`, of at most `limit` bytes after decompression.
    ///
    /// An implementation bounds its own time, and follows no redirect: a provider's keys come
    /// from where the configuration says.
    ///
    /// ```
    /// # use portcullis::KeyFetcher as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let url = "https://issuer.example/.well-known/jwks.json".parse()?;
    /// let document = issuer.fetch(&url, 64 * 1024).await?;
    /// assert!(document.body.starts_with(br#"{"keys":[{"#));
    /// # Ok(())
    /// # }
    /// ```
    fn fetch<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
    ) -> BoxFuture<'a, Result<Document, FetchError>>;

    /// Gets the document at `url` unless it is still the one that came with `etag`
    /// (RFC 9110 section 13.1.2).
    ///
    /// An implementation that knows nothing of entity tags need not have this: the document is
    /// then fetched again.
    ///
    /// ```
    /// # use portcullis::{KeyFetcher as _, Revalidated};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.tag_documents();
    /// let url = "https://issuer.example/.well-known/jwks.json".parse()?;
    /// let etag = issuer.fetch(&url, 64 * 1024).await?.etag.unwrap();
    /// let answer = issuer.revalidate(&url, 64 * 1024, &etag).await?;
    /// assert_eq!(answer, Revalidated::NotModified { max_age: None });
    /// # Ok(())
    /// # }
    /// ```
    fn revalidate<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
        etag: &'a str,
    ) -> BoxFuture<'a, Result<Revalidated, FetchError>> {
        let _ = etag;
        Box::pin(async move { self.fetch(url, limit).await.map(Revalidated::Modified) })
    }
}

/// A fetched document.
///
/// ```
/// use std::time::Duration;
/// use portcullis::Document;
///
/// let document = Document { max_age: Some(Duration::from_mins(5)), ..Document::new("{}") };
/// assert_eq!(document.body, b"{}");
/// assert_eq!(document.etag, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The body of the 200 answer.
    pub body: Vec<u8>,
    /// How long the provider says it may be kept: `max-age` of `Cache-Control`.
    pub max_age: Option<Duration>,
    /// The document's entity tag (RFC 9110 section 8.8.3), quotes and all.
    pub etag: Option<String>,
}

impl Document {
    /// A document of which only the body is known.
    ///
    /// ```
    /// let document = portcullis::Document::new("{}");
    /// assert_eq!((document.max_age, document.etag), (None, None));
    /// ```
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }
}

/// What became of a document since it was fetched.
///
/// ```
/// use portcullis::{Document, Revalidated};
///
/// let answer = Revalidated::Modified(Document::new("{}"));
/// assert_ne!(answer, Revalidated::NotModified { max_age: None });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revalidated {
    /// It is another, or the provider does not tell.
    Modified(Document),
    /// It is the same: the answer was 304.
    NotModified {
        /// How long the provider says it may be kept: `max-age` of `Cache-Control`.
        max_age: Option<Duration>,
    },
}

/// Why a document could not be had. The provider's or the network's fault.
///
/// ```
/// use portcullis::FetchError;
///
/// let url = "https://issuer.example/jwks.json".parse().unwrap();
/// let error = FetchError::Status { url, status: 500 };
/// assert_eq!(error.to_string(), "https://issuer.example/jwks.json answered 500");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Plain `http` to anything but this machine.
    #[error("{url} is neither https nor on this machine")]
    Insecure {
        /// The address that was refused.
        url: Url,
    },
    /// An address of the link, where a cloud keeps its machines' credentials.
    #[error("{url} is a link-local address")]
    LinkLocal {
        /// The address that was refused.
        url: Url,
    },
    /// An answer other than 200, a redirect among them.
    #[error("{url} answered {status}")]
    Status {
        /// The address that was asked.
        url: Url,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// A document larger than its limit.
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
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Whether a secret-free document may be fetched from `url`: by https, or from this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether `url` can only lead to this machine: a loopback address, or a name that always means one
/// (RFC 6761 section 6.3).
///
/// ```
/// assert!(portcullis::is_loopback(&"http://localhost:4000/".parse().unwrap()));
/// assert!(!portcullis::is_loopback(&"http://localhost.example/".parse().unwrap()));
/// ```
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, expected) in [
            ("https://issuer.example/", true),
            ("http://localhost:4000/", true),
            ("http://tenant.localhost/", true),
            ("http://127.0.0.1:1/", true),
            ("http://[::1]/", true),
            ("http://issuer.example/", false),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_secure(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
