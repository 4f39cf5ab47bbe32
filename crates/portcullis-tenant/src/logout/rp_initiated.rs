use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::Method;
use http::request::Parts;
use portcullis_store::tenant::Session;

use crate::Tenant;
use crate::authorize::redirect;
use crate::caller::{Caller, is_cross_site};
use crate::fields::Fields;
use crate::own_tokens::{self, Hint};
use crate::tenant_settings::TenantSettings;

use super::leave;
use super::{PendingLogout, Refusal, check_target, confirmation, end, find_client, find_session};

pub(super) async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let served = match Fields::from_query(head.uri.query()) {
        Ok(fields) => log_out(&tenant, &head, &fields).await,
        Err(error) => Err(error.into()),
    };
    served.unwrap_or_else(Refusal::into_response)
}

pub(super) async fn serve_form(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let served = match Fields::from_form(&head.headers, body).await {
        Ok(fields) => log_out(&tenant, &head, &fields).await,
        Err(error) => Err(error.into()),
    };
    served.unwrap_or_else(Refusal::into_response)
}

async fn log_out(tenant: &Tenant, head: &Parts, fields: &Fields) -> Result<Response, Refusal> {
    let settings = TenantSettings::load(tenant).await?;
    let hint = find_hint(tenant, fields)?;
    let client_id = match (&hint, fields.find("client_id")) {
        (Some(hint), Some(client_id)) if hint.client_id != client_id => {
            return Err(Refusal::OtherClient);
        }
        (Some(hint), _) => Some(hint.client_id.as_str()),
        (None, client_id) => client_id,
    };
    let client = find_client(tenant, client_id).await?;
    let allowed = client
        .as_ref()
        .map_or(&settings.logout_urls, |client| &client.logout_urls);
    let target = match fields.find("post_logout_redirect_uri") {
        Some(url) => Some(check_target("post_logout_redirect_uri", url, allowed)?),
        None => None,
    };
    let target = target.map(|mut url| {
        if let Some(state) = fields.find("state") {
            url.query_pairs_mut().append_pair("state", state);
        }
        url
    });
    if head.method == Method::POST && is_cross_site(&head.headers) {
        // A form of another site comes without our cookies; the redirect after it brings them.
        return Ok(redirect(&format!("/oidc/logout?{}", fields.to_query())));
    }
    let Some(session) = find_session(tenant, &settings, &head.headers).await? else {
        return Ok(leave(tenant, &settings, target.as_ref()));
    };
    if settings.confirms_logout && !is_vouched_for(&session, hint.as_ref(), fields) {
        let pending = PendingLogout {
            target: target.map(String::from),
            client: client.map(|client| client.name),
        };
        return Ok(confirmation::ask(tenant, &settings, &head.headers, &session, pending).await?);
    }
    let caller = Caller::of(&tenant.proxies, head);
    end(tenant, &caller, Some(session), client.as_ref()).await?;
    Ok(leave(tenant, &settings, target.as_ref()))
}

fn find_hint(tenant: &Tenant, fields: &Fields) -> Result<Option<Hint>, Refusal> {
    let Some(token) = fields.find("id_token_hint") else {
        return Ok(None);
    };
    own_tokens::check_hint(tenant, token)
        .map(Some)
        .map_err(|reason| {
            tracing::debug!(%reason, "refused an id_token_hint");
            Refusal::Hint
        })
}

/// Whether the request knows the session that it ends: another site's page does not.
fn is_vouched_for(session: &Session, hint: Option<&Hint>, fields: &Fields) -> bool {
    let sid = Some(session.sid.as_str());
    let by_token = hint.is_some_and(|hint| hint.sid.as_deref() == sid);
    by_token || fields.find("logout_hint") == sid
}
