//! Identity pools of the file: made, served, and known to the gateway.

mod server;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use portcullis::{Clock, HttpFetcher, Issuer, KeySource, Keys, SystemClock, Verifier};
use portcullis_config::{
    Config, IdentityPool, IssuerUrl, RolePermissions, RuleComparison, SignedAuthorizer,
};
use portcullis_gateway::{SignedBy, Signers};
use portcullis_pool::{Ambiguity, Comparison, Pool, PoolKeys, Provider, Role, Rule, Settings};
use portcullis_token::sigv4::{Leniency, Signature, SignatureRefusal, Trusted};
use portcullis_token::{Algorithm, KeySet, RolePolicy, Secret, TokenType, UnixTime};
use url::Url;

pub(crate) use self::server::PoolServers;
use crate::project::Project;
use crate::snapshot;

/// The roles that `allow` and `policy`, and `guests`, are about.
const AUTHENTICATED: &str = "authenticated";
const UNAUTHENTICATED: &str = "unauthenticated";
/// How far clocks may differ, as Cognito has it.
const LEEWAY: Duration = Duration::from_mins(5);

/// Whose ID tokens are logins.
pub(crate) enum Logins {
    /// Those of the embedded tenant, whatever issuer the file names.
    Tenant(Url, Arc<KeySet>),
    /// Those of the issuers themselves.
    Issuers(Arc<HttpFetcher>),
}

impl Logins {
    /// The logins of real issuers, whose keys are fetched.
    pub(crate) fn of_issuers() -> anyhow::Result<Self> {
        let fetcher = HttpFetcher::new().context("TLS cannot be set up")?;
        Ok(Self::Issuers(Arc::new(fetcher)))
    }

    /// Where the keys of the issuer come from, and what its tokens call it.
    fn issuer(&self, named: &IssuerUrl) -> (Issuer, String) {
        match self {
            Self::Tenant(issuer, keys) => (Issuer::fixed(Arc::clone(keys)), issuer.to_string()),
            Self::Issuers(fetcher) => {
                let source = KeySource::Discovery(named.url().clone());
                let keys = Keys::new(source, Arc::clone(fetcher) as _, Arc::new(SystemClock));
                (Issuer::sharing(keys), named.as_written().to_owned())
            }
        }
    }
}

/// Makes the pools of the file, in its order.
pub(crate) fn make(project: &Project, logins: &Logins) -> anyhow::Result<Vec<Arc<Pool>>> {
    let pools = project.config.identity_pools.iter();
    let made = pools.map(|pool| {
        let providers = providers(pool, logins);
        let made = providers.and_then(|providers| pool_of(project, pool, providers));
        made.with_context(|| format!("the identity pool `{}` cannot be used", pool.name))
    });
    made.collect()
}

/// What the gateway asks of the pools, for which they need no logins.
pub(crate) fn signers(project: &Project) -> anyhow::Result<Vec<Arc<Pool>>> {
    let pools = project.config.identity_pools.iter();
    let made = pools.map(|pool| {
        let made = pool_of(project, pool, Vec::new());
        made.with_context(|| format!("the identity pool `{}` cannot be used", pool.name))
    });
    made.collect()
}

/// How an authorizer takes requests that are signed with credentials of these pools.
///
/// # Panics
/// When `pools` are not those of `config`.
pub(crate) fn signed_by(
    config: &Config,
    pools: &[Arc<Pool>],
    authorizer: &SignedAuthorizer,
) -> SignedBy {
    let named = &config.identity_pools[authorizer.pool];
    SignedBy {
        region: named.region.clone(),
        account: named.account.clone(),
        leniency: if authorizer.lenient {
            Leniency::Clients
        } else {
            Leniency::Strict
        },
        signers: Arc::new(PoolSigners(Arc::clone(&pools[authorizer.pool]))),
    }
}

/// A pool as the gateway knows it.
#[derive(Debug)]
struct PoolSigners(Arc<Pool>);

impl Signers for PoolSigners {
    fn trust(&self, signature: &Signature, now: UnixTime) -> Result<Trusted, SignatureRefusal> {
        self.0.trust(signature, now)
    }
}

