use std::time::Duration;

use axum::response::Response;
use portcullis_store::tenant::Code;
use portcullis_token::{Secret, UnixTime};
use serde_json::json;

use crate::accounts::claims_of;
use crate::fault::Fault;
use crate::id_token::IdToken;
use crate::session::LoggedIn;
use crate::{custom_claims, ids, opaque};

use super::request::AuthorizeRequest;
use super::{Answer, Context, Granted};

/// Seconds until a code is worth nothing.
const CODE_LIFETIME: i64 = 60;

/// Makes what was asked for, and sends it.
pub(super) async fn issue(
    context: &Context<'_>,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
    granted: &Granted,
) -> Result<Response, Fault> {
    let sid = &logged_in.session.sid;
    let sessions = context.tenant.database.sessions();
    sessions.add_client(sid, &context.client.client_id).await?;
    let code = if request.response.code {
        Some(issue_code(context, request, logged_in, granted).await?)
    } else {
        None
    };
    let id_token = if request.response.id_token {
        let code = code.as_ref();
        Some(sign_id_token(context, request, logged_in, granted, code).await?)
    } else {
        None
    };
    let mut parameters = Vec::new();
    for (name, secret) in [("code", &code), ("id_token", &id_token)] {
        if let Some(secret) = secret {
            parameters.push((name, secret.expose().as_str()));
        }
    }
    Ok(Answer::of(context, request).send(&parameters))
}

async fn issue_code(
    context: &Context<'_>,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
    granted: &Granted,
) -> Result<Secret<String>, Fault> {
    let now = context.tenant.now();
    let secret = opaque::opaque_token()?;
    let server = granted.api.server.as_ref();
    let code = Code {
        hash: ids::sha256(secret.expose()),
        client_id: context.client.client_id.clone(),
        user_id: logged_in.user.user_id.clone(),
        sid: Some(logged_in.session.sid.clone()),
        redirect_uri: request.redirect.uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        scopes: granted.scopes.clone(),
        audience: server.map(|server| server.identifier.clone()),
        auth_time: logged_in.session.auth_time,
        data: json!({ "tells_auth_time": request.tells_auth_time }),
        family_id: ids::object_id()?,
        access_token_id: None,
        created_at: now,
        expires_at: now.saturating_add(CODE_LIFETIME),
    };
    context.tenant.database.codes().insert(&code).await?;
    Ok(secret)
}

async fn sign_id_token(
    context: &Context<'_>,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
    granted: &Granted,
    code: Option<&Secret<String>>,
) -> Result<Secret<String>, Fault> {
    let tenant = context.tenant;
    let auth_time = u64::try_from(logged_in.session.auth_time).unwrap_or_default();
    let seconds = context.client.jwt_configuration["lifetime_in_seconds"].as_u64();
    let claims = &tenant.options.claims;
    let custom = custom_claims::of_user(&tenant.database, claims, &logged_in.user).await?;
    let token = IdToken {
        issuer: &tenant.issuer,
        client_id: &context.client.client_id,
        user: claims_of(&logged_in.user),
        scope: &granted.scopes.join(" "),
        nonce: request.nonce.as_deref(),
        code,
        access_token: None,
        authenticated_at: request.tells_auth_time.then_some(UnixTime(auth_time)),
        session: Some(&logged_in.session.sid),
        issued_at: tenant.clock.now(),
        lifetime: seconds.map_or(IdToken::DEFAULT_LIFETIME, Duration::from_secs),
        custom: Some(&custom),
    };
    Ok(token.sign(&tenant.keys.load().ring)?)
}
