//! The tokens of a user's login, whatever way it came.

use std::time::Duration;

use portcullis_store::tenant::{
    OpaqueToken, RefreshFamily, RefreshToken, ResourceServer, SignedToken, User,
};
use portcullis_token::{Secret, SigningError, UnixTime};
use serde_json::{Value, json};

use crate::access_token::{AccessToken, Subject, ToldGrant};
use crate::accounts::claims_of;
use crate::client::Client;
use crate::id_token::IdToken;
use crate::ids::sha256;
use crate::user_access::{UserAccess, UserRequest};
use crate::user_api::UserApiError;
use crate::{Tenant, TokenDialect, access_token, opaque};

use super::Granted;
use super::refusal::Refusal;

/// How long an opaque access token is valid: 24 hours, as a token of an API is.
const OPAQUE_LIFETIME: i64 = 24 * 60 * 60;

/// A login for which tokens are issued.
pub(super) struct Login<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) access: &'a UserAccess,
    /// The browser's session.
    pub(super) sid: Option<&'a str>,
    /// When the user logged in.
    pub(super) auth_time: i64,
    /// Whether the ID token says so: where `max_age` was asked for.
    pub(super) tells_auth_time: bool,
    pub(super) nonce: Option<&'a str>,
    pub(super) grant: Option<ToldGrant>,
    /// The refresh family, or that of the code: what takes the tokens along when it is revoked.
    pub(super) family_id: Option<&'a str>,
}

/// An access token that is not kept yet.
pub(super) struct Issued {
    pub(super) token: Secret<String>,
    /// What to keep of one that only the tenant can read.
    pub(super) opaque: Option<OpaqueToken>,
    /// What to keep of one that others can read, by which it is revoked.
    pub(super) signed: Option<SignedToken>,
    /// Seconds.
    pub(super) lifetime: u64,
}

/// A refresh family that is not kept yet, and its first token.
pub(super) struct Family {
    pub(super) row: RefreshFamily,
    pub(super) first: RefreshToken,
    pub(super) token: Secret<String>,
}

impl Issued {
    /// Keeps what is to be kept, unless the family was revoked meanwhile.
    pub(super) async fn keep(&self, tenant: &Tenant) -> Result<(), Refusal> {
        let database = &tenant.database;
        let is_kept = match (&self.opaque, &self.signed) {
            (Some(opaque), _) => database.opaque_tokens().insert(opaque).await?,
            (None, Some(signed)) => database.signed_tokens().insert(signed).await?,
            (None, None) => true,
        };
        if is_kept {
            Ok(())
        } else {
            Err(Refusal::RefreshToken)
        }
    }
}

/// The user, who must exist and not be blocked.
pub(super) async fn find_user(
    tenant: &Tenant,
    user_id: &str,
    absent: Refusal,
) -> Result<User, Refusal> {
    let user = tenant.database.users().find(user_id).await?.ok_or(absent)?;
    if user.blocked {
        return Err(Refusal::UserBlocked);
    }
    Ok(user)
}

/// What the tokens may be for.
pub(super) async fn resolve(
    tenant: &Tenant,
    request: &UserRequest<'_>,
) -> Result<UserAccess, Refusal> {
    UserAccess::resolve(tenant, request)
        .await
        .map_err(|error| match error {
            UserApiError::Unknown(audience) => Refusal::UnknownAudience(audience),
            UserApiError::NotGranted(audience) => Refusal::NoClientGrant(audience),
            UserApiError::Fault(fault) => fault.into(),
        })
}

