//! What every request is subject to before it is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use portcullis_token::{Reason, bearer_token};

use crate::refuse::{Refusal, Shown};
use crate::router::Admin;

/// What anybody may ask: the answers are a status and nothing else.
///
/// Those who probe by address send no name that could be known beforehand, so it is not looked at.
const OPEN: [&str; 2] = ["/live", "/ready"];

/// How long an answer may take, the reading of the body included.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) async fn apply(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(&admin, &request) {
        Ok(()) => tokio::time::timeout(TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| Refusal::Timeout.respond()),
        Err(refusal) => {
            tracing::debug!(path = request.uri().path(), %refusal, "refused an admin request");
            refusal.respond()
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn check(admin: &Admin, request: &Request) -> Result<(), Refusal> {
    if OPEN.contains(&request.uri().path()) {
        return Ok(());
    }
    if !admin.hosts.include(request.uri(), request.headers()) {
        return Err(Refusal::Host);
    }
    let lines = request.headers().get_all(AUTHORIZATION);
    let shown = bearer_token(lines.iter().map(HeaderValue::as_bytes));
    match shown.map(|shown| admin.token.is(shown)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::Credential(Shown::Wrong)),
        Err(Reason::Missing | Reason::UnsupportedScheme) => {
            Err(Refusal::Credential(Shown::Nothing))
        }
        Err(_) => Err(Refusal::Credential(Shown::Malformed)),
    }
}