fn pool_of(
    project: &Project,
    pool: &IdentityPool,
    providers: Vec<Provider>,
) -> anyhow::Result<Arc<Pool>> {
    let bytes = |secret: &Secret<String>| Secret::new(secret.expose().as_bytes().to_vec());
    let secret = match &pool.secret {
        Some(secret) => bytes(secret),
        None => made_secret(project)?,
    };
    let ring: Vec<_> = pool.credential_secrets.iter().map(bytes).collect();
    let keys = PoolKeys::new(&pool.name, &secret, &ring)?;
    let role = |name: &str, permissions: &RolePermissions| Role {
        name: name.to_owned(),
        policy: policy(&project.config, pool, permissions),
    };
    let own = pool
        .authenticated
        .as_ref()
        .map(|own| role(AUTHENTICATED, own));
    let guests = pool
        .guests
        .as_ref()
        .map(|guests| role(UNAUTHENTICATED, guests));
    let named = pool.roles.iter();
    let named = named.map(|own| role(&own.name, &own.permissions));
    let settings = Settings {
        region: pool.region.clone(),
        account: pool.account.clone(),
        id: pool.id.clone(),
        providers,
        authenticated: own.as_ref().map(|role| role.name.clone()),
        guests: guests.as_ref().map(|role| role.name.clone()),
        roles: own.into_iter().chain(guests).chain(named).collect(),
        rules: pool.rules.iter().map(rule).collect(),
        roles_by_token: pool.roles_by_token,
        ambiguity: if pool.denies_ambiguous {
            Ambiguity::Deny
        } else {
            Ambiguity::AuthenticatedRole
        },
        tags: pool.tags.clone(),
        epoch: pool.epoch,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Arc::new(Pool::new(settings, keys, clock)))
}

/// The project's own secret, for pools without one in the file.
fn made_secret(project: &Project) -> anyhow::Result<Secret<Vec<u8>>> {
    let key = snapshot::key(&project.directory)?;
    let key = hmac::Key::new(HMAC_SHA256, key.expose());
    let secret = hmac::sign(&key, b"identity pools");
    Ok(Secret::new(secret.as_ref().to_vec()))
}

fn policy(config: &Config, pool: &IdentityPool, permissions: &RolePermissions) -> RolePolicy {
    let apis = permissions
        .apis
        .iter()
        .filter_map(|api| config.apis.get(*api));
    let resources: Vec<_> = apis
        .map(|api| {
            format!(
                "arn:aws:execute-api:{}:{}:{}/*",
                pool.region, pool.account, api.name
            )
        })
        .collect();
    let allowed = RolePolicy::allowing("execute-api:Invoke", resources);
    match &permissions.policy {
        Some(more) => allowed.with(more.clone()),
        None => allowed,
    }
}

fn rule(rule: &portcullis_config::PoolRule) -> Rule {
    Rule {
        claim: rule.claim.clone(),
        comparison: match rule.comparison {
            RuleComparison::Equals => Comparison::Equals,
            RuleComparison::NotEqual => Comparison::NotEqual,
            RuleComparison::StartsWith => Comparison::StartsWith,
            RuleComparison::Contains => Comparison::Contains,
        },
        value: rule.value.clone(),
        role: rule.role.clone(),
    }
}

/// One provider for each issuer, for all of its applications.
fn providers(pool: &IdentityPool, logins: &Logins) -> anyhow::Result<Vec<Provider>> {
    let mut found: Vec<(Vec<String>, Vec<String>, Issuer)> = Vec::new();
    for named in &pool.providers {
        let (issuer, iss) = logins.issuer(&named.issuer);
        let name = Provider::name_of(&iss).to_owned();
        let known = found.iter().position(|(names, ..)| names.contains(&name));
        let index = known.unwrap_or_else(|| {
            let algorithms = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
            let issuer = issuer
                .named(iss)
                .algorithms(algorithms)
                .leeway(LEEWAY)
                // Whatever it calls itself: that it is for the application makes it a login.
                .token_type(TokenType::Any);
            found.push((vec![name], Vec::new(), issuer));
            found.len() - 1
        });
        let (names, client_ids, issuer) = &mut found[index];
        let written = Provider::name_of(named.issuer.as_written()).to_owned();
        if !names.contains(&written) {
            names.push(written);
        }
        client_ids.push(named.client_id.clone());
        *issuer = issuer.clone().audience(&named.client_id);
    }
    let built = found.into_iter().map(|(names, client_ids, issuer)| {
        let verifier = Verifier::builder()
            .issuer(issuer)
            .clock(Arc::new(SystemClock));
        Ok(Provider {
            names,
            client_ids,
            verifier: verifier.build()?,
        })
    });
    built.collect()
}
