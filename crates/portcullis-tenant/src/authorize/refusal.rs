use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use portcullis_store::tenant::DatabaseError;
use portcullis_token::NoRandomness;

use crate::fault::Fault;
use crate::fields::FieldsError;
use crate::pages::ErrorPage;
use crate::token_rate::TooMany;
use crate::transaction::TransactionError;

/// Why an authorization request does not go on.
pub(super) enum Refusal {
    /// For the person: nobody else may learn of it.
    Page(Page),
    Fields(FieldsError),
    /// Too many wait for a login already.
    TooMany(TooMany),
    /// For the client: this is how it is told.
    Answered(Box<Response>),
    Fault(Fault),
}

/// What is wrong before it is known where an answer may go: it is never sent anywhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Page {
    #[error("Missing required parameter: client_id")]
    NoClientId,
    #[error("Unknown client: {0}")]
    UnknownClient(String),
    #[error("The parameter {0} is there more than once.")]
    Repeated(&'static str),
    #[error("Missing required parameter: redirect_uri")]
    NoRedirect,
    #[error("The redirect_uri is not one that an answer can be sent to.")]
    Unusable,
    #[error("Callback URL mismatch.")]
    Mismatch {
        sent: String,
        /// Told to people at this machine only: what is registered is nobody else's business.
        closest: Option<String>,
    },
    #[error("The origin {0} is not in the list of allowed web origins.")]
    WebOrigin(String),
}

/// The `error` of an answer (RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusalCode {
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedResponseType,
    AccessDenied,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    LoginRequired,
    ConsentRequired,
}

impl RefusalCode {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        }
    }
}

impl From<Page> for Refusal {
    fn from(page: Page) -> Self {
        Self::Page(page)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::Fault(error.into())
    }
}

impl Refusal {
    pub(super) fn respond(self) -> Response {
        match self {
            Self::Answered(response) => *response,
            Self::Fault(fault) => fault.into_response(),
            Self::TooMany(too_many) => TransactionError::TooMany(too_many).into_response(),
            Self::Fields(error) => refuse(&error.to_string(), error.status()),
            Self::Page(page) => page.respond(),
        }
    }
}

impl Page {
    fn respond(&self) -> Response {
        if let Self::Mismatch { sent, closest } = self {
            let mut details = vec![("You sent", sent.as_str())];
            if let Some(closest) = closest {
                details.push(("Closest that is registered", closest));
            }
            return ErrorPage::redirect_mismatch("", &details).respond(StatusCode::FORBIDDEN);
        }
        let description = self.to_string();
        tracing::debug!(description, "refused an authorization request");
        refuse(&description, StatusCode::BAD_REQUEST)
    }
}

fn refuse(text: &str, status: StatusCode) -> Response {
    let page = ErrorPage {
        tenant: "",
        heading: "This request cannot be served",
        text,
        details: &[],
    };
    page.respond(status)
}
