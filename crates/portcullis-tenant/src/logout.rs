//! `/v2/logout`, as Auth0 has it, and `/oidc/logout` (OpenID Connect RP-Initiated Logout 1.0).

mod confirmation;
mod rp_initiated;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use portcullis_store::tenant::{Client, DatabaseError, Session};
use portcullis_token::NoRandomness;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::audit::{self, Event};
use crate::authorize::{redirect, see_other};
use crate::caller::Caller;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::fields::{Fields, FieldsError};
use crate::pages::{ErrorPage, NoticePage};
use crate::redirect_uri::parse_callback;
use crate::tenant_settings::TenantSettings;
use crate::{Tenant, guard, ids};

/// A logout that waits for the user's yes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingLogout {
    /// Where to go on, with its `state`. Absent for nowhere.
    pub(crate) target: Option<String>,
    /// What the application is called, if one asked.
    pub(crate) client: Option<String>,
}

/// Why a logout is refused. It is told on a page: where an answer might go is what is wrong.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("Unknown client: {0}")]
    UnknownClient(String),
    #[error(
        "The {parameter} \"{url}\" is not in the list of allowed logout URLs. Please go to the \
         Application Settings page, or to those of the tenant, and make sure that it is there."
    )]
    NotAllowed {
        parameter: &'static str,
        url: String,
    },
    #[error("The id_token_hint is not an ID token of this tenant.")]
    Hint,
    #[error("The client_id is not that of the id_token_hint.")]
    OtherClient,
    #[error(transparent)]
    Fields(#[from] FieldsError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

pub(crate) fn routes() -> Router<Arc<Tenant>> {
    let oidc = get(rp_initiated::serve).post(rp_initiated::serve_form);
    Router::new()
        .route("/v2/logout", get(serve))
        .route("/oidc/logout", oidc)
        .route("/u/logout", post(confirmation::submit))
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(middleware::from_fn(see_other))
}

async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let served = log_out(&tenant, &head).await;
    served.unwrap_or_else(Refusal::into_response)
}

/// Auth0's own logout asks nobody.
async fn log_out(tenant: &Tenant, head: &Parts) -> Result<Response, Refusal> {
    let fields = Fields::from_query(head.uri.query())?;
    let settings = TenantSettings::load(tenant).await?;
    let client = find_client(tenant, fields.find("client_id")).await?;
    let allowed = client
        .as_ref()
        .map_or(&settings.logout_urls, |client| &client.logout_urls);
    let target = match fields.find("returnTo") {
        Some(url) => Some(check_target("returnTo", url, allowed)?),
        None => allowed.first().and_then(|url| parse_callback(url).ok()),
    };
    let caller = Caller::of(&tenant.proxies, head);
    let session = find_session(tenant, &settings, &head.headers).await?;
    end(tenant, &caller, session, client.as_ref()).await?;
    Ok(leave(tenant, &settings, target.as_ref()))
}

async fn find_client(tenant: &Tenant, id: Option<&str>) -> Result<Option<Client>, Refusal> {
    let Some(id) = id else {
        return Ok(None);
    };
    let client = tenant.database.clients().find(id).await?;
    let client = client.ok_or_else(|| Refusal::UnknownClient(id.to_owned()))?;
    Ok(Some(client))
}

/// Finds `url` among those that are allowed, byte for byte.
fn check_target(parameter: &'static str, url: &str, allowed: &[String]) -> Result<Url, Refusal> {
    let is_allowed = allowed.iter().any(|known| known == url);
    let target = parse_callback(url).ok().filter(|_| is_allowed);
    target.ok_or_else(|| {
        let url: String = url.chars().take(512).collect();
        tracing::info!(
            parameter,
            url,
            "refused a logout URL that is not registered"
        );
        Refusal::NotAllowed { parameter, url }
    })
}

/// The session of the browser; whether its user may log in matters not.
async fn find_session(
    tenant: &Tenant,
    settings: &TenantSettings,
    headers: &HeaderMap,
) -> Result<Option<Session>, Fault> {
    let Some(cookie) = Cookie::Session.find(headers, &tenant.issuer) else {
        return Ok(None);
    };
    let hash = ids::sha256(cookie.expose());
    let sessions = tenant.database.sessions();
    let session = sessions.resume(&hash, tenant.now(), settings.idle_lifetime);
    Ok(session.await?)
}

async fn end(
    tenant: &Tenant,
    caller: &Caller,
    session: Option<Session>,
    client: Option<&Client>,
) -> Result<(), Fault> {
    let Some(session) = session else {
        return Ok(());
    };
    tenant.database.sessions().delete(&session.sid).await?;
    let event = Event {
        code: "slo",
        client_id: client.map(|client| client.client_id.as_str()),
        user_id: Some(&session.user_id),
        description: "User successfully logged out",
        ..Event::default()
    };
    audit::record(tenant, caller, event).await;
    Ok(())
}

/// The answer after a logout, which has the browser forget its session.
fn leave(tenant: &Tenant, settings: &TenantSettings, target: Option<&Url>) -> Response {
    let mut response = match target {
        Some(target) => redirect(target.as_str()),
        None => NoticePage::logged_out(&settings.name).respond(),
    };
    Cookie::Session.remove(response.headers_mut(), &tenant.issuer);
    response
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::Fault(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Fault(fault) => return fault.into_response(),
            Self::Fields(error) => error.status(),
            _ => StatusCode::BAD_REQUEST,
        };
        let text = self.to_string();
        tracing::debug!(description = text, "refused a logout");
        let page = ErrorPage {
            tenant: "",
            heading: "You are still logged in",
            text: &text,
            details: &[],
        };
        page.respond(status)
    }
}
