use std::sync::Arc;

use aws_lc_rs::hmac;
use portcullis::Clock;
use portcullis_token::{ClaimValue, UnixTime, Verified};

use crate::credentials::{Credentials, SigningKeys, letters};
use crate::fault::Fault;
use crate::identity;
use crate::keys::PoolKeys;
use crate::login::{self, Login, Provider};
use crate::role::{Ambiguity, Choice, Role, Rule};
use crate::session_token::Session;

/// How long credentials of the pool last.
const LIFETIME: u64 = 3600;
/// The name of every session that a pool opens.
const SESSION: &str = "CognitoIdentityCredentials";
/// What AWS allows for a session's tags in all.
const MAX_TAG_BYTES: usize = 460;
const MAX_LOGINS: usize = 10;

/// What a pool is made from.
#[derive(Debug)]
pub struct Settings {
    /// `us-east-1`.
    pub region: String,
    /// The account in ARNs, 12 digits.
    pub account: String,
    /// The pool's id, `REGION:UUID`; made from its keys when absent.
    pub id: Option<String>,
    /// Whose logins are taken.
    pub providers: Vec<Provider>,
    /// What can be given.
    pub roles: Vec<Role>,
    /// The role of whoever is logged in; absent, they need a rule.
    pub authenticated: Option<String>,
    /// The role of guests; absent, there are none.
    pub guests: Option<String>,
    /// Claims that choose a role.
    pub rules: Vec<Rule>,
    /// Whether the token's own `cognito:roles` choose one.
    pub roles_by_token: bool,
    /// What happens when none of them does.
    pub ambiguity: Ambiguity,
    /// Claims that become principal tags: the tag's name and the claim's.
    pub tags: Vec<(String, String)>,
    /// Credentials of earlier epochs are void.
    pub epoch: u64,
}

/// An identity pool.
#[derive(Debug)]
pub struct Pool {
    pub(crate) id: String,
    pub(crate) settings: Settings,
    pub(crate) keys: PoolKeys,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) clock: Arc<dyn Clock>,
    choice: Choice,
}

impl Pool {
    /// Makes a pool of `settings`.
    pub fn new(settings: Settings, keys: PoolKeys, clock: Arc<dyn Clock>) -> Self {
        let own = || identity::of_pool(&keys.identities, &settings.region);
        Self {
            id: settings.id.clone().unwrap_or_else(own),
            choice: Choice {
                rules: settings.rules.clone(),
                by_token: settings.roles_by_token,
                ambiguity: settings.ambiguity,
                authenticated: settings.authenticated.clone(),
            },
            settings,
            keys,
            signing_keys: SigningKeys::default(),
            clock,
        }
    }

    /// The pool's id: `us-east-1:84340cf1-4f64-496e-87c2-517072e7d5d9`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first name of each provider.
    pub fn provider_names(&self) -> impl Iterator<Item = &str> {
        let providers = self.settings.providers.iter();
        providers.filter_map(|provider| provider.names.first().map(String::as_str))
    }

