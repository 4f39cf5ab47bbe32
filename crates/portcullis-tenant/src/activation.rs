//! `/activate`: the pages on which a person confirms a device (RFC 8628 section 3.3).
//!
//! 1. They type the code, or follow a link that has it, and send it.
//! 2. They log in, unless they have.
//! 3. They say whether the device is theirs.
//!
//! Each form has a transaction of its own, bound to the browser.

mod confirmation;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use portcullis_store::tenant::{DeviceCode, LoginAttempt, LoginLimit, LoginVerdict, Step};
use serde::{Deserialize, Serialize};

use crate::address_rate::Unproven;
use crate::browser::Browser;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::pages::DeviceCodePage;
use crate::session::LoggedIn;
use crate::tenant_settings::TenantSettings;
use crate::transaction::{Pending, Submission, Transaction, TransactionError};
use crate::{Tenant, UserCode, guard};

/// Ten codes from one place in ten minutes: among 34 bits, that finds nobody's device.
const LIMIT: LoginLimit = LoginLimit {
    attempts: 10,
    window: 10 * 60,
    block: 10 * 60,
};

/// What entries are counted under, which is no user's name.
const COUNTED_AS: &str = "device user code";

/// The step at which a code is waited for.
const ENTRY: Step = Step::Consent;

/// A device that waits for a page to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingDevice {
    /// Its letters. Absent until they are typed.
    user_code: Option<String>,
}

pub(crate) fn routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/activate", get(show).post(submit))
        .route("/activate/login", post(confirmation::submit_login))
        .route("/activate/confirm", post(confirmation::submit))
        .method_not_allowed_fallback(guard::method_not_allowed)
}

async fn show(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let (head, _) = request.into_parts();
    let fields = Fields::from_query(head.uri.query())?;
    let caller = Caller::of(&tenant.proxies, &head);
    let charged = tenant.charge(Unproven::Page, &caller);
    charged.map_err(TransactionError::TooMany)?;
    let settings = TenantSettings::load(&tenant).await?;
    let browser = Browser::find_or_begin(&tenant, &head.headers).map_err(Fault::from)?;
    let pending = Pending::Device(PendingDevice { user_code: None });
    let transaction = Transaction::begin(&tenant, browser, ENTRY, pending, None).await?;
    // What is no code is not shown: it could say anything to the person.
    let code = UserCode::parse(fields.text("user_code")).map(|code| code.to_string());
    let code = code.unwrap_or_default();
    let mut response = entry_page(&settings, &transaction, &code, None);
    transaction.browser.keep(&tenant, &mut response);
    Ok(response)
}

fn entry_page(
    settings: &TenantSettings,
    transaction: &Transaction,
    user_code: &str,
    error: Option<&str>,
) -> Response {
    let csrf = transaction.csrf();
    let page = DeviceCodePage {
        tenant: &settings.name,
        form: transaction.form("/activate", &csrf),
        user_code,
        error,
    };
    page.respond()
}

async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let headers = request.headers().clone();
    let submission = Submission::read(&tenant, request, ENTRY).await?;
    enter(&tenant, &headers, submission).await
}

async fn enter(
    tenant: &Tenant,
    headers: &HeaderMap,
    mut submission: Submission,
) -> Result<Response, TransactionError> {
    let settings = TenantSettings::load(tenant).await?;
    if !may_try(tenant, &submission.caller).await? {
        let text = "Too many codes were entered. Please try again later.";
        let mut page = entry_page(&settings, &submission.transaction, "", Some(text));
        *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        return Ok(page);
    }
    let typed = UserCode::parse(submission.fields.text("user_code"));
    let Some(device) = find(tenant, typed.as_ref().map(UserCode::letters)).await? else {
        let text = "This code is not valid. Please check what your device shows.";
        let shown = typed.map(|code| code.to_string()).unwrap_or_default();
        return Ok(entry_page(
            &settings,
            &submission.transaction,
            &shown,
            Some(text),
        ));
    };
    let transaction = &mut submission.transaction;
    if !transaction.advance(tenant, Step::Done, None).await? {
        return Err(TransactionError::Expired);
    }
    let browser = Browser::find_or_begin(tenant, headers).map_err(Fault::from)?;
    match LoggedIn::resume(tenant, &settings, headers).await? {
        Some(logged_in) => confirmation::ask(tenant, &settings, browser, &device, &logged_in).await,
        None => confirmation::ask_to_log_in(tenant, &settings, browser, &device).await,
    }
}

/// Counts an entry before its code is looked for. A right one does not start the count anew:
/// whoever guesses has right ones of their own.
async fn may_try(tenant: &Tenant, caller: &Caller) -> Result<bool, Fault> {
    let attempts = tenant.database.login_attempts();
    let attempt = LoginAttempt {
        identifier: COUNTED_AS,
        ip: &caller.ip,
        now: tenant.now(),
    };
    let verdict = attempts.count(&attempt, LIMIT).await?;
    Ok(matches!(verdict, LoginVerdict::Allowed { .. }))
}

/// The device that shows these letters and waits for its user.
async fn find(tenant: &Tenant, letters: Option<&str>) -> Result<Option<DeviceCode>, Fault> {
    let Some(letters) = letters else {
        return Ok(None);
    };
    let codes = tenant.database.device_codes();
    Ok(codes.find_pending(letters, tenant.now()).await?)
}
