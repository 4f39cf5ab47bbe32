//! `/authorize` (RFC 6749 section 3.1, OpenID Connect Core 1.0 section 3): from a request to a
//! code, an ID token, a page or an error.
//!
//! 1. [`request`] checks the parameters. Until the redirect URI is known to be the client's, what
//!    is wrong is told on a page; from there on it is sent to the client.
//! 2. A session, if it is good enough for the request, saves the login.
//! 3. Whoever has to do something is sent to a page of `login` or [`consent`], and the request
//!    waits in a transaction of that browser.
//! 4. [`consent`] says whether the user must be asked, [`issue`] makes what was asked for, and
//!    [`answer`] hands it over.

mod answer;
mod consent;
mod issue;
mod refusal;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use portcullis_store::tenant::{Client, Step};

use crate::address_rate::Unproven;
use crate::browser::Browser;
use crate::caller::{Caller, is_cross_site};
use crate::cookies::Reach;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::own_tokens;
use crate::session::LoggedIn;
use crate::tenant_settings::TenantSettings;
use crate::transaction::{Pending, Transaction, TransactionError, Who};
use crate::user_api::UserApi;
use crate::{Tenant, guard, login};

pub(crate) use answer::Answer;
pub(crate) use consent::origin;
pub(crate) use request::AuthorizeRequest;

use refusal::{Refusal, RefusalCode};
use request::{Checked, Login};

/// Everything that continues a request needs.
pub(crate) struct Context<'t> {
    pub(crate) tenant: &'t Tenant,
    pub(crate) settings: TenantSettings,
    pub(crate) client: Client,
}

/// The endpoint and the pages that a login takes.
pub(crate) fn routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/authorize", get(serve).post(serve_form))
        .route("/u/consent", get(consent::show).post(consent::submit))
        .merge(login::routes())
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(middleware::from_fn(see_other))
}

