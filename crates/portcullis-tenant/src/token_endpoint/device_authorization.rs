//! `POST /oauth/device/code` (RFC 8628 section 3.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use portcullis_store::tenant::{DatabaseError, DeviceCode, DeviceCodeState};
use portcullis_token::Secret;
use serde_json::json;

use crate::address_rate::Unproven;
use crate::client::Proof;
use crate::ids::sha256;
use crate::scopes::parse_scopes;
use crate::settings::GrantType;
use crate::user_access::default_audience;
use crate::{Tenant, UserCode, opaque};

use super::refusal::Refusal;
use super::{ClientRequest, identify};

/// Seconds that a user has to confirm the device: 15 minutes.
const LIFETIME: i64 = 15 * 60;
/// Seconds that the device waits from one poll to the next.
const INTERVAL: i64 = 5;
/// How often a code that is taken is made anew: 34 bits are hardly ever taken twice.
const ATTEMPTS: usize = 5;

pub(super) async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let dialect = tenant.options.error_dialect;
    let request = match identify(&tenant, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.answer(dialect, None),
    };
    match authorize(&tenant, &request).await {
        Ok(response) => response,
        Err(refusal) => refusal.answer(dialect, Some(request.client.id())),
    }
}

async fn authorize(tenant: &Tenant, request: &ClientRequest) -> Result<Response, Refusal> {
    let ClientRequest {
        client, parameters, ..
    } = request;
    // The page on which a device is confirmed lists no scopes, which third parties' users are to see.
    if !client.may_use(GrantType::DeviceCode) || !client.row.is_first_party {
        return Err(Refusal::GrantNotAllowed(GrantType::DeviceCode));
    }
    if client.proof == Proof::None {
        let charged = tenant.charge(Unproven::Page, &request.caller);
        charged.map_err(Refusal::TooManyRequests)?;
    }
    let scopes = parse_scopes(parameters.find("scope")?.unwrap_or_default());
    let scopes = scopes.map_err(|_| Refusal::TooManyScopes)?;
    let audience = default_audience(tenant, parameters.find("audience")?).await?;
    if let Some(audience) = &audience {
        let apis = tenant.database.resource_servers();
        if apis.find_by_identifier(audience).await?.is_none() {
            return Err(Refusal::UnknownAudience(audience.clone()));
        }
    }
    let device_code = opaque::opaque_token()?;
    let now = tenant.now();
    let row = DeviceCode {
        hash: sha256(device_code.expose()),
        user_code: String::new(),
        client_id: client.id().to_owned(),
        scopes: scopes.into_iter().map(str::to_owned).collect(),
        audience,
        state: DeviceCodeState::Pending,
        user_id: None,
        sid: None,
        auth_time: None,
        poll_interval: INTERVAL,
        created_at: now,
        expires_at: now.saturating_add(LIFETIME),
    };
    let user_code = insert(tenant, row).await?;
    Ok(answer(tenant, &device_code, &user_code))
}

/// Keeps the code under letters that no other device shows.
async fn insert(tenant: &Tenant, mut row: DeviceCode) -> Result<UserCode, Refusal> {
    for _ in 1..ATTEMPTS {
        let user_code = UserCode::generate()?;
        user_code.letters().clone_into(&mut row.user_code);
        match tenant.database.device_codes().insert(&row).await {
            Ok(()) => return Ok(user_code),
            Err(DatabaseError::Duplicate { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    let user_code = UserCode::generate()?;
    user_code.letters().clone_into(&mut row.user_code);
    tenant.database.device_codes().insert(&row).await?;
    Ok(user_code)
}

fn answer(tenant: &Tenant, device_code: &Secret<String>, user_code: &UserCode) -> Response {
    let verification_uri = tenant.issuer.endpoint("activate");
    let body = json!({
        "device_code": device_code.expose(),
        "user_code": user_code.to_string(),
        "verification_uri": verification_uri,
        "expires_in": LIFETIME,
        "interval": INTERVAL,
        "verification_uri_complete": format!("{verification_uri}?user_code={user_code}"),
    });
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
