use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use portcullis_store::tenant::Step;
use portcullis_token::Secret;
use serde_json::json;

use crate::Tenant;
use crate::accounts::{self, MIN_PASSWORD, SignUpError, Typed, allows_sign_up};
use crate::authorize::origin;
use crate::pages::{Form, SignUpPage};
use crate::transaction::{Submission, Transaction, TransactionError};

use super::{MAX_NAME, Stage, finish};

pub(super) async fn show(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let (head, _) = request.into_parts();
    let transaction = Transaction::of_page(&tenant, &head, Step::Login).await?;
    let stage = Stage::load(&tenant, &transaction).await?;
    let hint = stage.request.login_hint.as_deref().unwrap_or_default();
    if !allows_sign_up(&stage.connection) {
        // Asked for by `screen_hint`, where people cannot do it.
        return Ok(stage.login_page(&transaction, hint, None));
    }
    Ok(page(&stage, &transaction, hint, None))
}

pub(super) async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let headers = request.headers().clone();
    let submission = Submission::read(&tenant, request, Step::Login).await?;
    sign_up(&tenant, &headers, submission).await
}

async fn sign_up(
    tenant: &Tenant,
    headers: &HeaderMap,
    submission: Submission,
) -> Result<Response, TransactionError> {
    let stage = Stage::load(tenant, &submission.transaction).await?;
    if !allows_sign_up(&stage.connection) {
        return Err(TransactionError::Expired);
    }
    let email = submission.fields.text("email");
    let typed = Typed {
        connection: &stage.connection.name,
        client_id: &stage.request.client_id,
        login: email,
        password: Secret::new(submission.fields.text("password").to_owned()),
    };
    let caller = &submission.caller;
    match accounts::sign_up(tenant, caller, typed, json!({}), json!({})).await {
        Ok(user) => finish(&stage, headers, submission, user).await,
        Err(SignUpError::Fault(fault)) => Err(fault.into()),
        Err(error) => {
            let text = error.to_string();
            let page = page(&stage, &submission.transaction, email, Some(&text));
            Ok(match error {
                SignUpError::TooMany(too_many) => too_many.mark(page),
                _ => page,
            })
        }
    }
}

fn page(
    stage: &Stage<'_>,
    transaction: &Transaction,
    email: &str,
    error: Option<&str>,
) -> Response {
    let (csrf, origin) = (transaction.csrf(), origin(&stage.request));
    let email: String = email.chars().take(MAX_NAME).collect();
    let page = SignUpPage {
        tenant: &stage.context.settings.name,
        client: &stage.context.client.name,
        form: Form {
            redirect: origin.as_ref(),
            ..transaction.form("/u/signup", &csrf)
        },
        email: &email,
        min_password: MIN_PASSWORD,
        login: &format!("/u/login?state={}", transaction.row.id),
        error,
    };
    page.respond()
}
