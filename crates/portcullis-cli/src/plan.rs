//! From a configuration to the gateway's plan: where each authorizer's keys come from.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use portcullis::{
    Clock, HttpFetcher, HttpIntrospector, Introspection, Issuer, KeyFetcher, KeySource, Keys,
    SystemClock,
};
use portcullis_config::{Check, ClientProof, IntrospectionEndpoint, JwtAuthorizer};
use portcullis_gateway::{Environment, Plan, ProofMemory};
use portcullis_token::{KeySet, SigningKey};

use crate::environment::unreadable;
use crate::project::Project;

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
    compile(project, true, proofs, issuer)
}

/// The issuers that files name. Their keys outlive a plan: the next one has them at once.
pub(crate) struct RealIssuers {
    /// Where files are that the configuration names.
    directory: PathBuf,
    fetcher: Arc<dyn KeyFetcher>,
    clock: Arc<dyn Clock>,
    /// The keys of the last plan.
    known: HashMap<KeySource, Keys>,
    /// What all plans remember of `DPoP` proofs.
    proofs: ProofMemory,
}

impl RealIssuers {
    pub(crate) fn new(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            directory: directory.to_owned(),
            fetcher: Arc::new(HttpFetcher::new().context("TLS cannot be set up")?),
            clock: Arc::new(SystemClock),
            known: HashMap::new(),
            proofs: ProofMemory::default(),
        })
    }

    /// Has every authorizer fetch its own keys; those that share a source share its keys.
    ///
    /// Sources that `project` does not name are forgotten, unless it cannot be compiled.
    pub(crate) fn plan(&mut self, project: &Project, tells_reason: bool) -> anyhow::Result<Plan> {
        let mut used: HashMap<KeySource, Keys> = HashMap::new();
        let mut failed = None;
        let plan = compile(project, tells_reason, &self.proofs, &mut |jwt| {
            let issuer = match key_source(jwt) {
                None => Issuer::fixed(Arc::default()),
                Some(source) => {
                    let keys = used
                        .entry(source.clone())
                        .or_insert_with(|| self.keys(source));
                    Issuer::sharing(keys.clone())
                }
            };
            let asked = jwt.introspection.as_ref();
            let asked = asked.map(|endpoint| introspection(endpoint, jwt, &self.directory));
            match asked.transpose() {
                Ok(None) => issuer,
                Ok(Some(introspection)) => issuer.introspection(introspection),
                Err(error) => {
                    failed = Some(error);
                    issuer
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error).context("the introspection endpoint cannot be asked");
        }
        self.known = used;
        Ok(plan)
    }

    fn keys(&self, source: KeySource) -> Keys {
        let known = self.known.get(&source).cloned();
        known.unwrap_or_else(|| {
            Keys::new(source, Arc::clone(&self.fetcher), Arc::clone(&self.clock))
        })
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
        always,
        cache,
    } = endpoint;
    let introspector = match client_proof {
        ClientProof::Secret(secret) => {
            HttpIntrospector::basic(url.clone(), client_id, secret.clone())?
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
    Ok(if *always {
        introspection.always()
    } else {
        introspection
    })
}

fn compile(
    project: &Project,
    tells_reason: bool,
    proofs: &ProofMemory,
    issuer: &mut dyn FnMut(&JwtAuthorizer) -> Issuer,
) -> anyhow::Result<Plan> {
    let mut environment = Environment {
        issuer,
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
        // The configuration refuses it: without an issuer there must be a key set.
        (portcullis_config::KeySource::Discovery, Check::Any) => None,
    }
}
