//! The pages on which people log in and sign up.

mod sign_up;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use portcullis_store::tenant::{Connection, Step, User};
use portcullis_token::Secret;

use crate::Tenant;
use crate::accounts::{self, Login, Typed, allows_sign_up, find_connection};
use crate::authorize::{Answer, AuthorizeRequest, Context, origin, proceed_after_login};
use crate::cookies::Reach;
use crate::pages::{Form, LoginPage};
use crate::session::LoggedIn;
use crate::transaction::{Submission, Transaction, TransactionError, Who};

/// No longer name is shown again: nobody has one.
const MAX_NAME: usize = 320;

pub(crate) fn routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/u/login", get(show).post(submit))
        .route("/u/signup", get(sign_up::show).post(sign_up::submit))
}

/// A page of a request that waits for a login.
struct Stage<'t> {
    context: Context<'t>,
    request: AuthorizeRequest,
    connection: Connection,
}

impl<'t> Stage<'t> {
    async fn load(tenant: &'t Tenant, transaction: &Transaction) -> Result<Self, TransactionError> {
        let request = transaction.authorize_request()?;
        let context = Context::reload(tenant, &request).await?;
        let connection = find_connection(&tenant.database, &request.client_id).await?;
        Ok(Self {
            context,
            request,
            connection: connection.ok_or(TransactionError::Expired)?,
        })
    }

    fn login_page(
        &self,
        transaction: &Transaction,
        username: &str,
        error: Option<&str>,
    ) -> Response {
        let (csrf, origin) = (transaction.csrf(), origin(&self.request));
        let sign_up = format!("/u/signup?state={}", transaction.row.id);
        let username: String = username.chars().take(MAX_NAME).collect();
        let page = LoginPage {
            tenant: &self.context.settings.name,
            client: &self.context.client.name,
            form: Form {
                redirect: origin.as_ref(),
                ..transaction.form("/u/login", &csrf)
            },
            username: &username,
            sign_up: allows_sign_up(&self.connection).then_some(sign_up.as_str()),
            error,
        };
        page.respond()
    }
}

async fn show(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let (head, _) = request.into_parts();
    let transaction = Transaction::of_page(&tenant, &head, Step::Login).await?;
    let stage = Stage::load(&tenant, &transaction).await?;
    let hint = stage.request.login_hint.as_deref().unwrap_or_default();
    Ok(stage.login_page(&transaction, hint, None))
}

async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let headers = request.headers().clone();
    let submission = Submission::read(&tenant, request, Step::Login).await?;
    log_in(&tenant, &headers, submission).await
}

async fn log_in(
    tenant: &Tenant,
    headers: &HeaderMap,
    submission: Submission,
) -> Result<Response, TransactionError> {
    let stage = Stage::load(tenant, &submission.transaction).await?;
    let username = submission.fields.text("username");
    let typed = Typed {
        connection: &stage.connection.name,
        client_id: &stage.request.client_id,
        login: username.trim(),
        password: Secret::new(submission.fields.text("password").to_owned()),
    };
    let login = accounts::log_in(tenant, &submission.caller, typed).await?;
    let refusal = login.refusal();
    let user = match login {
        Login::Right(user) => *user,
        // The application is told instead.
        Login::Blocked(_) => {
            let mut submission = submission;
            if !submission
                .transaction
                .advance(tenant, Step::Done, None)
                .await?
            {
                return Err(TransactionError::Expired);
            }
            // The words that Auth0's SDKs know.
            let answer = Answer::of(&stage.context, &stage.request);
            return Ok(answer.refuse("unauthorized", "user is blocked"));
        }
        Login::Wrong | Login::TooMany | Login::Busy => {
            let (text, status) = refusal.ok_or(TransactionError::Expired)?;
            let mut page = stage.login_page(&submission.transaction, username, Some(text));
            *page.status_mut() = status;
            return Ok(page);
        }
    };
    finish(&stage, headers, submission, user).await
}

/// Spends the login, begins the session of `user`, and goes on with what they came for.
async fn finish(
    stage: &Stage<'_>,
    headers: &HeaderMap,
    mut submission: Submission,
    user: User,
) -> Result<Response, TransactionError> {
    let Stage {
        context, request, ..
    } = stage;
    let tenant = context.tenant;
    let transaction = &mut submission.transaction;
    let who = Who {
        user_id: &user.user_id,
        sid: None,
    };
    if !transaction
        .advance(tenant, Step::Consent, Some(who))
        .await?
    {
        return Err(TransactionError::Expired);
    }
    let caller = &submission.caller;
    let logged_in = LoggedIn::begin(tenant, &context.settings, headers, user, caller).await?;
    let mut response = proceed_after_login(context, transaction, request, &logged_in).await?;
    let reach = if context.client.web_origins.is_empty() {
        Reach::Pages
    } else {
        Reach::Frames
    };
    logged_in.keep(tenant, reach, &mut response);
    Ok(response)
}