impl Login<'_> {
    /// Makes the access token: a JWT for an API, or one that means nothing.
    pub(super) fn issue(&self, tenant: &Tenant) -> Result<Issued, Refusal> {
        match &self.access.api {
            Some(api) => self.sign(tenant, api),
            None => self.make_opaque(tenant),
        }
    }

    fn sign(&self, tenant: &Tenant, api: &ResourceServer) -> Result<Issued, Refusal> {
        let scope = self.access.scope();
        let permissions: Vec<&str> = self.access.permissions.iter().map(String::as_str).collect();
        let lifetime = access_token::lifetime(api);
        let jti = opaque::opaque_token()?;
        let token = AccessToken {
            issuer: &tenant.issuer,
            dialect: dialect(api),
            subject: Subject::User(&self.user.user_id),
            client_id: self.client.id(),
            audience: &api.identifier,
            scope: &scope,
            permissions: &permissions,
            grant: self.grant,
            jti: jti.expose(),
            issued_at: tenant.clock.now(),
            lifetime,
            custom: Some(&self.access.custom_claims),
        };
        let token = token
            .sign(&tenant.keys.load().ring)
            .map_err(Refusal::Signing)?;
        let row = SignedToken {
            id: access_token::revocation_id(&token),
            client_id: self.client.id().to_owned(),
            user_id: self.user.user_id.clone(),
            sid: self.sid.map(str::to_owned),
            family_id: self.family_id.map(str::to_owned),
            audience: Some(api.identifier.clone()),
            expires_at: tenant.now().saturating_add(seconds(lifetime)),
        };
        Ok(Issued {
            signed: Some(row),
            token,
            opaque: None,
            lifetime: lifetime.as_secs(),
        })
    }

    fn make_opaque(&self, tenant: &Tenant) -> Result<Issued, Refusal> {
        let token = opaque::opaque_token()?;
        let now = tenant.now();
        let row = OpaqueToken {
            hash: sha256(token.expose()),
            client_id: self.client.id().to_owned(),
            user_id: Some(self.user.user_id.clone()),
            sid: self.sid.map(str::to_owned),
            family_id: self.family_id.map(str::to_owned),
            scopes: self.access.scopes.clone(),
            audience: None,
            data: json!({}),
            created_at: now,
            expires_at: now.saturating_add(OPAQUE_LIFETIME),
        };
        Ok(Issued {
            token,
            opaque: Some(row),
            signed: None,
            lifetime: OPAQUE_LIFETIME.unsigned_abs(),
        })
    }

    /// The ID token; absent without the scope `openid`.
    pub(super) fn sign_id_token(&self, tenant: &Tenant) -> Result<Option<Secret<String>>, Refusal> {
        if !self.access.has_scope("openid") {
            return Ok(None);
        }
        let token = IdToken {
            issuer: &tenant.issuer,
            client_id: self.client.id(),
            user: claims_of(self.user),
            scope: &self.access.scope(),
            nonce: self.nonce,
            code: None,
            access_token: None,
            authenticated_at: self.tells_auth_time.then(|| time(self.auth_time)),
            session: self.sid,
            issued_at: tenant.clock.now(),
            lifetime: self.client.id_token_lifetime(),
            custom: Some(&self.access.custom_claims),
        };
        let signed = token.sign(&tenant.keys.load().ring);
        signed.map(Some).map_err(Refusal::Signing)
    }

    /// Issues, keeps and answers all of it, where there is no code to be spent with it.
    pub(super) async fn grant_at_once(
        &self,
        tenant: &Tenant,
        family_id: &str,
        now: i64,
    ) -> Result<Granted, Refusal> {
        let issued = self.issue(tenant)?;
        let family = self.begin_family(family_id, now)?;
        if let Some(family) = &family {
            let families = tenant.database.refresh_tokens();
            families.insert(&family.row, &family.first).await?;
        }
        issued.keep(tenant).await?;
        Ok(Granted {
            access_token: issued.token,
            refresh_token: family.map(|family| family.token),
            id_token: self.sign_id_token(tenant)?,
            scope: self.access.scope(),
            expires_in: issued.lifetime,
            token_type: "Bearer",
        })
    }

    /// Begins a refresh family with this id, where `offline_access` was granted.
    pub(super) fn begin_family(&self, id: &str, now: i64) -> Result<Option<Family>, Refusal> {
        if !self.access.has_scope("offline_access") {
            return Ok(None);
        }
        let policy = self.client.refresh_policy();
        let token = opaque::opaque_token()?;
        let audience = self.access.api.as_ref().map(|api| api.identifier.clone());
        let row = RefreshFamily {
            id: id.to_owned(),
            client_id: self.client.id().to_owned(),
            user_id: self.user.user_id.clone(),
            sid: self.sid.map(str::to_owned),
            scopes: self.access.scopes.clone(),
            audience,
            auth_time: self.auth_time,
            is_rotating: policy.rotates,
            data: json!({ "tells_auth_time": self.tells_auth_time }),
            created_at: now,
            last_used_at: now,
            expires_at: policy.family_expiry(now),
            revoked_at: None,
        };
        let first = RefreshToken {
            hash: sha256(token.expose()),
            expires_at: policy.token_expiry(now),
        };
        Ok(Some(Family { row, first, token }))
    }
}

/// A word that is not known is read as Auth0's default.
pub(super) fn dialect(api: &ResourceServer) -> TokenDialect {
    api.token_dialect.parse().unwrap_or_default()
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The time of a row.
pub(super) fn time(seconds: i64) -> UnixTime {
    UnixTime(u64::try_from(seconds).unwrap_or(0))
}

/// Whether `max_age` was asked for, as it is kept with a code and with a refresh family.
pub(super) fn tells_auth_time(data: &Value) -> bool {
    data.get("tells_auth_time").and_then(Value::as_bool) == Some(true)
}

/// A signature of a client's own token, on the async worker: it takes 0.3 ms.
pub(super) fn sign_for_client(
    tenant: &Tenant,
    client: &Client,
    api: &ResourceServer,
    scopes: &[&str],
    lifetime: Duration,
) -> Result<Secret<String>, SigningError> {
    let jti = opaque::opaque_token().map_err(|_| SigningError::Crypto)?;
    let token = AccessToken {
        issuer: &tenant.issuer,
        dialect: dialect(api),
        subject: Subject::Client,
        client_id: client.id(),
        audience: &api.identifier,
        scope: &scopes.join(" "),
        permissions: scopes,
        grant: Some(ToldGrant::ClientCredentials),
        jti: jti.expose(),
        issued_at: tenant.clock.now(),
        lifetime,
        custom: None,
    };
    // Another thread would take as long, after a hop there and back, and its queue would need a
    // bound of its own.
    token.sign(&tenant.keys.load().ring)
}
