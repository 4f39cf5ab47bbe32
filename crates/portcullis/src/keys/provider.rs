//! What the background task remembers of the provider from one fetch to the next.

use std::time::Duration;

use portcullis_token::{KeySet, UnixTime};
use url::Url;

use super::{KeySource, KeysError};
use crate::discovery::{Discovered, discover};
use crate::{Chain, DiscoveryError, Document, KeyFetcher, Revalidated};

const MAX_BYTES: usize = 1024 * 1024;
/// How long the address of the keys is believed.
const REDISCOVERY: Duration = Duration::from_hours(24);
/// After so many failures the keys may have moved.
const FAILURES_BEFORE_REDISCOVERY: u32 = 3;

/// The address of the keys, and which document came from there last.
#[derive(Debug, Default)]
pub(super) struct Provider {
    discovered: Option<(Discovered, UnixTime)>,
    last: Option<Validator>,
    /// Failures to get the key set itself, since the last success or discovery.
    failures: u32,
}

/// The entity tag of the last key set, and whose it is.
#[derive(Debug)]
struct Validator {
    place: Place,
    etag: String,
}

/// Where a key set is, and the issuer as its own document spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    issuer: Option<String>,
    url: Url,
}

/// What a successful fetch brings.
#[derive(Debug)]
pub(super) enum News {
    /// Keys that may differ from those before.
    Keys(NewKeys),
    /// The keys are still those of the last fetch.
    Unchanged { max_age: Option<Duration> },
}

#[derive(Debug)]
pub(super) struct NewKeys {
    pub(super) set: KeySet,
    pub(super) max_age: Option<Duration>,
    /// The document, as the provider wrote it.
    pub(super) body: Vec<u8>,
}

impl Provider {
    /// Fetches the keys, by discovery where the source says so and it is time.
    pub(super) async fn fetch(
        &mut self,
        source: &KeySource,
        fetcher: &dyn KeyFetcher,
        now: UnixTime,
    ) -> Result<News, KeysError> {
        let place = match source {
            KeySource::Jwks(url) => Place {
                issuer: None,
                url: url.clone(),
            },
            KeySource::Discovery(issuer) => {
                let discovered = self.discovered(issuer, fetcher, now).await?;
                Place {
                    issuer: Some(discovered.issuer),
                    url: discovered.jwks_uri,
                }
            }
        };
        let news = self.fetch_keys(place, fetcher).await;
        self.failures = match news {
            Ok(_) => 0,
            Err(_) => self.failures.saturating_add(1),
        };
        news
    }

    /// Where the keys are: by the discovery document, which is read again after 24 h and after
    /// three failures to get the keys.
    async fn discovered(
        &mut self,
        issuer: &Url,
        fetcher: &dyn KeyFetcher,
        now: UnixTime,
    ) -> Result<Discovered, KeysError> {
        if let Some((known, at)) = &self.discovered
            && now.since(*at) < REDISCOVERY
            && self.failures < FAILURES_BEFORE_REDISCOVERY
        {
            return Ok(known.clone());
        }
        let result = discover(fetcher, issuer).await;
        if let (Err(DiscoveryError::Fetch(error)), Some((known, _))) = (&result, &self.discovered) {
            // The keys themselves may still be had.
            tracing::warn!(%issuer, error = %Chain(error), "could not read the discovery document again");
            return Ok(known.clone());
        }
        let discovered = result?;
        self.failures = 0;
        self.discovered = Some((discovered.clone(), now));
        Ok(discovered)
    }

    async fn fetch_keys(
        &mut self,
        place: Place,
        fetcher: &dyn KeyFetcher,
    ) -> Result<News, KeysError> {
        let answer = match &self.last {
            Some(last) if last.place == place => {
                fetcher
                    .revalidate(&place.url, MAX_BYTES, &last.etag)
                    .await?
            }
            _ => Revalidated::Modified(fetcher.fetch(&place.url, MAX_BYTES).await?),
        };
        let Document {
            body,
            max_age,
            etag,
        } = match answer {
            Revalidated::Modified(document) => document,
            Revalidated::NotModified { max_age } => return Ok(News::Unchanged { max_age }),
        };
        let mut set = KeySet::parse(&body)?;
        if let Some(issuer) = &place.issuer {
            set = set.of_issuer(issuer.clone());
        }
        self.last = etag.map(|etag| Validator { place, etag });
        Ok(News::Keys(NewKeys { set, max_age, body }))
    }
}
