use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, redirect};
use url::Url;

use super::address::AllowedHosts;
use super::{BoxFuture, Document, FetchError, KeyFetcher, Revalidated, is_loopback, is_secure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer entity tags are not sent back.
const MAX_ETAG_BYTES: usize = 1024;

/// Gets documents over HTTP: 2 s to connect, 5 s in all, no redirects, https outside of loopback.
///
/// A `jwks_uri` that leads to a link-local address or to the metadata service of a cloud is
/// refused, by name or by address. Behind a proxy the proxy resolves names, and only addresses
/// are refused here. This machine is never asked by way of a proxy.
///
/// ```
/// use portcullis::{FetchError, HttpFetcher, KeyFetcher as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fetcher = HttpFetcher::new()?;
/// let plain = "http://issuer.example/jwks.json".parse()?;
/// let refused = fetcher.fetch(&plain, 64 * 1024).await;
/// assert!(matches!(refused, Err(FetchError::Insecure { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpFetcher {
    client: Client,
    /// For this machine, whose plain http a proxy could read and answer.
    direct: Client,
    allowed: AllowedHosts,
}

impl HttpFetcher {
    /// A fetcher that trusts the operating system's certificate authorities.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{HttpFetcher, Issuer, Verifier};
    /// let fetcher = HttpFetcher::new()?;
    /// // Two verifiers that fetch by the same client.
    /// for audience in ["https://expenses-api", "https://travel-api"] {
    ///     let issuer = Issuer::discover("https://tenant.eu.auth0.com/").audience(audience);
    ///     let auth = Verifier::builder().issuer(issuer).fetcher(Arc::new(fetcher.clone())).build()?;
    ///     assert!(!auth.is_ready(), "nothing was fetched yet");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::allowing([])
    }

    /// The same, where these hosts may be link-local: names, or addresses as URLs spell them.
    ///
    /// ```
    /// # use portcullis::{FetchError, HttpFetcher, KeyFetcher as _};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let fetcher = HttpFetcher::allowing(["issuer.local".to_owned()])?;
    /// let metadata_service = "https://169.254.169.254/".parse()?;
    /// let refused = fetcher.fetch(&metadata_service, 1024).await;
    /// assert!(matches!(refused, Err(FetchError::LinkLocal { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn allowing(hosts: impl IntoIterator<Item = String>) -> Result<Self, reqwest::Error> {
        let allowed = AllowedHosts::new(hosts);
        Ok(Self {
            client: client(&allowed).build()?,
            direct: client(&allowed).no_proxy().build()?,
            allowed,
        })
    }

    fn get(&self, url: &Url) -> RequestBuilder {
        let client = if is_loopback(url) {
            &self.direct
        } else {
            &self.client
        };
        client.get(url.clone())
    }

    async fn fetch_document(&self, url: &Url, limit: usize) -> Result<Document, FetchError> {
        let response = self.send(url, self.get(url)).await?;
        read(url, response, limit).await
    }

    async fn revalidate_document(
        &self,
        url: &Url,
        limit: usize,
        etag: &str,
    ) -> Result<Revalidated, FetchError> {
        let request = self.get(url).header(IF_NONE_MATCH, etag);
        let response = self.send(url, request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            let max_age = max_age(response.headers());
            return Ok(Revalidated::NotModified { max_age });
        }
        read(url, response, limit).await.map(Revalidated::Modified)
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, FetchError> {
        if !is_secure(url) {
            return Err(FetchError::Insecure { url: url.clone() });
        }
        if !self.allowed.allows(url) {
            return Err(FetchError::LinkLocal { url: url.clone() });
        }
        request
            .send()
            .await
            .map_err(|cause| unreachable(url, cause))
    }
}

impl KeyFetcher for HttpFetcher {
    fn fetch<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
    ) -> BoxFuture<'a, Result<Document, FetchError>> {
        Box::pin(self.fetch_document(url, limit))
    }

    fn revalidate<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
        etag: &'a str,
    ) -> BoxFuture<'a, Result<Revalidated, FetchError>> {
        Box::pin(self.revalidate_document(url, limit, etag))
    }
}

fn client(allowed: &AllowedHosts) -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // Fetches are minutes apart: a kept connection would be one that the provider has closed.
        .pool_max_idle_per_host(0)
        .timeout(TOTAL_TIMEOUT)
        .redirect(redirect::Policy::none())
        .dns_resolver(Arc::new(allowed.clone()))
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
}

async fn read(url: &Url, mut response: Response, limit: usize) -> Result<Document, FetchError> {
    if response.status() != StatusCode::OK {
        let status = response.status().as_u16();
        return Err(FetchError::Status {
            url: url.clone(),
            status,
        });
    }
    let (max_age, etag) = (max_age(response.headers()), etag(response.headers()));
    let body = read_bounded(&mut response, limit)
        .await
        .map_err(|cause| unreachable(url, cause))?
        .ok_or_else(|| FetchError::TooLarge {
            url: url.clone(),
            limit,
        })?;
    Ok(Document {
        body,
        max_age,
        etag,
    })
}

/// The body after decompression; nothing when it is longer than `limit`.
pub(crate) async fn read_bounded(
    response: &mut Response,
    limit: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn unreachable(url: &Url, cause: reqwest::Error) -> FetchError {
    FetchError::Unreachable {
        url: url.clone(),
        cause: cause.without_url().into(),
    }
}

/// `ETag` (RFC 9110 section 8.8.3), where it is there and worth sending back.
fn etag(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(ETAG)?.to_str().ok()?;
    (value.len() <= MAX_ETAG_BYTES).then(|| value.to_owned())
}

/// `max-age` of `Cache-Control` (RFC 9111 section 5.2.2.1), where it is there and readable.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let seconds = value
        .split(',')
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))?
        .1;
    seconds
        .trim_matches('"')
        .parse()
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_read_where_it_stands() {
        for (value, expected) in [
            ("max-age=60", Some(60)),
            ("public, Max-Age=\"300\", immutable", Some(300)),
            ("no-cache", None),
            ("max-age=soon", None),
            ("max-age=-1", None),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(
                max_age(&headers),
                expected.map(Duration::from_secs),
                "{value}"
            );
        }
    }
}
