//! `/userinfo` (OpenID Connect Core 1.0 section 5.3): what an access token opens of its user.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use portcullis_token::{Reason, Secret, bearer_token};
use serde_json::{Value, json};

use crate::accounts::claims_of;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::origins::RegisteredOrigins;
use crate::user_api::names_scope;
use crate::{Tenant, access_token, cors, custom_claims, guard, ids, own_tokens};

/// Longer texts are no tokens of ours.
const MAX_TOKEN: usize = 16 * 1024;

/// Why nothing is told. Texts are those of RFC 6750 section 3.1.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("No access token was sent.")]
    Missing,
    #[error("The request sends its access token in more than one way, or in a wrong one.")]
    Malformed,
    #[error("The access token is not valid here, or has expired.")]
    Invalid,
    #[error("The access token lacks the scope openid.")]
    Scope,
    #[error(transparent)]
    Fault(#[from] Fault),
}

pub(crate) fn routes(tenant: &Arc<Tenant>) -> Router<Arc<Tenant>> {
    let origins = RegisteredOrigins(Arc::clone(tenant));
    let layer = middleware::from_fn_with_state(origins, cors::for_sdks::<RegisteredOrigins>);
    Router::new()
        .route("/userinfo", get(serve).post(serve))
        .method_not_allowed_fallback(guard::method_not_allowed)
        .route_layer(layer)
}

async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let answered = match find_token(request).await {
        Ok(token) => answer(&tenant, &token).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(claims) => ([(CONTENT_TYPE, "application/json")], claims.to_string()).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// The token of the header, or of a form (RFC 6750 section 2.2). Never of the query.
async fn find_token(request: Request) -> Result<Secret<String>, Refusal> {
    let (head, body) = request.into_parts();
    let lines = head.headers.get_all(AUTHORIZATION).iter();
    let header = match bearer_token(lines.map(http::HeaderValue::as_bytes)) {
        Ok(token) => Some(Secret::new(token.to_owned())),
        Err(Reason::Missing) => None,
        Err(_) => return Err(Refusal::Malformed),
    };
    let is_form = head.method == Method::POST && head.headers.contains_key(CONTENT_TYPE);
    let field = if is_form {
        let fields = Fields::from_form(&head.headers, body).await;
        let fields = fields.map_err(|_| Refusal::Malformed)?;
        let token = fields.find("access_token");
        token.map(|token| Secret::new(token.to_owned()))
    } else {
        None
    };
    match (header, field) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Refusal::Missing),
        (Some(_), Some(_)) => Err(Refusal::Malformed),
    }
}

async fn answer(tenant: &Tenant, token: &Secret<String>) -> Result<Value, Refusal> {
    let (user_id, scope) = check(tenant, token).await?;
    if !names_scope(&scope, "openid") {
        return Err(Refusal::Scope);
    }
    let user = tenant.database.users().find(&user_id).await;
    let user = user.map_err(Fault::from)?.filter(|user| !user.blocked);
    let user = user.ok_or(Refusal::Invalid)?;
    let claims = &tenant.options.claims;
    let custom = custom_claims::of_user(&tenant.database, claims, &user).await;
    let mut claims = custom.map_err(Fault::from)?;
    claims.extend(claims_of(&user).claims(&scope));
    claims.insert("sub".to_owned(), user.user_id.into());
    Ok(Value::Object(claims))
}

/// Whom the token is about, and its scopes.
async fn check(tenant: &Tenant, token: &Secret<String>) -> Result<(String, String), Refusal> {
    let text = token.expose();
    if text.len() > MAX_TOKEN {
        return Err(Refusal::Invalid);
    }
    if text.contains('.') {
        let id = access_token::revocation_id(token);
        let token = own_tokens::check_user_info(tenant, text).map_err(|reason| {
            tracing::debug!(%reason, "refused a token at the user-info endpoint");
            Refusal::Invalid
        })?;
        let revoked = tenant.database.token_ids().is_revoked(&id).await;
        if revoked.map_err(Fault::from)? {
            return Err(Refusal::Invalid);
        }
        return Ok((token.user_id, token.scope));
    }
    let tokens = tenant.database.opaque_tokens();
    let found = tokens.find(&ids::sha256(text), tenant.now()).await;
    let found = found.map_err(Fault::from)?.ok_or(Refusal::Invalid)?;
    let user_id = found.user_id.ok_or(Refusal::Invalid)?;
    Ok((user_id, found.scopes.join(" ")))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            Self::Missing => (StatusCode::UNAUTHORIZED, None),
            Self::Malformed => (StatusCode::BAD_REQUEST, Some("invalid_request")),
            Self::Invalid => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
            Self::Scope => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            Self::Fault(fault) => (fault.log(), Some("server_error")),
        };
        // RFC 6750 section 3.1: who sent nothing is told no error.
        let challenge = match error {
            None => "Bearer".to_owned(),
            Some(error) => format!("Bearer error=\"{error}\", error_description=\"{self}\""),
        };
        let body = json!({
            "error": error.unwrap_or("invalid_request"),
            "error_description": self.to_string(),
        });
        (
            status,
            [
                (WWW_AUTHENTICATE, challenge),
                (CONTENT_TYPE, "application/json".to_owned()),
            ],
            body.to_string(),
        )
            .into_response()
    }
}
