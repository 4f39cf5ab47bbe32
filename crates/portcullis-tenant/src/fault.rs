//! What goes wrong on our side while a person looks on.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis::Chain;
use portcullis_store::tenant::DatabaseError;
use portcullis_token::{NoRandomness, SigningError};

use crate::pages::ErrorPage;
use crate::passwords::PasswordError;

/// Why a page or an answer could not be made: nobody's fault who is not us. HTTP 500 or 503.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the tenant's database could not be used")]
    Database(#[from] DatabaseError),
    #[error("nothing random could be made")]
    Randomness(#[from] NoRandomness),
    #[error("a token could not be signed")]
    Signing(#[from] SigningError),
    #[error("a password could not be checked")]
    Password(#[from] PasswordError),
    #[error("a pending request could not be written")]
    Json(#[from] serde_json::Error),
}

impl Fault {
    /// Logs the fault, and says which status it is answered with.
    pub(crate) fn log(&self) -> StatusCode {
        tracing::error!(error = %Chain(self), "could not answer a browser");
        match self {
            Self::Database(DatabaseError::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.log();
        let page = ErrorPage {
            tenant: "",
            heading: "Something went wrong",
            text: "It is not your fault. Please go back to the application and try again.",
            details: &[],
        };
        page.respond(status)
    }
}