/// After a form the next page is to be fetched by GET (RFC 9700 section 4.12).
pub(crate) async fn see_other(request: Request, next: Next) -> Response {
    let is_form = request.method() == Method::POST;
    let mut response = next.run(request).await;
    if is_form && response.status() == StatusCode::FOUND {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    response
}

/// Sends the browser to a page of ours.
pub(crate) fn redirect(path: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(path) else {
        tracing::error!("could not write a redirect");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

async fn serve(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let fields = Fields::from_query(head.uri.query()).map_err(Refusal::Fields);
    let served = match fields {
        Ok(fields) => begin(&tenant, &head, &fields).await,
        Err(refusal) => Err(refusal),
    };
    served.unwrap_or_else(Refusal::respond)
}

async fn serve_form(State(tenant): State<Arc<Tenant>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let fields = Fields::from_form(&head.headers, body).await;
    let served = match fields.map_err(Refusal::Fields) {
        Ok(fields) => begin(&tenant, &head, &fields).await,
        Err(refusal) => Err(refusal),
    };
    served.unwrap_or_else(Refusal::respond)
}

async fn begin(tenant: &Tenant, head: &Parts, fields: &Fields) -> Result<Response, Refusal> {
    let caller = Caller::of(&tenant.proxies, head);
    let settings = TenantSettings::load(tenant).await?;
    let checked = request::check(tenant, settings, &caller, fields).await?;
    if head.method == Method::POST && is_cross_site(&head.headers) {
        // A form of another site comes without our cookies; the redirect after it brings them.
        return Ok(redirect(&format!("/authorize?{}", fields.to_query())));
    }
    let Checked {
        context, request, ..
    } = &checked;
    let logged_in = LoggedIn::resume(tenant, &context.settings, &head.headers).await?;
    let logged_in = logged_in.filter(|logged_in| is_good_enough(&checked, logged_in));
    match (logged_in, checked.login) {
        (Some(logged_in), _) => {
            let browser = Browser::find_or_begin(tenant, &head.headers)?;
            let response = proceed(context, browser, request, &logged_in, checked.login).await?;
            Ok(keep_for_frames(context, &logged_in, response))
        }
        (None, Login::Never) => {
            let answer = Answer::of(context, request);
            Ok(answer.refuse(RefusalCode::LoginRequired.name(), "Login required"))
        }
        (None, Login::IfNeeded) => {
            let charged = tenant.charge(Unproven::Page, &caller);
            charged.map_err(Refusal::TooMany)?;
            let browser = Browser::find_or_begin(tenant, &head.headers)?;
            Ok(ask_to_log_in(context, browser, request, checked.signs_up).await?)
        }
    }
}

/// Whether the session saves the login that was asked for.
fn is_good_enough(checked: &Checked<'_>, logged_in: &LoggedIn) -> bool {
    let tenant = checked.context.tenant;
    let age = tenant.now().saturating_sub(logged_in.session.auth_time);
    let is_recent = checked.max_age.is_none_or(|max_age| age <= max_age);
    let is_meant = checked.id_token_hint.as_deref().is_none_or(|token| {
        own_tokens::check_hint(tenant, token)
            .is_ok_and(|hint| hint.user_id == logged_in.user.user_id)
    });
    !checked.forces_login && is_recent && is_meant
}

/// A session is for frames, too, once an application is there whose silent logins are.
fn keep_for_frames(
    context: &Context<'_>,
    logged_in: &LoggedIn,
    mut response: Response,
) -> Response {
    if !context.client.web_origins.is_empty() {
        logged_in.keep(context.tenant, Reach::Frames, &mut response);
    }
    response
}

async fn ask_to_log_in(
    context: &Context<'_>,
    browser: Browser,
    request: &AuthorizeRequest,
    signs_up: bool,
) -> Result<Response, Fault> {
    let tenant = context.tenant;
    let pending = Pending::Authorize(Box::new(request.clone()));
    let transaction = Transaction::begin(tenant, browser, Step::Login, pending, None).await?;
    let page = if signs_up { "signup" } else { "login" };
    let mut response = redirect(&format!("/u/{page}?state={}", transaction.row.id));
    transaction.browser.keep(tenant, &mut response);
    Ok(response)
}

/// Goes on with a request whose user is known: to the consent page, or to the answer.
async fn proceed(
    context: &Context<'_>,
    browser: Browser,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
    login: Login,
) -> Result<Response, Fault> {
    let answer = Answer::of(context, request);
    let granted = match find_granted(context, request, logged_in).await? {
        Ok(granted) => granted,
        Err(description) => return Ok(answer.refuse("access_denied", &description)),
    };
    if !consent::is_needed(context, request, &logged_in.user, &granted).await? {
        return issue::issue(context, request, logged_in, &granted).await;
    }
    if login == Login::Never {
        let code = RefusalCode::ConsentRequired.name();
        return Ok(answer.refuse(code, "Consent required"));
    }
    let tenant = context.tenant;
    let pending = Pending::Authorize(Box::new(request.clone()));
    let who = Who {
        user_id: &logged_in.user.user_id,
        sid: Some(&logged_in.session.sid),
    };
    let transaction = Transaction::begin(tenant, browser, Step::Consent, pending, Some(who));
    let transaction = transaction.await?;
    let mut response = redirect(&format!("/u/consent?state={}", transaction.row.id));
    transaction.browser.keep(tenant, &mut response);
    Ok(response)
}

/// Goes on after a login: the transaction, which has been spent to [`Step::Consent`], is answered
/// or waits for the consent.
pub(crate) async fn proceed_after_login(
    context: &Context<'_>,
    transaction: &mut Transaction,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
) -> Result<Response, TransactionError> {
    let answer = Answer::of(context, request);
    let granted = match find_granted(context, request, logged_in).await? {
        Ok(granted) => granted,
        Err(description) => return Ok(answer.refuse("access_denied", &description)),
    };
    if consent::is_needed(context, request, &logged_in.user, &granted).await? {
        return Ok(redirect(&format!(
            "/u/consent?state={}",
            transaction.row.id
        )));
    }
    if !transaction
        .advance(context.tenant, Step::Done, None)
        .await?
    {
        return Err(TransactionError::Expired);
    }
    Ok(issue::issue(context, request, logged_in, &granted).await?)
}

/// What the user's tokens would be for.
pub(crate) struct Granted {
    api: UserApi,
    scopes: Vec<String>,
}

/// What may be granted; or, for the client, why nothing may.
async fn find_granted(
    context: &Context<'_>,
    request: &AuthorizeRequest,
    logged_in: &LoggedIn,
) -> Result<Result<Granted, String>, Fault> {
    let Context { tenant, client, .. } = context;
    let api = match UserApi::find(tenant, client, request.audience.as_deref()).await {
        Ok(api) => api,
        Err(crate::user_api::UserApiError::Fault(fault)) => return Err(fault),
        // It was there when the request came.
        Err(error) => return Ok(Err(error.to_string())),
    };
    let user_id = &logged_in.user.user_id;
    let scopes = api.resolve(tenant, client, user_id, &request.scope).await?;
    Ok(Ok(Granted { api, scopes }))
}

impl<'t> Context<'t> {
    /// The same again for a later step. Absent when the client or its redirect URI is gone.
    pub(crate) async fn reload(
        tenant: &'t Tenant,
        request: &AuthorizeRequest,
    ) -> Result<Self, TransactionError> {
        let settings = TenantSettings::load(tenant).await?;
        let client = tenant.database.clients().find(&request.client_id).await;
        let client = client.map_err(Fault::from)?;
        let is_registered = |client: &Client| client.callbacks.contains(&request.redirect.uri);
        let client = client.filter(is_registered);
        Ok(Self {
            tenant,
            settings,
            client: client.ok_or(TransactionError::Expired)?,
        })
    }
}

impl Transaction {
    /// The authorization request that waits here.
    pub(crate) fn authorize_request(&self) -> Result<AuthorizeRequest, TransactionError> {
        match &self.pending {
            Pending::Authorize(request) => Ok((**request).clone()),
            _ => Err(TransactionError::Expired),
        }
    }
}

/// The session of the user that the transaction is of.
async fn resume_user(
    context: &Context<'_>,
    headers: &HeaderMap,
    transaction: &Transaction,
) -> Result<LoggedIn, TransactionError> {
    let logged_in = LoggedIn::resume(context.tenant, &context.settings, headers).await?;
    let user_id = transaction.row.user_id.as_deref();
    let is_of_user = |logged_in: &LoggedIn| Some(logged_in.user.user_id.as_str()) == user_id;
    // Whoever has logged out since, or as another, has to begin again.
    logged_in
        .filter(is_of_user)
        .ok_or(TransactionError::Expired)
}
