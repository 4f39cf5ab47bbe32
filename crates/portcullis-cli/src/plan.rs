//! From a configuration to the gateway's plan: where each authorizer's keys come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use portcullis::{
    Clock, HttpFetcher, HttpIntrospector, Introspection, Issuer, KeyFetcher, KeySettings,
    KeySource, Keys, Observer, SnapshotFile, SystemClock,
};
use portcullis_config::{Check, Config, IntrospectionEndpoint, JwtAuthorizer};
use portcullis_gateway::{Environment, Plan};
use portcullis_token::KeySet;

use crate::{local_keys, snapshot};

/// Has every authorizer take the tenant's keys, which are known and never fetched.
///
/// The tenant's name is `localhost`, and another user's program may be what is found under it.
pub(crate) fn with_keys(config: &Config, keys: KeySet) -> anyhow::Result<Plan> {
    let keys = Arc::new(keys);
    let issuer = &mut |_: &JwtAuthorizer| Issuer::fixed(Arc::clone(&keys));
    compile(config, true, issuer, &mut |_| Observer::default())
}

/// The issuers that files name. Their keys outlive a plan: the next one has them at once.
pub(crate) struct RealIssuers {
    /// The project's folder, from which its files are named.
    directory: PathBuf,
    fetcher: Arc<dyn KeyFetcher>,
    clock: Arc<dyn Clock>,
    /// The keys of the last plan.
    known: HashMap<Wanted, Keys>,
    /// Those who watch its authorizers, by their names, so that counters go on.
    observers: HashMap<String, Observer>,
}

/// Keys that are fetched, and how they are kept: who wants the same shares them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wanted {
    source: KeySource,
    max_stale: Duration,
    snapshot: Option<PathBuf>,
}

impl RealIssuers {
    /// Those of the project in `directory`.
    pub(crate) fn new(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            directory: directory.to_owned(),
            fetcher: Arc::new(HttpFetcher::new().context("TLS cannot be set up")?),
            clock: Arc::new(SystemClock),
            known: HashMap::new(),
            observers: HashMap::new(),
        })
    }

    /// Has every authorizer fetch its own keys; those that share a source share its keys.
    ///
    /// Sources that `config` does not name are forgotten, unless it cannot be compiled.
    pub(crate) fn plan(&mut self, config: &Config, tells_reason: bool) -> anyhow::Result<Plan> {
        let mut used = HashMap::new();
        let mut observers = HashMap::new();
        let mut failed = None;
        let mut issuer = |jwt: &JwtAuthorizer| {
            self.issuer(jwt, &mut used).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                Issuer::fixed(Arc::default())
            })
        };
        let mut observer = |name: &str| {
            let known = self.observers.get(name).cloned().unwrap_or_default();
            observers.insert(name.to_owned(), known.clone());
            known
        };
        let plan = compile(config, tells_reason, &mut issuer, &mut observer)?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.known = used;
        self.observers = observers;
        Ok(plan)
    }

    fn issuer(
        &self,
        jwt: &JwtAuthorizer,
        used: &mut HashMap<Wanted, Keys>,
    ) -> anyhow::Result<Issuer> {
        let issuer = match (local_keys::load(&self.directory, jwt)?, self.wanted(jwt)) {
            (Some(keys), _) => Issuer::fixed(keys),
            (None, None) => Issuer::fixed(Arc::default()),
            (None, Some(wanted)) => {
                let keys = match used.get(&wanted) {
                    Some(keys) => keys.clone(),
                    None => self.keys(&wanted)?,
                };
                used.insert(wanted, keys.clone());
                Issuer::sharing(keys)
            }
        };
        let asked = jwt.introspection.as_ref().map(introspection).transpose();
        let asked = asked.context("the introspection endpoint cannot be asked")?;
        Ok(match asked {
            Some(introspection) => issuer.introspection(introspection),
            None => issuer,
        })
    }

    fn wanted(&self, jwt: &JwtAuthorizer) -> Option<Wanted> {
        let snapshot = jwt.fetching.snapshot.as_ref();
        Some(Wanted {
            source: key_source(jwt)?,
            max_stale: jwt.fetching.max_stale,
            snapshot: snapshot.map(|path| self.directory.join(path)),
        })
    }

    fn keys(&self, wanted: &Wanted) -> anyhow::Result<Keys> {
        if let Some(known) = self.known.get(wanted) {
            return Ok(known.clone());
        }
        let Wanted {
            source,
            max_stale,
            snapshot,
        } = wanted;
        let snapshot = match snapshot {
            None => None,
            Some(path) => Some(SnapshotFile::new(path, snapshot::key(&self.directory)?)),
        };
        let settings = KeySettings {
            max_stale: *max_stale,
            snapshot,
        };
        let (fetcher, clock) = (Arc::clone(&self.fetcher), Arc::clone(&self.clock));
        Ok(Keys::with(source.clone(), fetcher, clock, settings))
    }
}

fn introspection(endpoint: &IntrospectionEndpoint) -> Result<Introspection, reqwest::Error> {
    let IntrospectionEndpoint {
        url,
        client_id,
        client_secret,
        always,
        cache,
    } = endpoint;
    let introspector = HttpIntrospector::basic(url.clone(), client_id, client_secret.clone())?;
    let introspection = Introspection::new(Arc::new(introspector)).cache(*cache);
    Ok(if *always {
        introspection.always()
    } else {
        introspection
    })
}

fn compile(
    config: &Config,
    tells_reason: bool,
    issuer: &mut dyn FnMut(&JwtAuthorizer) -> Issuer,
    observer: &mut dyn FnMut(&str) -> Observer,
) -> anyhow::Result<Plan> {
    let mut environment = Environment {
        issuer,
        observer,
        clock: Arc::new(SystemClock),
        tells_reason,
    };
    Ok(Plan::compile(config, &mut environment)?)
}

fn key_source(jwt: &JwtAuthorizer) -> Option<KeySource> {
    match (&jwt.keys, &jwt.issuer) {
        (portcullis_config::KeySource::Jwks(url), _) => Some(KeySource::Jwks(url.clone())),
        (portcullis_config::KeySource::Discovery, Check::Is(issuer)) => {
            Some(KeySource::Discovery(issuer.url().clone()))
        }
        // Keys that are given; and without an issuer there is a key set, or the file is refused.
        _ => None,
    }
}
