#[cfg(feature = "reqwest")]
mod http;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use url::Url;

#[cfg(feature = "reqwest")]
pub use http::HttpFetcher;

/// A boxed future, as a trait object's asynchronous method returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Gets a provider's documents: discovery and key set.
pub trait KeyFetcher: Send + Sync + fmt::Debug {
    /// Gets the document at `url`, of at most `limit` bytes after decompression.
    ///
    /// An implementation bounds its own time, and follows no redirect: a provider's keys come
    /// from where the configuration says.
    fn fetch<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
    ) -> BoxFuture<'a, Result<Document, FetchError>>;
}

/// A fetched document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body of the 200 answer.
    pub body: Vec<u8>,
    /// How long the provider says it may be kept: `max-age` of `Cache-Control`.
    pub max_age: Option<Duration>,
}

/// Why a document could not be had. The provider's or the network's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Plain `http` to anything but this machine.
    #[error("{url} is neither https nor on this machine")]
    Insecure {
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

fn is_loopback(url: &Url) -> bool {
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
