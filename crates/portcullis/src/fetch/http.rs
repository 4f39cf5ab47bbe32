use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use super::{BoxFuture, Document, FetchError, KeyFetcher, is_secure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Gets documents over HTTP: 2 s to connect, 5 s in all, no redirects, https outside of loopback.
#[derive(Clone, Debug)]
pub struct HttpFetcher {
    client: Client,
}

impl HttpFetcher {
    /// A fetcher that trusts the operating system's certificate authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    async fn fetch_document(&self, url: &Url, limit: usize) -> Result<Document, FetchError> {
        if !is_secure(url) {
            return Err(FetchError::Insecure { url: url.clone() });
        }
        let unreachable = |cause: reqwest::Error| FetchError::Unreachable {
            url: url.clone(),
            cause: cause.without_url().into(),
        };
        let mut response = self
            .client
            .get(url.clone())
            .send()
            .await
            .map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            return Err(FetchError::Status {
                url: url.clone(),
                status,
            });
        }
        let max_age = max_age(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge {
                    url: url.clone(),
                    limit,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Document { body, max_age })
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
