//! `POST /oauth/token` (RFC 6749 section 3.2) and what applications call beside it.

mod assertion;
mod authorization_code;
mod body;
mod client_credentials;
mod credentials;
mod device_authorization;
mod device_code;
mod issue;
mod parameters;
mod password;
mod refresh_token;
mod refusal;
mod revocation;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use http::header::CONTENT_TYPE;
use portcullis_token::Secret;
use serde::{Serialize, Serializer};

use crate::caller::Caller;
use crate::client::Client;
use crate::origins::RegisteredOrigins;
use crate::settings::GrantType;
use crate::{Tenant, cors, guard};

use parameters::Parameters;
use refusal::Refusal;

/// A successful answer (RFC 6749 section 5.1), in the order of Auth0's.
#[derive(Serialize)]
struct Granted {
    #[serde(serialize_with = "exposed")]
    access_token: Secret<String>,
    #[serde(
        serialize_with = "exposed_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    refresh_token: Option<Secret<String>>,
    #[serde(
        serialize_with = "exposed_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    id_token: Option<Secret<String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    /// Seconds.
    expires_in: u64,
    token_type: &'static str,
}

/// A request whose sender is known, as far as it can be.
struct ClientRequest {
    client: Client,
    caller: Caller,
    parameters: Parameters,
}

/// The endpoints that applications call, also by scripts of their pages.
pub(crate) fn router(tenant: &Arc<Tenant>) -> Router<Arc<Tenant>> {
    let origins = RegisteredOrigins(Arc::clone(tenant));
    Router::new()
        .route("/oauth/token", post(serve))
        .route("/oauth/device/code", post(device_authorization::serve))
        .route("/oauth/revoke", post(revocation::serve))
        // Before the layer, which is to see preflights.
        .method_not_allowed_fallback(guard::method_not_allowed)
        .route_layer(middleware::from_fn_with_state(
            origins,
            cors::for_sdks::<RegisteredOrigins>,
        ))
}

async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let dialect = tenant.options.error_dialect;
    let (grant_type, request) = match identify_for_grant(&tenant, request).await {
        Ok(identified) => identified,
        Err(refusal) => return refusal.answer(dialect, None),
    };
    match grant(&tenant, grant_type, &request).await {
        Ok(granted) => granted.into_response(),
        Err(refusal) => refusal.answer(dialect, Some(request.client.id())),
    }
}

async fn identify_for_grant(
    tenant: &Tenant,
    request: Request,
) -> Result<(GrantType, ClientRequest), Refusal> {
    let (head, body) = request.into_parts();
    let parameters = body::read(&head.headers, body).await?;
    let grant_type = check_grant_type(&parameters)?;
    let caller = Caller::of(&tenant.proxies, &head);
    let client = credentials::authenticate(tenant, &caller, &head.headers, &parameters).await?;
    let request = ClientRequest {
        client,
        caller,
        parameters,
    };
    Ok((grant_type, request))
}

/// Reads a request that has no grant type.
async fn identify(tenant: &Tenant, request: Request) -> Result<ClientRequest, Refusal> {
    let (head, body) = request.into_parts();
    let parameters = body::read(&head.headers, body).await?;
    let caller = Caller::of(&tenant.proxies, &head);
    let client = credentials::authenticate(tenant, &caller, &head.headers, &parameters).await?;
    Ok(ClientRequest {
        client,
        caller,
        parameters,
    })
}

fn check_grant_type(parameters: &Parameters) -> Result<GrantType, Refusal> {
    let name = parameters.require("grant_type")?;
    name.parse()
        .map_err(|_| Refusal::UnsupportedGrantType(name.to_owned()))
}

async fn grant(
    tenant: &Tenant,
    grant_type: GrantType,
    request: &ClientRequest,
) -> Result<Granted, Refusal> {
    if !request.client.may_use(grant_type) {
        return Err(Refusal::GrantNotAllowed(grant_type));
    }
    match grant_type {
        GrantType::AuthorizationCode => authorization_code::grant(tenant, request).await,
        GrantType::RefreshToken => refresh_token::grant(tenant, request).await,
        GrantType::ClientCredentials => client_credentials::grant(tenant, request).await,
        GrantType::DeviceCode => device_code::grant(tenant, request).await,
        GrantType::Password | GrantType::PasswordRealm => {
            password::grant(tenant, grant_type, request).await
        }
    }
}

/// The answer is the one place in which the token is told.
fn exposed<S: Serializer>(token: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

#[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
fn exposed_if_any<S: Serializer>(
    token: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    token.as_ref().map(Secret::expose).serialize(serializer)
}

impl IntoResponse for Granted {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("strings and a number are always JSON");
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
