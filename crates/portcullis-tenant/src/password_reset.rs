//! The page on which a password is replaced, by who holds a link to it.
//!
//! The link stands for the present password. There is no mail: a tenant of this machine only
//! writes the link into its log, and any other makes none.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use portcullis_store::tenant::{LoginAttempt, LoginLimit, LoginVerdict, Step};
use portcullis_token::Secret;
use serde::{Deserialize, Serialize};

use crate::accounts::{BUSY, MIN_PASSWORD, display_name, is_acceptable};
use crate::audit::{self, Event};
use crate::browser::Browser;
use crate::caller::{Caller, is_own_form};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::pages::{Form, NoticePage, PasswordPage};
use crate::passwords::PasswordError;
use crate::tenant_settings::TenantSettings;
use crate::token_rate::TooMany;
use crate::transaction::{Pending, Transaction, TransactionError, Who};
use crate::{Tenant, guard, opaque};

/// How long a link works: an hour.
const LIFETIME: i64 = 60 * 60;

/// How many links one may ask for, for one address from one place.
const LIMIT: LoginLimit = LoginLimit {
    attempts: 5,
    window: LIFETIME,
    block: LIFETIME,
};

/// A password that waits to be replaced; whose it is stands in the transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingReset {
    connection: String,
}

pub(crate) fn routes() -> Router<Arc<Tenant>> {
    Router::new()
        .route("/u/reset-password", get(show).post(submit))
        .method_not_allowed_fallback(guard::method_not_allowed)
}

/// Makes a link for the user with this address, if there is one; nothing of it may be told.
pub(crate) async fn ask(
    tenant: &Tenant,
    caller: &Caller,
    client_id: Option<&str>,
    connection: &str,
    email: &str,
) -> Result<(), Fault> {
    let attempt = LoginAttempt {
        // Apart from logins: asking for a link blocks nobody's.
        identifier: &format!("reset {email}"),
        ip: &caller.ip,
        now: tenant.now(),
    };
    let attempts = tenant.database.login_attempts();
    let verdict = attempts.count(&attempt, LIMIT).await?;
    let users = tenant.database.users();
    let user = users.find_by_email(connection, email).await?;
    let event = Event {
        code: "scpr",
        client_id,
        user_id: user.as_ref().map(|user| user.user_id.as_str()),
        description: "A change of password was asked for.",
        ..Event::default()
    };
    audit::record_unproven(tenant, caller, event).await;
    let (Some(user), LoginVerdict::Allowed { .. }, true) = (user, verdict, tenant.is_local())
    else {
        return Ok(());
    };
    let secret = opaque::opaque_token()?;
    let pending = Pending::PasswordReset(PendingReset {
        connection: connection.to_owned(),
    });
    let who = Who {
        user_id: &user.user_id,
        sid: None,
    };
    let holder = Browser::of_holder(secret.clone());
    let transaction =
        Transaction::begin_for(tenant, holder, Step::Confirm, pending, Some(who), LIFETIME);
    let id = transaction.await?.row.id;
    let link = tenant.issuer.endpoint("u/reset-password");
    // A secret in a log, for want of mail: only on the machine of who develops with it.
    tracing::info!(
        link = %format_args!("{link}?ticket={id}.{}", secret.expose()),
        "a password can be replaced for an hour"
    );
    Ok(())
}

async fn show(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    let fields = Fields::from_query(request.uri().query())?;
    let ticket = fields.text("ticket");
    let transaction = find(&tenant, ticket).await?;
    page(&tenant, &transaction, ticket, None).await
}

async fn submit(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> Result<Response, TransactionError> {
    replace(&tenant, request).await
}

async fn replace(tenant: &Tenant, request: Request) -> Result<Response, TransactionError> {
    let (head, body) = request.into_parts();
    if !is_own_form(&head.headers) {
        return Err(TransactionError::Foreign);
    }
    let caller = Caller::of(&tenant.proxies, &head);
    let fields = Fields::from_form(&head.headers, body).await?;
    let ticket = fields.text("state");
    let mut transaction = find(tenant, ticket).await?;
    let Pending::PasswordReset(pending) = transaction.pending.clone() else {
        return Err(TransactionError::Expired);
    };
    let (id, csrf) = (&transaction.row.id, fields.text("csrf"));
    if !transaction.browser.has_sent(csrf, id, "confirm") {
        return Err(TransactionError::Foreign);
    }
    let user_id = transaction.row.user_id.clone();
    let user_id = user_id.ok_or(TransactionError::Expired)?;
    let users = tenant.database.users();
    let user = users.find(&user_id).await.map_err(Fault::from)?;
    let user = user.ok_or(TransactionError::Expired)?;
    let password = fields.text("password");
    if password != fields.text("confirmation") {
        let error = Some("The two passwords differ.");
        return page(tenant, &transaction, ticket, error).await;
    }
    let weak = format!("Choose at least {MIN_PASSWORD} characters, and not your address.");
    if !is_acceptable(password, user.email.as_deref().unwrap_or_default()) {
        return page(tenant, &transaction, ticket, Some(&weak)).await;
    }
    let phc = match tenant
        .new_passwords
        .hash(Secret::new(password.to_owned()))
        .await
    {
        Ok(phc) => phc,
        Err(PasswordError::TooLong) => {
            return page(tenant, &transaction, ticket, Some(&weak)).await;
        }
        Err(PasswordError::Busy) => {
            let page = page(tenant, &transaction, ticket, Some(BUSY)).await?;
            return Ok(TooMany::until(1).mark(page));
        }
        Err(error) => return Err(Fault::from(error).into()),
    };
    if !transaction.advance(tenant, Step::Done, None).await? {
        return Err(TransactionError::Expired);
    }
    let identities = tenant.database.identities();
    let kept = identities.change_password(&user_id, &pending.connection, &phc, tenant.now());
    kept.await.map_err(Fault::from)?;
    let event = Event {
        code: "scp",
        user_id: Some(&user_id),
        description: "The password was replaced.",
        ..Event::default()
    };
    audit::record(tenant, &caller, event).await;
    let settings = TenantSettings::load(tenant).await?;
    Ok(NoticePage::password_changed(&settings.name).respond())
}

async fn find(tenant: &Tenant, ticket: &str) -> Result<Transaction, TransactionError> {
    let (id, secret) = ticket.split_once('.').ok_or(TransactionError::Expired)?;
    let holder = Browser::of_holder(Secret::new(secret.to_owned()));
    Transaction::find(tenant, holder, id, Step::Confirm).await
}

async fn page(
    tenant: &Tenant,
    transaction: &Transaction,
    ticket: &str,
    error: Option<&str>,
) -> Result<Response, TransactionError> {
    let Pending::PasswordReset(_) = transaction.pending else {
        return Err(TransactionError::Expired);
    };
    let user_id = transaction.row.user_id.as_deref().unwrap_or_default();
    let user = tenant.database.users().find(user_id).await;
    let user = user
        .map_err(Fault::from)?
        .ok_or(TransactionError::Expired)?;
    let settings = TenantSettings::load(tenant).await?;
    let csrf = transaction.csrf();
    let page = PasswordPage {
        tenant: &settings.name,
        form: Form {
            state: ticket,
            ..transaction.form("/u/reset-password", &csrf)
        },
        username: display_name(&user),
        asks_current: false,
        min_password: MIN_PASSWORD,
        error,
    };
    Ok(page.respond())
}
