//! Requests that wait for a person, from the first page to the answer.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use portcullis_store::tenant::{AuthTransaction, Step, StepAnswer};
use serde::{Deserialize, Serialize};

use crate::activation::PendingDevice;
use crate::authorize::AuthorizeRequest;
use crate::browser::Browser;
use crate::caller::{Caller, is_own_form};
use crate::fault::Fault;
use crate::fields::{Fields, FieldsError};
use crate::logout::PendingLogout;
use crate::pages::{ErrorPage, Form};
use crate::password_reset::PendingReset;
use crate::token_rate::TooMany;
use crate::{Tenant, ids, opaque};

/// How long a person may take.
pub(crate) const LIFETIME: i64 = 10 * 60;

/// What waits for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Pending {
    Authorize(Box<AuthorizeRequest>),
    Logout(PendingLogout),
    PasswordReset(PendingReset),
    Device(PendingDevice),
}

/// A request that waits, as the browser that began it sees it.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) row: AuthTransaction,
    pub(crate) pending: Pending,
    pub(crate) browser: Browser,
}

/// A form of ours, sent by the browser that it was shown in.
pub(crate) struct Submission {
    pub(crate) transaction: Transaction,
    pub(crate) fields: Fields,
    pub(crate) caller: Caller,
}

/// Who has logged in, and by which session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) sid: Option<&'a str>,
}

/// Why a page or a form is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransactionError {
    /// It is unknown, answered, too old, another browser's, or at another step.
    #[error("there is no such transaction of this browser at this step")]
    Expired,
    /// Another site's page sent the form, or one without its token.
    #[error("the form does not come from a page of ours")]
    Foreign,
    /// Too many pages were asked for from this address, or from all.
    #[error("too many pages were asked for")]
    TooMany(TooMany),
    #[error("the form cannot be read")]
    Fields(#[from] FieldsError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Transaction {
    /// Has the request wait for `step` of this browser.
    pub(crate) async fn begin(
        tenant: &Tenant,
        browser: Browser,
        step: Step,
        pending: Pending,
        who: Option<Who<'_>>,
    ) -> Result<Self, Fault> {
        Self::begin_for(tenant, browser, step, pending, who, LIFETIME).await
    }

    pub(crate) async fn begin_for(
        tenant: &Tenant,
        browser: Browser,
        step: Step,
        pending: Pending,
        who: Option<Who<'_>>,
        lifetime: i64,
    ) -> Result<Self, Fault> {
        let now = tenant.now();
        let id = opaque::opaque_token()?.expose().clone();
        let csrf = browser.csrf(&id, word(step));
        let row = AuthTransaction {
            browser_hash: browser.hash(),
            csrf_hash: ids::sha256(&csrf),
            step,
            request: serde_json::to_value(&pending)?,
            user_id: who.map(|who| who.user_id.to_owned()),
            sid: who.and_then(|who| who.sid).map(str::to_owned),
            created_at: now,
            expires_at: now.saturating_add(lifetime),
            id,
        };
        tenant.database.auth_transactions().insert(&row).await?;
        Ok(Self {
            row,
            pending,
            browser,
        })
    }

    /// The transaction `id` of this browser, if it is at `step`.
    pub(crate) async fn find(
        tenant: &Tenant,
        browser: Browser,
        id: &str,
        step: Step,
    ) -> Result<Self, TransactionError> {
        let hash = browser.hash();
        let transactions = tenant.database.auth_transactions();
        let row = transactions.find(id, &hash, tenant.now()).await;
        let row = row.map_err(Fault::from)?.filter(|row| row.step == step);
        let row = row.ok_or(TransactionError::Expired)?;
        // What others keep in these rows is not for these pages.
        let pending = serde_json::from_value(row.request.clone());
        Ok(Self {
            pending: pending.map_err(|_| TransactionError::Expired)?,
            row,
            browser,
        })
    }

    /// The transaction that a page is for, by the parameter `state`.
    pub(crate) async fn of_page(
        tenant: &Tenant,
        head: &Parts,
        step: Step,
    ) -> Result<Self, TransactionError> {
        let fields = Fields::from_query(head.uri.query())?;
        let browser = Browser::find(tenant, &head.headers).ok_or(TransactionError::Expired)?;
        Self::find(tenant, browser, fields.text("state"), step).await
    }

    /// Spends the step. False when another form of it came first, or time is up.
    pub(crate) async fn advance(
        &mut self,
        tenant: &Tenant,
        to: Step,
        who: Option<Who<'_>>,
    ) -> Result<bool, Fault> {
        let id = self.row.id.clone();
        let answer = StepAnswer {
            id: &id,
            browser_hash: &self.browser.hash(),
            csrf_hash: &ids::sha256(&self.csrf()),
            from: self.row.step,
            to,
            next_csrf_hash: &ids::sha256(&self.browser.csrf(&id, word(to))),
            user_id: who.map(|who| who.user_id),
            sid: who.and_then(|who| who.sid),
            now: tenant.now(),
        };
        let advanced = tenant.database.auth_transactions().answer(&answer).await?;
        let is_advanced = advanced.is_some();
        if let Some(row) = advanced {
            self.row = row;
        }
        Ok(is_advanced)
    }

    /// What the form of this step must send.
    pub(crate) fn csrf(&self) -> String {
        self.browser.csrf(&self.row.id, word(self.row.step))
    }

    /// The form of this step.
    pub(crate) fn form<'a>(&'a self, action: &'a str, csrf: &'a str) -> Form<'a> {
        Form {
            action,
            state: &self.row.id,
            csrf,
            redirect: None,
        }
    }
}

impl Submission {
    /// Reads a form of `step`, and checks that it is one of ours before anything else.
    pub(crate) async fn read(
        tenant: &Tenant,
        request: Request,
        step: Step,
    ) -> Result<Self, TransactionError> {
        let (head, body) = request.into_parts();
        if !is_own_form(&head.headers) {
            return Err(TransactionError::Foreign);
        }
        let fields = Fields::from_form(&head.headers, body).await?;
        let browser = Browser::find(tenant, &head.headers).ok_or(TransactionError::Expired)?;
        let transaction = Transaction::find(tenant, browser, fields.text("state"), step).await?;
        let row = &transaction.row;
        let csrf = fields.text("csrf");
        if !transaction.browser.has_sent(csrf, &row.id, word(step)) {
            return Err(TransactionError::Foreign);
        }
        Ok(Self {
            transaction,
            fields,
            caller: Caller::of(&tenant.proxies, &head),
        })
    }
}

impl IntoResponse for TransactionError {
    fn into_response(self) -> Response {
        tracing::debug!(error = %self, "refused a page or a form");
        let expired = ErrorPage::expired("");
        match self {
            Self::Expired => expired.respond(StatusCode::BAD_REQUEST),
            Self::Foreign => expired.respond(StatusCode::FORBIDDEN),
            Self::TooMany(too_many) => {
                too_many.mark(ErrorPage::too_many("").respond(StatusCode::TOO_MANY_REQUESTS))
            }
            Self::Fields(error) => {
                let page = ErrorPage {
                    tenant: "",
                    heading: "This form could not be read",
                    text: &error.to_string(),
                    details: &[],
                };
                page.respond(error.status())
            }
            Self::Fault(fault) => fault.into_response(),
        }
    }
}

const fn word(step: Step) -> &'static str {
    match step {
        Step::Login => "login",
        Step::Consent => "consent",
        Step::Confirm => "confirm",
        Step::Done => "done",
    }
}
