//! From a configuration to the gateway's plan: where each authorizer's keys come from.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use portcullis::{Clock, HttpFetcher, Issuer, KeyFetcher, KeySource, Keys, SystemClock};
use portcullis_config::{Check, Config, JwtAuthorizer};
use portcullis_gateway::{Environment, Plan};
use portcullis_token::KeySet;

/// Has every authorizer take the tenant's keys, which are known and never fetched.
///
/// The tenant's name is `localhost`, and another user's program may be what is found under it.
pub(super) fn with_keys(config: &Config, keys: KeySet) -> anyhow::Result<Plan> {
    let keys = Arc::new(keys);
    compile(config, &mut |_| Issuer::fixed(Arc::clone(&keys)))
}

/// Has every authorizer fetch its own keys; those that share a source share its keys.
pub(super) fn with_real_issuers(config: &Config) -> anyhow::Result<Plan> {
    let fetcher: Arc<dyn KeyFetcher> =
        Arc::new(HttpFetcher::new().context("TLS cannot be set up")?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut known: HashMap<KeySource, Keys> = HashMap::new();
    compile(config, &mut |jwt| {
        let Some(source) = key_source(jwt) else {
            return Issuer::fixed(Arc::default());
        };
        let make = || Keys::new(source.clone(), Arc::clone(&fetcher), Arc::clone(&clock));
        Issuer::sharing(known.entry(source.clone()).or_insert_with(make).clone())
    })
}

fn compile(
    config: &Config,
    issuer: &mut dyn FnMut(&JwtAuthorizer) -> Issuer,
) -> anyhow::Result<Plan> {
    let mut environment = Environment {
        issuer,
        clock: Arc::new(SystemClock),
        tells_reason: true,
    };
    Ok(Plan::compile(config, &mut environment)?)
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
