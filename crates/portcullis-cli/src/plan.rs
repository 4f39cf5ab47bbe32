//! From a configuration to the gateway's plan: where each authorizer's keys come from.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use portcullis::{
    Clock, HttpFetcher, HttpIntrospector, Introspection, Issuer, KeyFetcher, KeySettings,
    KeySource, Keys, Observer, SnapshotFile, SystemClock,
};
use portcullis_config::{
    Check, ClientProof, IntrospectionEndpoint, IntrospectionMode, JwtAuthorizer,
};
use portcullis_gateway::{Environment, Plan, ProofMemory};
use portcullis_token::{KeySet, SigningKey};

use crate::environment::unreadable;
use crate::project::Project;
use crate::{local_keys, snapshot};

/// Has every authorizer take the tenant's keys, which are known and never fetched.
///
/// The tenant's name is `localhost`, and another user's program may be what is found under it.
pub(crate) fn with_keys(
    project: &Project,
    keys: KeySet,
    proofs: &ProofMemory,
) -> anyhow::Result<Plan> {
    let keys = Arc::new(keys);
    let issuer = &mut |_: &JwtAuthorizer| Issuer::fixed(Arc::clone(&keys));
    compile(project, true, proofs, issuer, &mut |_| Observer::default())
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
    /// What all plans remember of `DPoP` proofs.
    proofs: ProofMemory,
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
            proofs: ProofMemory::default(),
        })
    }

    /// Has every authorizer fetch its own keys; those that share a source share its keys.
    ///
    /// Sources that `project` does not name are forgotten, unless it cannot be compiled.
    pub(crate) fn plan(&mut self, project: &Project, tells_reason: bool) -> anyhow::Result<Plan> {
        let mut used = HashMap::new();
        let mut observers = HashMap::new();
        let proofs = self.proofs.clone();
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
        let plan = compile(project, tells_reason, &proofs, &mut issuer, &mut observer)?;
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
        let asked = jwt.introspection.as_ref();
        let asked = asked.map(|endpoint| introspection(endpoint, jwt, &self.directory));
        let asked = asked
            .transpose()
            .context("the introspection endpoint cannot be asked")?;
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

fn introspection(
    endpoint: &IntrospectionEndpoint,
    jwt: &JwtAuthorizer,
    directory: &Path,
) -> anyhow::Result<Introspection> {
    let IntrospectionEndpoint {
        url,
        client_id,
        client_proof,
        mode,
        cache,
    } = endpoint;
    let introspector = match client_proof {
        ClientProof::Secret(secret) => {
            HttpIntrospector::basic(url.clone(), client_id, secret.clone())?
        }
        ClientProof::PostedSecret(secret) => {
            HttpIntrospector::post(url.clone(), client_id, secret.clone())?
        }
        ClientProof::Key { file, id } => {
            let path = directory.join(file);
            let text = fs::read_to_string(&path).with_context(|| unreadable(&path))?;
            let key = SigningKey::from_pem(&text)
                .with_context(|| format!("{} cannot be used", path.display()))?;
            let key = match id {
                Some(id) => key.named(id),
                None => key,
            };
            // What the issuer calls itself; where any may issue, only the endpoint is known.
            let audience = match &jwt.issuer {
                Check::Is(issuer) => issuer.as_written(),
                Check::Any => url.as_str(),
            };
            HttpIntrospector::private_key_jwt(url.clone(), client_id, key, audience)?
        }
    };
    let introspection = Introspection::new(Arc::new(introspector)).cache(*cache);
    Ok(match mode {
        IntrospectionMode::Opaque => introspection,
        IntrospectionMode::Always => introspection.always(),
        IntrospectionMode::Interval(interval) => introspection.interval(*interval),
    })
}

fn compile(
    project: &Project,
    tells_reason: bool,
    proofs: &ProofMemory,
    issuer: &mut dyn FnMut(&JwtAuthorizer) -> Issuer,
    observer: &mut dyn FnMut(&str) -> Observer,
) -> anyhow::Result<Plan> {
    let mut environment = Environment {
        issuer,
        observer,
        clock: Arc::new(SystemClock),
        tells_reason,
        directory: &project.directory,
        proofs: proofs.clone(),
    };
    Ok(Plan::compile(&project.config, &mut environment)?)
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
