//! `POST /oauth/token` (RFC 6749 section 3.2).

mod body;
mod client_credentials;
mod credentials;
mod parameters;
mod refusal;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use portcullis_token::Secret;
use serde::{Serialize, Serializer};

use crate::Tenant;
use crate::client::Client;
use crate::settings::GrantType;

use parameters::Parameters;
use refusal::Refusal;

/// A successful answer (RFC 6749 section 5.1).
#[derive(Serialize)]
struct Granted {
    #[serde(serialize_with = "exposed")]
    access_token: Secret<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    /// Seconds.
    expires_in: u64,
    token_type: &'static str,
}

/// A request whose sender is known.
struct TokenRequest<'t> {
    client: &'t Client,
    grant_type: GrantType,
    parameters: Parameters,
}

pub(crate) async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let request = match identify(&tenant, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.answer(None),
    };
    match grant(&tenant, &request) {
        Ok(granted) => granted.into_response(),
        Err(refusal) => refusal.answer(Some(&request.client.id)),
    }
}

async fn identify(tenant: &Tenant, request: Request) -> Result<TokenRequest<'_>, Refusal> {
    let (head, body) = request.into_parts();
    let parameters = body::read(&head.headers, body).await?;
    let grant_type = check_grant_type(&parameters)?;
    let client = credentials::authenticate(&tenant.registry, &head.headers, &parameters)?;
    Ok(TokenRequest {
        client,
        grant_type,
        parameters,
    })
}

fn check_grant_type(parameters: &Parameters) -> Result<GrantType, Refusal> {
    let name = parameters.find("grant_type")?.ok_or(Refusal::NoGrantType)?;
    name.parse()
        .map_err(|_| Refusal::UnsupportedGrantType(name.to_owned()))
}

fn grant(tenant: &Tenant, request: &TokenRequest<'_>) -> Result<Granted, Refusal> {
    let TokenRequest {
        client,
        grant_type,
        parameters,
    } = request;
    if !client.may_use(*grant_type) {
        return Err(Refusal::GrantNotAllowed(*grant_type));
    }
    match grant_type {
        GrantType::ClientCredentials => client_credentials::grant(tenant, client, parameters),
    }
}

/// The answer is the one place in which the token is told.
fn exposed<S: Serializer>(token: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

impl IntoResponse for Granted {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("strings and a number are always JSON");
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
