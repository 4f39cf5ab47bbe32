//! The refresh token grant (RFC 6749 section 6), with rotation (RFC 9700 section 4.14).

use portcullis_store::tenant::{RefreshFamily, Rotated, Rotation};
use portcullis_token::Secret;
use serde_json::json;

use crate::Tenant;
use crate::access_token::ToldGrant;
use crate::audit::{self, Event};
use crate::client::Client;
use crate::ids::sha256;
use crate::scopes::parse_scopes;
use crate::user_access::{UserAccess, UserRequest};

use super::issue::{self, Issued, Login};
use super::refusal::Refusal;
use super::{ClientRequest, Granted};

pub(super) async fn grant(tenant: &Tenant, request: &ClientRequest) -> Result<Granted, Refusal> {
    let ClientRequest {
        client, parameters, ..
    } = request;
    let token = parameters.require("refresh_token")?;
    let requested = parameters.find("scope")?;
    let families = tenant.database.refresh_tokens();
    let family = families.find(&sha256(token), client.id()).await?;
    let family = family.ok_or(Refusal::RefreshToken)?;
    let user = issue::find_user(tenant, &family.user_id, Refusal::RefreshToken).await?;
    let access = resolve(tenant, client, &family, requested).await?;

    let login = Login {
        client,
        user: &user,
        access: &access,
        sid: family.sid.as_deref(),
        auth_time: family.auth_time,
        tells_auth_time: issue::tells_auth_time(&family.data),
        // OpenID Connect Core 1.0 section 12.2; SDKs refuse one that they have not sent.
        nonce: None,
        grant: Some(ToldGrant::RefreshToken),
        family_id: Some(&family.id),
    };
    let issued = login.issue(tenant)?;
    let successor = spend(tenant, request, token, &issued).await?;
    Ok(Granted {
        access_token: issued.token,
        refresh_token: successor,
        id_token: login.sign_id_token(tenant)?,
        scope: access.scope(),
        expires_in: issued.lifetime,
        token_type: "Bearer",
    })
}

/// What of the login's scopes the user may still have, narrowed to those that are asked for.
///
/// SDKs repeat the scopes of the login, also those that were not granted then, so these are left
/// out; only when nothing is left is the request refused.
async fn resolve(
    tenant: &Tenant,
    client: &Client,
    family: &RefreshFamily,
    requested: Option<&str>,
) -> Result<UserAccess, Refusal> {
    let asked = UserRequest {
        client: &client.row,
        user_id: &family.user_id,
        audience: family.audience.as_deref(),
        scope: &family.scopes.join(" "),
    };
    let mut access = issue::resolve(tenant, &asked).await?;
    if !access.has_scope("offline_access") {
        // The API gives no refresh tokens any more.
        return Err(Refusal::RefreshToken);
    }
    if let Some(requested) = requested {
        let requested = parse_scopes(requested).map_err(|_| Refusal::TooManyScopes)?;
        access
            .scopes
            .retain(|scope| requested.contains(&scope.as_str()));
        if access.scopes.is_empty() && !requested.is_empty() {
            return Err(Refusal::NoScopeLeft);
        }
    }
    Ok(access)
}

/// Uses the token once, keeps what is issued for it, and gives its successor where tokens rotate.
async fn spend(
    tenant: &Tenant,
    request: &ClientRequest,
    token: &str,
    issued: &Issued,
) -> Result<Option<Secret<String>>, Refusal> {
    let client = &request.client;
    let (policy, now) = (client.refresh_policy(), tenant.now());
    let families = tenant.database.refresh_tokens();
    let (hash, expires_at) = (sha256(token), policy.token_expiry(now));
    let (rotated, successor) = if policy.rotates {
        let ring = &tenant.keys.load().ring;
        let successor = ring.successor(token).map_err(Refusal::Signing)?;
        let rotation = Rotation {
            hash: &hash,
            client_id: client.id(),
            successor: &sha256(successor.expose()),
            expires_at,
            leeway: policy.leeway,
            signed_token: issued.signed.as_ref(),
            opaque_token: issued.opaque.as_ref(),
            now,
        };
        (families.rotate(&rotation).await?, Some(successor))
    } else {
        let renewed = families.renew(&hash, client.id(), expires_at, now).await?;
        if matches!(renewed, Rotated::Rotated(_)) {
            issued.keep(tenant).await?;
        }
        (renewed, None)
    };
    match rotated {
        Rotated::Rotated(_) | Rotated::Again(_) => Ok(successor),
        Rotated::Reused(family) => {
            record_reuse(tenant, request, &family).await;
            Err(Refusal::RefreshToken)
        }
        Rotated::Revoked(_) | Rotated::Expired | Rotated::Unknown => Err(Refusal::RefreshToken),
    }
}

/// Tells those who run the tenant, once for a family, that somebody else had a token of it.
async fn record_reuse(tenant: &Tenant, request: &ClientRequest, family: &RefreshFamily) {
    let (client_id, user_id) = (&family.client_id, &family.user_id);
    tracing::warn!(client_id, user_id, "a refresh token was used twice");
    let event = Event {
        code: "ferrt",
        client_id: Some(client_id),
        user_id: Some(user_id),
        description: "A refresh token was used twice; its family is revoked.",
        details: json!({ "family_id": family.id }),
    };
    audit::record(tenant, &request.caller, event).await;
}
