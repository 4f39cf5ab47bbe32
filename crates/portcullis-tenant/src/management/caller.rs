use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_token::{
    Algorithm, Reason, Rules, Secret, Sender, Unverified, Verified, bearer_token,
};
use tokio::sync::Semaphore;

use crate::access_token::revocation_id;
use crate::{Issuer, Tenant};

use super::refusal::Refusal;
use super::{OWN_SCOPES, audience};

/// What the operations share, made once.
#[derive(Debug)]
pub(super) struct Api {
    rules: Rules,
    /// One rotation at a time: each makes a key, which takes tenths of a second of a core.
    pub(super) rotations: Semaphore,
}

impl Api {
    pub(super) fn new(issuer: &Issuer) -> Self {
        let rules = Rules {
            algorithms: vec![Algorithm::Rs256],
            ..Rules::new(
                Some(issuer.as_str().to_owned()),
                Some(vec![audience(issuer)]),
            )
        };
        Self {
            rules,
            rotations: Semaphore::new(1),
        }
    }

    /// Finds out who is calling, and whether they still may.
    pub(super) async fn identify(
        &self,
        tenant: &Tenant,
        headers: &HeaderMap,
    ) -> Result<Caller, Refusal> {
        let lines = headers.get_all(AUTHORIZATION).iter();
        let text = bearer_token(lines.map(HeaderValue::as_bytes)).map_err(Refusal::Token)?;
        let token = self.verify(tenant, text).map_err(Refusal::Token)?;
        let id = revocation_id(&Secret::new(text.to_owned()));
        if tenant.database.token_ids().is_revoked(&id).await? {
            return Err(Refusal::Token(Reason::Revoked));
        }
        let mut caller = Caller::of(&token).ok_or(Refusal::Token(Reason::ClaimMissing))?;
        caller.check_existence(tenant).await?;
        Ok(caller)
    }

    fn verify(&self, tenant: &Tenant, text: &str) -> Result<Verified, Reason> {
        let token = Unverified::parse(text, &self.rules, &mut ())?;
        let keys = tenant.keys.load();
        let (now, sender) = (tenant.clock.now(), Sender::default());
        self.rules
            .verify(&token, &keys.key_set, &sender, now, &mut ())
    }
}

/// Who is calling, and what they may do.
#[derive(Debug)]
pub(super) struct Caller {
    subject: String,
    /// Absent for a user.
    client_id: Option<String>,
    scopes: Vec<String>,
}

impl Caller {
    fn of(token: &Verified) -> Option<Self> {
        let subject = token.subject()?.to_owned();
        let client_id = token.client_id().map(str::to_owned);
        let is_client = |id: &String| subject.strip_suffix("@clients") == Some(id);
        Some(Self {
            client_id: client_id.filter(is_client),
            scopes: token.scopes().map(str::to_owned).collect(),
            subject,
        })
    }

    /// A token outlives the one to whom it was given, and the grant; what it opens here must not.
    async fn check_existence(&mut self, tenant: &Tenant) -> Result<(), Refusal> {
        let exists = if let Some(id) = &self.client_id {
            // There is none without its client.
            let grants = tenant.database.client_grants();
            let audience = audience(&tenant.issuer);
            let grant = grants.find_for(id, &audience, "client").await?;
            let granted = grant.as_ref().map(|grant| &grant.scopes);
            self.scopes
                .retain(|scope| granted.is_some_and(|granted| granted.contains(scope)));
            grant.is_some()
        } else {
            let user = tenant.database.users().find(&self.subject).await?;
            user.is_some_and(|user| !user.blocked)
        };
        if exists {
            Ok(())
        } else {
            Err(Refusal::Token(Reason::Revoked))
        }
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether one of `scopes` is granted.
    ///
    /// Never to a user, whatever the token says: any application may ask for any scope of an API
    /// in a user's name, and with these all users could be changed.
    pub(super) fn has_any(&self, scopes: &[&str]) -> bool {
        self.client_id.is_some() && self.holds(scopes)
    }

    /// Whether one of the scopes is granted that are about the caller alone.
    pub(super) fn has_any_own(&self, scopes: &[&str]) -> bool {
        scopes.iter().all(|scope| OWN_SCOPES.contains(scope)) && self.holds(scopes)
    }

    fn holds(&self, scopes: &[&str]) -> bool {
        self.scopes
            .iter()
            .any(|granted| scopes.contains(&granted.as_str()))
    }
}
