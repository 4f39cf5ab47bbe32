//! Whether a user agrees that an application has what it asks for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use portcullis_store::tenant::{Step, User, UserGrant};
use url::{Host, Url};

use crate::accounts::display_name;
use crate::audit::{self, Event};
use crate::fault::Fault;
use crate::pages::{ClientOrigin, ConsentPage, ConsentScope, Form, list_scopes};
use crate::transaction::{Submission, Transaction, TransactionError};
use crate::{Tenant, ids};

use super::request::AuthorizeRequest;
use super::{Answer, Context, Granted, find_granted, issue, resume_user};

/// Whether the user must be asked.
///
/// Not where they have agreed to all of it, nor where the tenant's own application, whose
/// callback nobody else can have, asks for an API that waives it.
pub(super) async fn is_needed(
    context: &Context<'_>,
    request: &AuthorizeRequest,
    user: &User,
    granted: &Granted,
) -> Result<bool, Fault> {
    if request.forces_consent {
        return Ok(true);
    }
    let server = granted.api.server.as_ref();
    let is_waived = server.is_none_or(|server| server.skip_consent);
    if context.client.is_first_party && is_waived && is_verifiable(&request.redirect.uri) {
        return Ok(false);
    }
    let grants = context.tenant.database.user_grants();
    let audience = request.audience.as_deref().unwrap_or_default();
    let known = grants
        .find(&user.user_id, &request.client_id, audience)
        .await?;
    let covers = |grant: UserGrant| {
        let mut scopes = granted.scopes.iter();
        scopes.all(|scope| grant.scopes.contains(scope))
    };
    Ok(!known.is_some_and(covers))
}

/// Whether only the application can be at its callback. Anybody can be at this machine's, and at
/// a scheme of an application's own.
fn is_verifiable(redirect_uri: &str) -> bool {
    let Ok(url) = Url::parse(redirect_uri) else {
        return false;
    };
    let is_elsewhere = match url.host() {
        Some(Host::Domain(host)) => {
            let host = host.trim_end_matches('.');
            host != "localhost" && !host.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => !ip.is_loopback() && !ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => !ip.is_loopback() && !ip.is_unspecified(),
        None => false,
    };
    is_elsewhere && matches!(url.scheme(), "http" | "https")
}

pub(super) async fn show(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let (head, _) = request.into_parts();
    let transaction = Transaction::of_page(&tenant, &head, Step::Consent).await?;
    let asked = transaction.authorize_request()?;
    let context = Context::reload(&tenant, &asked).await?;
    let logged_in = resume_user(&context, &head.headers, &transaction).await?;
    let granted = match find_granted(&context, &asked, &logged_in).await? {
        Ok(granted) => granted,
        Err(description) => {
            return Ok(Answer::of(&context, &asked).refuse("access_denied", &description));
        }
    };
    let server = granted.api.server.as_ref();
    let describe = |scope: &str| {
        let scopes = server.filter(|_| context.settings.describes_scopes)?;
        let known = scopes.scopes.iter().find(|known| known.value == scope);
        known?.description.as_deref()
    };
    let scopes: Vec<_> = granted
        .scopes
        .iter()
        .map(|name| ConsentScope {
            name,
            description: describe(name),
        })
        .collect();
    let origin = origin(&asked);
    let csrf = transaction.csrf();
    let page = ConsentPage {
        tenant: &context.settings.name,
        client: &context.client.name,
        user: display_name(&logged_in.user),
        form: Form {
            redirect: origin.as_ref(),
            ..transaction.form("/u/consent", &csrf)
        },
        items: &list_scopes(&scopes),
    };
    Ok(page.respond())
}

pub(super) async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let headers = request.headers().clone();
    let submission = Submission::read(&tenant, request, Step::Consent).await?;
    decide(&tenant, &headers, submission).await
}

async fn decide(
    tenant: &Tenant,
    headers: &HeaderMap,
    mut submission: Submission,
) -> Result<Response, TransactionError> {
    let transaction = &mut submission.transaction;
    let asked = transaction.authorize_request()?;
    let context = Context::reload(tenant, &asked).await?;
    let logged_in = resume_user(&context, headers, transaction).await?;
    let answer = Answer::of(&context, &asked);
    if !transaction.advance(tenant, Step::Done, None).await? {
        return Err(TransactionError::Expired);
    }
    if submission.fields.text("action") != "accept" {
        let description = "User did not authorize the request";
        return Ok(answer.refuse("access_denied", description));
    }
    let granted = match find_granted(&context, &asked, &logged_in).await? {
        Ok(granted) => granted,
        Err(description) => return Ok(answer.refuse("access_denied", &description)),
    };
    let grant = UserGrant {
        id: ids::object_id().map_err(Fault::from)?,
        user_id: logged_in.user.user_id.clone(),
        client_id: asked.client_id.clone(),
        audience: asked.audience.clone().unwrap_or_default(),
        scopes: granted.scopes.clone(),
        created_at: tenant.now(),
    };
    let grants = tenant.database.user_grants();
    grants.add(&grant).await.map_err(Fault::from)?;
    let event = Event {
        code: "sapi",
        client_id: Some(&asked.client_id),
        user_id: Some(&logged_in.user.user_id),
        description: "Consent given",
        details: serde_json::json!({ "audience": grant.audience, "scope": grant.scopes }),
    };
    audit::record(tenant, &submission.caller, event).await;
    Ok(issue::issue(&context, &asked, &logged_in, &granted).await?)
}

/// Where the answer to a form may lead.
pub(crate) fn origin(request: &AuthorizeRequest) -> Option<ClientOrigin> {
    let url = Url::parse(&request.redirect.uri).ok()?;
    Some(ClientOrigin::of(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_own_schemes_are_never_verifiable() {
        for (uri, expected) in [
            ("https://app.example.com/callback", true),
            ("http://192.0.2.1/callback", true),
            ("http://localhost:3000/callback", false),
            ("https://app.localhost/callback", false),
            ("http://localhost./callback", false),
            ("http://127.0.0.1/callback", false),
            ("http://127.1.2.3/callback", false),
            ("http://0.0.0.0/callback", false),
            ("http://[::1]/callback", false),
            ("com.example.app://callback", false),
            ("https://localhost.example.com/", true),
            ("nonsense", false),
        ] {
            assert_eq!(is_verifiable(uri), expected, "{uri}");
        }
    }
}
