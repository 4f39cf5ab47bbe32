//! The login before, and the question whether the device is the user's own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use portcullis_store::tenant::{Client, DeviceCode, Step};
use portcullis_token::Secret;

use crate::accounts::{self, Login, Typed, find_connection};
use crate::browser::Browser;
use crate::cookies::Reach;
use crate::fault::Fault;
use crate::pages::{DeviceConfirmPage, LoginPage, NoticePage};
use crate::session::LoggedIn;
use crate::tenant_settings::TenantSettings;
use crate::transaction::{Pending, Submission, Transaction, TransactionError, Who};
use crate::{Tenant, UserCode};

use super::{PendingDevice, find};

/// No longer name is shown again: nobody has one.
const MAX_NAME: usize = 320;

/// Has the user log in before they are asked.
pub(super) async fn ask_to_log_in(
    tenant: &Tenant,
    settings: &TenantSettings,
    browser: Browser,
    device: &DeviceCode,
) -> Result<Response, TransactionError> {
    let client = find_client(tenant, device).await?;
    let transaction = begin(tenant, browser, Step::Login, device, None).await?;
    let mut response = login_page(settings, &client, &transaction, "", None);
    transaction.browser.keep(tenant, &mut response);
    Ok(response)
}

/// Asks the user whether the device is theirs.
pub(super) async fn ask(
    tenant: &Tenant,
    settings: &TenantSettings,
    browser: Browser,
    device: &DeviceCode,
    logged_in: &LoggedIn,
) -> Result<Response, TransactionError> {
    let client = find_client(tenant, device).await?;
    let who = Who {
        user_id: &logged_in.user.user_id,
        sid: Some(&logged_in.session.sid),
    };
    let transaction = begin(tenant, browser, Step::Confirm, device, Some(who)).await?;
    let csrf = transaction.csrf();
    let code = UserCode::parse(&device.user_code).ok_or(TransactionError::Expired)?;
    let page = DeviceConfirmPage {
        tenant: &settings.name,
        client: &client.name,
        user_code: &code.to_string(),
        form: transaction.form("/activate/confirm", &csrf),
    };
    let mut response = page.respond();
    transaction.browser.keep(tenant, &mut response);
    Ok(response)
}

async fn begin(
    tenant: &Tenant,
    browser: Browser,
    step: Step,
    device: &DeviceCode,
    who: Option<Who<'_>>,
) -> Result<Transaction, Fault> {
    let user_code = Some(device.user_code.clone());
    let pending = Pending::Device(PendingDevice { user_code });
    Transaction::begin(tenant, browser, step, pending, who).await
}

async fn find_client(tenant: &Tenant, device: &DeviceCode) -> Result<Client, TransactionError> {
    let client = tenant.database.clients().find(&device.client_id).await;
    client
        .map_err(Fault::from)?
        .ok_or(TransactionError::Expired)
}

/// The device that a transaction is about, if it still waits.
async fn find_device(
    tenant: &Tenant,
    transaction: &Transaction,
) -> Result<DeviceCode, TransactionError> {
    let Pending::Device(pending) = &transaction.pending else {
        return Err(TransactionError::Expired);
    };
    let device = find(tenant, pending.user_code.as_deref()).await?;
    device.ok_or(TransactionError::Expired)
}

fn login_page(
    settings: &TenantSettings,
    client: &Client,
    transaction: &Transaction,
    username: &str,
    error: Option<&str>,
) -> Response {
    let csrf = transaction.csrf();
    let username: String = username.chars().take(MAX_NAME).collect();
    let page = LoginPage {
        tenant: &settings.name,
        client: &client.name,
        form: transaction.form("/activate/login", &csrf),
        username: &username,
        sign_up: None,
        error,
    };
    page.respond()
}

pub(super) async fn submit_login(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let served = match Submission::read(&tenant, request, Step::Login).await {
        Ok(submission) => log_in(&tenant, &headers, submission).await,
        Err(error) => Err(error),
    };
    served.unwrap_or_else(TransactionError::into_response)
}

async fn log_in(
    tenant: &Tenant,
    headers: &HeaderMap,
    mut submission: Submission,
) -> Result<Response, TransactionError> {
    let settings = TenantSettings::load(tenant).await?;
    let device = find_device(tenant, &submission.transaction).await?;
    let client = find_client(tenant, &device).await?;
    let connection = find_connection(&tenant.database, &client.client_id).await?;
    let connection = connection.ok_or(TransactionError::Expired)?;
    let username = submission.fields.text("username");
    let typed = Typed {
        connection: &connection.name,
        client_id: &client.client_id,
        login: username.trim(),
        password: Secret::new(submission.fields.text("password").to_owned()),
    };
    let login = accounts::log_in(tenant, &submission.caller, typed).await?;
    let refusal = login.refusal();
    if let Login::Right(user) = login {
        let transaction = &mut submission.transaction;
        if !transaction.advance(tenant, Step::Done, None).await? {
            return Err(TransactionError::Expired);
        }
        let caller = &submission.caller;
        let logged_in = LoggedIn::begin(tenant, &settings, headers, *user, caller).await?;
        let browser = Browser::find_or_begin(tenant, headers).map_err(Fault::from)?;
        let mut response = ask(tenant, &settings, browser, &device, &logged_in).await?;
        logged_in.keep(tenant, Reach::Pages, &mut response);
        return Ok(response);
    }
    let (text, status) = refusal.ok_or(TransactionError::Expired)?;
    let transaction = &submission.transaction;
    let mut page = login_page(&settings, &client, transaction, username, Some(text));
    *page.status_mut() = status;
    Ok(page)
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
    let settings = TenantSettings::load(tenant).await?;
    let device = find_device(tenant, &submission.transaction).await?;
    let logged_in = LoggedIn::resume(tenant, &settings, headers).await?;
    let user_id = submission.transaction.row.user_id.clone();
    // Whoever has logged out since, or as another, has to begin again.
    let logged_in = logged_in
        .filter(|logged_in| Some(&logged_in.user.user_id) == user_id.as_ref())
        .ok_or(TransactionError::Expired)?;
    let transaction = &mut submission.transaction;
    if !transaction.advance(tenant, Step::Done, None).await? {
        return Err(TransactionError::Expired);
    }
    let (codes, now) = (tenant.database.device_codes(), tenant.now());
    let accepts = submission.fields.text("action") == "accept";
    let answered = if accepts {
        let session = &logged_in.session;
        let (user_id, sid) = (&session.user_id, Some(session.sid.as_str()));
        codes
            .approve(&device.user_code, user_id, sid, session.auth_time, now)
            .await
    } else {
        codes.deny(&device.user_code, now).await
    };
    if !answered.map_err(Fault::from)? {
        return Err(TransactionError::Expired);
    }
    let page = if accepts {
        NoticePage::device_activated(&settings.name)
    } else {
        NoticePage::device_declined(&settings.name)
    };
    Ok(page.respond())
}
