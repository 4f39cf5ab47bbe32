use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use portcullis_store::tenant::{Session, Step};
use url::Url;

use crate::Tenant;
use crate::browser::Browser;
use crate::fault::Fault;
use crate::pages::{ClientOrigin, Form, LogoutPage, NoticePage};
use crate::tenant_settings::TenantSettings;
use crate::transaction::{Pending, Submission, Transaction, TransactionError, Who};

use super::{PendingLogout, end, find_session, leave};

/// Asks the user, whose session is `session`.
pub(super) async fn ask(
    tenant: &Tenant,
    settings: &TenantSettings,
    headers: &HeaderMap,
    session: &Session,
    pending: PendingLogout,
) -> Result<Response, Fault> {
    let browser = Browser::find_or_begin(tenant, headers)?;
    let who = Who {
        user_id: &session.user_id,
        sid: Some(&session.sid),
    };
    let waiting = Pending::Logout(pending.clone());
    let transaction =
        Transaction::begin(tenant, browser, Step::Confirm, waiting, Some(who)).await?;
    let target = pending.target.as_deref();
    let origin = target.and_then(|target| Url::parse(target).ok());
    let origin = origin.map(|target| ClientOrigin::of(&target));
    let csrf = transaction.csrf();
    let page = LogoutPage {
        tenant: &settings.name,
        client: pending.client.as_deref(),
        form: Form {
            redirect: origin.as_ref(),
            ..transaction.form("/u/logout", &csrf)
        },
    };
    let mut response = page.respond();
    transaction.browser.keep(tenant, &mut response);
    Ok(response)
}

pub(super) async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let headers = request.headers().clone();
    let submission = Submission::read(&tenant, request, Step::Confirm).await?;
    decide(&tenant, &headers, submission).await
}

async fn decide(
    tenant: &Tenant,
    headers: &HeaderMap,
    mut submission: Submission,
) -> Result<Response, TransactionError> {
    let Pending::Logout(pending) = submission.transaction.pending.clone() else {
        return Err(TransactionError::Expired);
    };
    if !submission
        .transaction
        .advance(tenant, Step::Done, None)
        .await?
    {
        return Err(TransactionError::Expired);
    }
    let settings = TenantSettings::load(tenant).await?;
    if submission.fields.text("action") != "accept" {
        let page = NoticePage {
            tenant: &settings.name,
            heading: "You are still logged in",
            text: "You can close this page.",
        };
        return Ok(page.respond());
    }
    let session = find_session(tenant, &settings, headers).await?;
    end(tenant, &submission.caller, session, None).await?;
    let target = pending.target.as_deref();
    let target = target.and_then(|target| Url::parse(target).ok());
    Ok(leave(tenant, &settings, target.as_ref()))
}
