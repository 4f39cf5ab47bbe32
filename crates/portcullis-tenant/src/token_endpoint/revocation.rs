//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis_token::{KeySet, Rules, Secret, Sender, Unverified};

use crate::ids::sha256;
use crate::{Tenant, access_token};

use super::refusal::Refusal;
use super::{ClientRequest, identify};

/// Answers 200 and nothing else, also where there was nothing to revoke (section 2.2).
pub(super) async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let dialect = tenant.options.error_dialect;
    let request = match identify(&tenant, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.answer(dialect, None),
    };
    match revoke(&tenant, &request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refusal.answer(dialect, Some(request.client.id())),
    }
}

/// The hint is not looked at: each kind of token is looked for (section 2.1).
async fn revoke(tenant: &Tenant, request: &ClientRequest) -> Result<(), Refusal> {
    let token = request.parameters.require("token")?;
    let (hash, client_id) = (sha256(token), request.client.id());
    let families = tenant.database.refresh_tokens();
    if families
        .revoke(&hash, client_id, tenant.now())
        .await?
        .is_some()
    {
        return Ok(());
    }
    let opaque = tenant.database.opaque_tokens();
    if opaque.revoke(&hash, client_id).await? {
        return Ok(());
    }
    revoke_signed(tenant, client_id, token).await
}

/// Has the tenant itself accept a signed token no longer; APIs check it without asking.
async fn revoke_signed(tenant: &Tenant, client_id: &str, token: &str) -> Result<(), Refusal> {
    let Some(expires_at) = find_expiry(tenant, client_id, token) else {
        return Ok(());
    };
    let id = access_token::revocation_id(&Secret::new(token.to_owned()));
    tenant.database.token_ids().revoke(&id, expires_at).await?;
    Ok(())
}

/// When an access token ends that is ours and the client's. Absent for everything else.
fn find_expiry(tenant: &Tenant, client_id: &str, token: &str) -> Option<i64> {
    let rules = Rules::new(Some(tenant.issuer.as_str().to_owned()), None);
    let parsed = Unverified::parse(token, &rules, &mut ()).ok()?;
    let keys = KeySet::parse(&tenant.keys.load().jwks).ok()?;
    let (sender, now) = (Sender::default(), tenant.clock.now());
    rules.verify(&parsed, &keys, &sender, now, &mut ()).ok()?;
    let claims = parsed.claims();
    let is_its = claims.client_id() == Some(client_id);
    let expires_at = claims.expires_at().filter(|_| is_its)?;
    i64::try_from(expires_at.0).ok()
}
