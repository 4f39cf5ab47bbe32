//! `/dbconnections/…`: accounts by script, as Auth0's SDKs make them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use portcullis_store::tenant::Connection;
use portcullis_token::Secret;
use serde_json::{Map, Value, json};

use crate::accounts::{SignUpError, Typed, allows_sign_up, find_connection, sign_up};
use crate::address_rate::Unproven;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::fields::{Fields, FieldsError};
use crate::origins::RegisteredOrigins;
use crate::token_rate::TooMany;
use crate::{Tenant, cors, guard, password_reset};

/// The claims that people may say of themselves.
const PROFILE: [&str; 5] = ["name", "given_name", "family_name", "nickname", "picture"];
/// No longer claim is taken.
const MAX_CLAIM: usize = 300;

/// Why a call does nothing, in Auth0's shape.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("Missing required parameter: {0}")]
    Missing(&'static str),
    #[error("the client or the connection does not exist, or does not belong to the other")]
    Connection,
    #[error("public signup is disabled")]
    Disabled,
    #[error("Password is too weak")]
    Weak,
    // Auth0's words for every address that cannot have an account, also one that has.
    #[error("Invalid sign up")]
    Invalid,
    #[error("Too many attempts. Please try again later.")]
    TooMany(TooMany),
    #[error(transparent)]
    Fields(#[from] FieldsError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

pub(crate) fn routes(tenant: &Arc<Tenant>) -> Router<Arc<Tenant>> {
    let origins = RegisteredOrigins(Arc::clone(tenant));
    let layer = middleware::from_fn_with_state(origins, cors::for_sdks::<RegisteredOrigins>);
    Router::new()
        .route("/dbconnections/signup", post(serve_sign_up))
        .route("/dbconnections/change_password", post(serve_change))
        .method_not_allowed_fallback(guard::method_not_allowed)
        .route_layer(layer)
}

async fn serve_sign_up(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = Caller::of(&tenant.proxies, &head);
    let fields = Fields::from_call(&head.headers, body).await?;
    let connection = check_connection(&tenant, &fields).await?;
    if !allows_sign_up(&connection) {
        return Err(Refusal::Disabled);
    }
    let typed = Typed {
        connection: &connection.name,
        client_id: fields.text("client_id"),
        login: fields.find("email").ok_or(Refusal::Missing("email"))?,
        password: Secret::new(fields.text("password").to_owned()),
    };
    let mut profile = Map::new();
    for name in PROFILE {
        if let Some(text) = fields.find(name).filter(|text| text.len() <= MAX_CLAIM) {
            profile.insert(name.to_owned(), text.into());
        }
    }
    let user = sign_up(&tenant, &caller, typed, Value::Object(profile), json!({})).await?;
    let id = user.user_id.split('|').next_back();
    let body = json!({
        "_id": id,
        "email": user.email,
        "email_verified": user.email_verified,
    });
    Ok(([(CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

/// Says the same whether or not there is such a user.
async fn serve_change(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = Caller::of(&tenant.proxies, &head);
    let fields = Fields::from_call(&head.headers, body).await?;
    let connection = check_connection(&tenant, &fields).await?;
    let email = fields.find("email").ok_or(Refusal::Missing("email"))?;
    let client_id = fields.find("client_id");
    let charged = tenant.charge(Unproven::Link, &caller);
    charged.map_err(Refusal::TooMany)?;
    password_reset::ask(&tenant, &caller, client_id, &connection.name, email).await?;
    Ok((
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        "We've just sent you an email to reset your password.",
    )
        .into_response())
}

/// The connection that is named, if users of the client come from it.
async fn check_connection(tenant: &Tenant, fields: &Fields) -> Result<Connection, Refusal> {
    let client_id = fields.find("client_id");
    let client_id = client_id.ok_or(Refusal::Missing("client_id"))?;
    let name = fields.find("connection");
    let name = name.ok_or(Refusal::Missing("connection"))?;
    let connection = find_connection(&tenant.database, client_id).await?;
    let connection = connection.filter(|connection| connection.name == name);
    connection.ok_or(Refusal::Connection)
}

impl From<SignUpError> for Refusal {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Email | SignUpError::Taken => Self::Invalid,
            SignUpError::Password => Self::Weak,
            SignUpError::TooMany(too_many) => Self::TooMany(too_many),
            SignUpError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name, code) = match &self {
            Self::Missing(_) | Self::Connection => (
                StatusCode::BAD_REQUEST,
                "BadRequestError",
                "invalid_request",
            ),
            Self::Disabled => (
                StatusCode::BAD_REQUEST,
                "BadRequestError",
                "public_signup_disabled",
            ),
            Self::Weak => (
                StatusCode::BAD_REQUEST,
                "PasswordStrengthError",
                "invalid_password",
            ),
            Self::Invalid => (StatusCode::BAD_REQUEST, "BadRequestError", "invalid_signup"),
            Self::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsError",
                "too_many_requests",
            ),
            Self::Fields(error) => (error.status(), "BadRequestError", "invalid_request"),
            Self::Fault(fault) => (fault.log(), "InternalError", "internal_error"),
        };
        let body = json!({
            "name": name,
            "code": code,
            "description": self.to_string(),
            "statusCode": status.as_u16(),
        });
        let json = [(CONTENT_TYPE, "application/json")];
        let response = (status, json, body.to_string()).into_response();
        match self {
            Self::TooMany(too_many) => too_many.mark(response),
            _ => response,
        }
    }
}