    /// Starts fetching the keys of every provider, on the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start_keys(&self) {
        for provider in &self.settings.providers {
            provider.verifier.start();
        }
    }

    /// `GetId`.
    pub(crate) async fn identify(
        &self,
        pool: &str,
        logins: &[(String, String)],
    ) -> Result<String, Fault> {
        identity::check_form(pool, "identityPoolId")?;
        if pool != self.id {
            return Err(Fault::no_pool(pool));
        }
        if logins.is_empty() {
            self.guest_role()?;
            return identity::of_guest(&self.keys.identities, &self.settings.region);
        }
        let logins = self.logins(logins).await?;
        match logins.as_slice() {
            [login] => Ok(self.identity(login)),
            _ => Err(Fault::parameter(
                "Logins of several providers cannot be linked in this pool.",
            )),
        }
    }

    /// `GetCredentialsForIdentity`.
    pub(crate) async fn credentials(
        &self,
        identity: &str,
        logins: &[(String, String)],
        custom_role: Option<&str>,
    ) -> Result<Credentials, Fault> {
        let login = self.authorize(identity, logins).await?;
        let now = self.clock.now();
        let (role, tags) = match &login {
            Some(login) => {
                let custom = custom_role.map(|arn| self.role_named(arn)).transpose()?;
                let role = self.choice.of_login(login, custom)?;
                (role, self.tags(login))
            }
            None => (self.guest_role()?.to_owned(), Vec::new()),
        };
        self.check_role(&role)?;
        self.issue(Session {
            access_key: String::new(),
            role,
            name: SESSION.to_owned(),
            identity: Some(identity.to_owned()),
            amr: login.as_ref().map_or_else(guest_amr, amr),
            tags,
            exp: now.0.saturating_add(LIFETIME),
            epoch: self.settings.epoch,
        })
    }

    /// `GetOpenIdToken`.
    pub(crate) async fn open_id_token(
        &self,
        identity: &str,
        logins: &[(String, String)],
    ) -> Result<String, Fault> {
        let login = self.authorize(identity, logins).await?;
        let amr = login.as_ref().map_or_else(guest_amr, amr);
        let now = self.clock.now();
        self.keys.open_id.sign(&self.id, identity, &amr, now)
    }

    /// Proves that whoever asks is `identity`; none for a guest.
    pub(crate) async fn authorize(
        &self,
        identity: &str,
        logins: &[(String, String)],
    ) -> Result<Option<Login>, Fault> {
        identity::check_form(identity, "identityId")?;
        if logins.is_empty() {
            self.guest_role()?;
            let region = &self.settings.region;
            return if identity::is_guest(&self.keys.identities, region, identity) {
                Ok(None)
            } else {
                let message = format!("Access to Identity '{identity}' is forbidden.");
                Err(Fault::not_authorized(message))
            };
        }
        let logins = self.logins(logins).await?;
        let mut logins = logins.into_iter();
        let own = logins.find(|login| self.identity(login) == identity);
        own.map(Some).ok_or_else(|| {
            Fault::not_authorized(
                "Logins don't match. Please include at least one valid login for this identity \
                 or identity pool.",
            )
        })
    }

    async fn logins(&self, written: &[(String, String)]) -> Result<Vec<Login>, Fault> {
        if written.len() > MAX_LOGINS {
            return Err(Fault::parameter("At most 10 Logins can be passed."));
        }
        let now = self.clock.now();
        let mut logins = Vec::new();
        for (name, token) in written {
            let provider = self.provider(name).ok_or_else(login::unsupported)?;
            logins.push(provider.verify(token, now).await?);
        }
        Ok(logins)
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        let mut providers = self.settings.providers.iter();
        providers.find(|provider| provider.names.iter().any(|own| own == name))
    }

    pub(crate) fn identity(&self, login: &Login) -> String {
        let key = &self.keys.identities;
        identity::of_login(key, &self.settings.region, &login.provider, &login.subject)
    }

    fn guest_role(&self) -> Result<&str, Fault> {
        self.settings.guests.as_deref().ok_or_else(|| {
            let message = "Unauthenticated access is not supported for this identity pool.";
            Fault::not_authorized(message)
        })
    }

    /// The name in a role's ARN, which must be one of this account.
    pub(crate) fn role_named<'a>(&self, arn: &'a str) -> Result<&'a str, Fault> {
        let prefix = format!("arn:aws:iam::{}:role/", self.settings.account);
        arn.strip_prefix(prefix.as_str())
            .ok_or_else(|| Fault::not_authorized("Invalid role arn passed in for the identity."))
    }

    fn check_role(&self, name: &str) -> Result<(), Fault> {
        let mut roles = self.settings.roles.iter();
        if roles.any(|role| role.name == name) {
            Ok(())
        } else {
            Err(Fault::no_role())
        }
    }

    pub(crate) fn tags(&self, login: &Login) -> Vec<(String, String)> {
        let claims = login.token.claims();
        let mut left = MAX_TAG_BYTES;
        let mut tags = Vec::new();
        for (tag, claim) in &self.settings.tags {
            let value = claims.find(claim).and_then(ClaimValue::as_str);
            let Some(value) = value.filter(|value| value.len() <= 256) else {
                continue;
            };
            let Some(rest) = left.checked_sub(tag.len() + value.len()) else {
                break;
            };
            left = rest;
            tags.push((tag.clone(), value.to_owned()));
        }
        tags
    }

    /// `AROA` and sixteen letters, always the same for a role.
    pub(crate) fn role_id(&self, role: &str) -> String {
        let tag = hmac::sign(&self.keys.identities, format!("role\0{role}").as_bytes());
        format!("AROA{}", letters(&tag.as_ref()[..16]))
    }

    /// Makes credentials for whoever shows a token of `GetOpenIdToken` to STS.
    pub(crate) fn assume_by_own(
        &self,
        role_arn: &str,
        name: &str,
        token: &Verified,
        seconds: u64,
    ) -> Result<Credentials, Fault> {
        let amr = token.claims().find("amr");
        let amr = amr.into_iter().flat_map(ClaimValue::items);
        let amr: Vec<_> = amr
            .filter_map(ClaimValue::as_str)
            .map(str::to_owned)
            .collect();
        let own = if amr.first().is_some_and(|first| first == "authenticated") {
            self.choice.fallback()
        } else {
            self.settings.guests.as_deref()
        };
        let role = self.role_named(role_arn)?;
        if own != Some(role) {
            return Err(Fault::no_role());
        }
        self.issue(Session {
            access_key: String::new(),
            role: role.to_owned(),
            name: name.to_owned(),
            identity: token.subject().map(str::to_owned),
            amr,
            tags: Vec::new(),
            exp: self.clock.now().0.saturating_add(seconds),
            epoch: self.settings.epoch,
        })
    }

    /// Makes credentials for whoever proves a login to STS.
    pub(crate) fn assume(
        &self,
        role_arn: &str,
        name: &str,
        login: &Login,
        seconds: u64,
    ) -> Result<Credentials, Fault> {
        let role = self
            .choice
            .of_login(login, Some(self.role_named(role_arn)?))?;
        self.check_role(&role)?;
        let now: UnixTime = self.clock.now();
        self.issue(Session {
            access_key: String::new(),
            role,
            name: name.to_owned(),
            identity: None,
            amr: amr(login),
            tags: self.tags(login),
            exp: now.0.saturating_add(seconds),
            epoch: self.settings.epoch,
        })
    }
}

fn amr(login: &Login) -> Vec<String> {
    vec![
        "authenticated".to_owned(),
        login.provider.clone(),
        format!("{}:OIDC:{}", login.provider, login.subject),
    ]
}

fn guest_amr() -> Vec<String> {
    vec!["unauthenticated".to_owned()]
}
